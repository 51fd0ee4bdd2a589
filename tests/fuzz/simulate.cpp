// Captures, frames, timelines and maps of apps. The first byte says which.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "compiler/simulate/capture.h"
#include "compiler/simulate/simulation.h"
#include "tests/support/policy_maker.h"

namespace {

using namespace vpn::simulate;

void demand(bool holds) {
  if (!holds) std::abort();
}

/// A file of these bytes, by a name that can be opened.
class NamedBytes {
 public:
  NamedBytes(const std::uint8_t* data, std::size_t size) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    demand(::write(fd_, data, size) == static_cast<ssize_t>(size));
  }
  NamedBytes(const NamedBytes&) = delete;
  NamedBytes& operator=(const NamedBytes&) = delete;
  ~NamedBytes() { ::close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

const vpn::policy::Policy& policy() {
  static const vpn::policy::Policy made = [] {
    vpn::test::PolicyMaker maker;
    const std::uint32_t vpn = maker.per_app("P");
    maker.app("com.example.browser", {vpn::policy::Role::browser}).governed.insert(vpn);
    maker.domains(vpn::test::made::ListKind::excluded, vpn, {"example.com"});
    maker.device("T").include_all = true;
    return maker.make();
  }();
  return made;
}

Timeline timeline() {
  vpn::policy::DeviceState state;
  state.primary_interface = "wlan0";
  vpn::policy::InterfaceState& wifi = state.interfaces.emplace_back();
  wifi.name = "wlan0";
  wifi.addresses.emplace_back(vpn::policy::Address::from_v4(0xc0a80114), std::uint8_t{24});
  vpn::policy::TunnelState& tunnel = state.tunnels.emplace_back();
  tunnel.id = "P";
  tunnel.status = vpn::policy::TunnelStatus::connected;
  tunnel.interface = "utun0";
  Timeline out = constant("up", state);
  out.states.push_back({"down", {}});
  out.points.push_back({{2 * second, false}, 2, {}});
  return out;
}

AppMap browser() {
  auto as = std::make_shared<vpn::policy::FlowText>();
  as->flow.owner = vpn::policy::Owner::app;
  as->flow.app = "com.example.browser";
  AppMap out;
  out.entries.push_back({{}, as});
  return out;
}

Options options() {
  Options out;
  out.most_flows = 64;
  out.seed = 7;
  return out;
}

void finish(Simulation& simulation) {
  simulation.finish();
  const Counts& c = simulation.counts();
  std::uint64_t packets = c.not_ip.packets + c.malformed.packets + c.another.packets;
  for (const auto& direction : c.unlisted)
    for (const Counted& one : direction) packets += one.packets;
  simulation.each([&](const Listed& l) {
    demand(l.counted.packets > 0 && l.flow.hostname.size() <= 255);
    packets += l.counted.packets;
  });
  demand(packets == c.all.packets);
  simulation.notes();
}

void use_capture(const std::uint8_t* data, std::size_t size) {
  const NamedBytes file(data, size);
  const auto capture = Capture::open(file.path());
  if (!capture) return;
  Simulation simulation(policy(), timeline(), browser(), options());
  std::span<const Frame> frames = (*capture)->next();
  demand(simulation.begin((*capture)->link(), frames.empty() ? 0 : frames[0].at).has_value() || !frames.empty());
  for (; !frames.empty(); frames = (*capture)->next()) {
    simulation.prepare(frames);
    for (std::size_t i = 0; i < frames.size(); ++i) simulation.take();
  }
  finish(simulation);
}

/// Each with the time since the one before, and its length.
void use_frames(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  Simulation simulation(policy(), timeline(), browser(), options());
  demand(simulation.begin(static_cast<Link>(data[0] % 5), 0).has_value());
  Moment at = 0;
  for (std::size_t next = 1; next + 3 <= size;) {
    at += Moment{data[next]} * (second / 64);
    const std::size_t length =
        std::min<std::size_t>(static_cast<std::size_t>(data[next + 1]) << 8 | data[next + 2], size - next - 3);
    simulation.take({at, static_cast<std::uint32_t>(length), {data + next + 3, length}});
    next += 3 + length;
  }
  finish(simulation);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > (1u << 16)) return 0;
  const NamedBytes file(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      use_capture(data + 1, size - 1);
      break;
    case 1:
      use_frames(data + 1, size - 1);
      break;
    case 2: {
      const TimelineReading reading = read_timeline(file.path());
      if (reading.problems.empty()) demand(!reading.timeline.points.empty());
      break;
    }
    default: {
      AppMapReading reading = read_app_map(file.path());
      if (!reading.problems.empty()) break;
      const Attribution apps(std::move(reading.map), 0);
      const FlowEnds flow{vpn::policy::Address::from_v4(1), vpn::policy::Address::from_v4(2), 50000, 443, 6};
      demand(apps.ask(flow, second).until > second);
    }
  }
  return 0;
}
