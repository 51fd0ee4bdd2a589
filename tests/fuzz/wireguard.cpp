// The text of a wg-quick file, and what wireguard-go answers: what is taken is within its bounds, and no error shows a
// key.
#include <cstdlib>
#include <string_view>

#include "agent/tunnel/wireguard/device.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent::wireguard;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto status = read_answer(text); status && status->peers.size() > 64) std::abort();
  const auto config = read_quick_config(text);
  if (!config) {
    if (config.error().what.size() + config.error().where.size() > 200) std::abort();
    return 0;
  }
  if (config->peers.empty() || config->peers.size() > 64 || config->addresses.empty()) std::abort();
  DeviceSettings settings;
  for (const Peer& peer : config->peers) {
    if (!peer.host.empty() && peer.port == 0) std::abort();
    settings.peers.push_back(vpn::policy::Address::parse(peer.host));
  }
  // What wireguard-go is told has one request for each empty line, and no other.
  const std::string told = set_text(*config, settings);
  std::size_t requests = 0;
  for (auto at = told.find("set=1\n"); at != std::string::npos; at = told.find("set=1\n", at + 1)) ++requests;
  std::size_t ends = 0;
  for (auto at = told.find("\n\n"); at != std::string::npos; at = told.find("\n\n", at + 1)) ++ends;
  if (requests != 3 || ends != 3) std::abort();
  return 0;
}
