// Bytes that claim to be generic netlink's, of Wi-Fi.
#include <cstdlib>

#include "agent/network/wifi_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent;
  const auto bytes = std::as_bytes(std::span(data, size));
  constexpr std::uint16_t family = 28;  // as in the corpus
  for (const auto sequence : {std::optional<std::uint32_t>(0), std::optional<std::uint32_t>()}) {
    const WifiNews news = read_wifi(bytes, family, sequence);
    for (const WifiInterface& i : news.interfaces)
      if (!sequence || i.index == 0 || i.ssid.size() > 32) std::abort();
    if (news.family && (news.family->number < 0x10 || news.family->groups.size() > 32)) std::abort();
    if (news.error < 0) std::abort();
  }
  return 0;
}
