// A policy file's body with a header that fits it: the verifier and our invariants are all that stands before decide().
#include <cstring>
#include <vector>

#include "policy/decide.h"
#include "policy/file_header.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace {

using namespace vpn::policy;

DeviceState connected(const Policy& policy) {
  DeviceState state;
  state.primary_interface = "wlan0";
  state.captive = state.probing = true;
  InterfaceState& wifi = state.interfaces.emplace_back();
  wifi.name = "wlan0";
  wifi.type = InterfaceType::wifi;
  wifi.addresses.emplace_back(Address::from_v4(0xc0a80114), std::uint8_t{24});
  if (policy.body().tunnels() == nullptr) return state;
  for (const fb::Tunnel* t : *policy.body().tunnels()) {
    if (state.tunnels.size() == 64) break;
    TunnelState& tunnel = state.tunnels.emplace_back();
    tunnel.id = t->id()->str();
    tunnel.status = TunnelStatus::connected;
    tunnel.interface = "utun0";
    tunnel.included_routes.push_back({});
  }
  return state;
}

void use(const Policy& policy, const DeviceState& state) {
  const Situation situation(policy, state);
  Flow flow;
  flow.owner = Owner::app;
  flow.app = "com.example.mail";
  flow.spawned_by = "com.example.terminal";
  flow.hostname = "www.example.com";
  flow.remote = Address::from_v4(0xcb007150);
  flow.remote_port = 443;
  for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}, std::uint8_t{58}}) {
    flow.protocol = protocol;
    for (const bool incoming : {false, true}) {
      flow.incoming = incoming;
      std::vector<Passed> passed;
      verdict_json(policy, decide(situation, flow, &passed));
    }
  }
  for (std::uint32_t i = 0; i < policy.apps().size() && i < 1000; ++i) policy.apps().find(policy.apps().name(i));
  policy.domains().for_each([&](std::string_view name, auto, auto) { policy.domains().lookup(name); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (1u << 20)) return 0;
  const std::span<const std::byte> body(reinterpret_cast<const std::byte*>(data), size);
  FileHeader header;
  header.shown.format_version = format_version;
  header.shown.minimum_reader = reader_version;
  header.body_size = size;
  if (!sha256(body, header.body_sha256)) return 0;
  const auto head = encode(header);
  if (!head) return 0;
  std::vector<std::byte> file(head->begin(), head->end());
  file.insert(file.end(), body.begin(), body.end());
  const auto policy = Policy::from_bytes(std::span<const std::byte>(file));
  if (!policy) return 0;
  use(*policy, {});
  use(*policy, connected(*policy));
  return 0;
}
