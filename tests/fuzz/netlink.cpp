// Bytes that claim to be rtnetlink's.
#include <cstdlib>

#include "agent/network/netlink_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent;
  const NetlinkNews news = read_netlink(std::as_bytes(std::span(data, size)));
  for (const NetlinkNews::Item& item : news.items) {
    if (item.link.link.name.size() > 15) std::abort();
    if (item.address.length > (item.address.address.v6 ? 128 : 32)) std::abort();
    // What we take for ours can be taken away again by the same words.
    if (item.kind == NetlinkNews::Item::Kind::own_route &&
        read_netlink(NetlinkRequest::route(item.own_route, true, 1)).items.size() != 1)
      std::abort();
  }
  return 0;
}
