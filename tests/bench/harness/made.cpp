#include "tests/bench/harness/made.h"

#include <random>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/model/build.h"

namespace vpn::bench {

Result<lower::Output> compile_profile(const std::string& text) {
  findings::Sink sink;
  const auto document = document::read(std::make_unique<document::Source>("bench.mobileconfig", text), {}, sink);
  if (!document) return fail(ErrorKind::invalid_input, "the benchmark's profile cannot be read");
  const document::Document* const documents[] = {document.get()};
  return lower::lower(model::build(documents, {}), {});
}

policy::DeviceState state_with(const std::string& tunnel, std::size_t routes) {
  policy::DeviceState s;
  s.primary_interface = "wlan0";
  policy::InterfaceState i;
  i.name = "wlan0";
  i.type = policy::InterfaceType::wifi;
  i.addresses.emplace_back(*policy::Address::parse("192.168.1.20"), std::uint8_t{24});
  s.interfaces.push_back(i);
  policy::TunnelState t;
  t.id = tunnel;
  t.status = policy::TunnelStatus::connected;
  t.interface = "utun0";
  std::mt19937 random(3);
  for (std::size_t r = 0; r < routes; ++r) {
    auto& list = r % 4 == 0 ? t.excluded_routes : t.included_routes;
    list.push_back(policy::Prefix::of(policy::Address::from_v4(static_cast<std::uint32_t>(random())),
                                      static_cast<std::uint8_t>(16 + random() % 17)));
  }
  s.tunnels.push_back(t);
  return s;
}

}  // namespace vpn::bench
