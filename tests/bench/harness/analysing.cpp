// "Analysing": what a policy would have done with recorded traffic.
#include <pcap/pcap.h>

#include <cstdio>

#include "compiler/simulate/capture.h"
#include "compiler/simulate/simulation.h"
#include "tests/bench/harness/captures.h"
#include "tests/bench/harness/made.h"
#include "tests/bench/harness/process.h"
#include "tests/bench/harness/profiles.h"
#include "tests/bench/harness/suites.h"
#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

constexpr double nano = 1e9;

std::size_t read_only(const std::string& path) {
  char why[PCAP_ERRBUF_SIZE];
  pcap_t* capture = ::pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, why);
  if (capture == nullptr) return 0;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  std::size_t packets = 0;
  while (::pcap_next_ex(capture, &header, &bytes) == 1) ++packets;
  ::pcap_close(capture);
  return packets;
}

std::size_t simulate_all(const std::string& path, const policy::Policy& policy, const policy::DeviceState& state) {
  const auto capture = simulate::Capture::open(path);
  if (!capture) return 0;
  simulate::Simulation simulation(policy, simulate::constant("up", state), {}, {});
  std::span<const simulate::Frame> frames = (*capture)->next();
  if (frames.empty() || !simulation.begin((*capture)->link(), frames[0].at)) return 0;
  for (; !frames.empty(); frames = (*capture)->next()) {
    simulation.prepare(frames);
    for (std::size_t i = 0; i < frames.size(); ++i) simulation.take();
  }
  simulation.finish();
  return static_cast<std::size_t>(simulation.counts().all.packets);
}

void simulate_row(std::size_t flows, Bound bound, const Setup& setup, Rows& rows) {
  const std::string path = setup.folder + "/traffic.pcap";
  const std::size_t packets = setup.quick ? 20'000 : 2'000'000;
  const auto made = compile_profile(read_file(setup.data + "/typical-9k.mobileconfig"));
  if (!made || !write_capture(path, packets, setup.quick ? flows / 100 : flows)) return;
  const auto policy = policy::Policy::from_bytes(std::span<const std::byte>(made->policy.data(), made->policy.size()));
  if (!policy) return;
  const policy::DeviceState state = state_with("7B1D9C5E-0F3A-4C60-9A11-000000000001", 0);
  std::size_t ours = 0, peer = 0;
  const Pair pair = interleaved(
      setup.quick ? 3 : 7, 1, [&] { ours += simulate_all(path, *policy, state); }, [&] { peer += read_only(path); });
  if (ours != peer || ours == 0) {
    std::fprintf(stderr, "error: simulate: %zu packets, libpcap reads %zu\n", ours, peer);
    return;
  }
  const double each = nano / (static_cast<double>(ours) / (setup.quick ? 4 : 8));
  rows.add({"simulate, " + std::to_string(flows) + " flows: a packet, beyond reading it", "ns",
            (pair.ours - pair.peer) * each, pair.peer * each, "libpcap reading the same file", bound, 200});
}

// Whole processes: what a pipeline waits for.
void analysis_rows(const Setup& setup, const std::string& what, const std::string& before, const std::string& after,
                   double most, Rows& rows) {
  const std::string old_path = setup.folder + "/old.mobileconfig", new_path = setup.folder + "/new.mobileconfig";
  const std::string old_policy = setup.folder + "/old.vpnpolicy", new_policy = setup.folder + "/new.vpnpolicy";
  write_file(old_path, before);
  write_file(new_path, after);
  if (run_process({setup.program, "compile", old_path, "-o", old_policy}).status != 0 ||
      run_process({setup.program, "compile", new_path, "-o", new_policy}).status != 0) {
    std::fprintf(stderr, "error: %s: not compiled\n", what.c_str());
    return;
  }
  const auto [prove, diff] =
      run_interleaved(setup.quick ? 3 : 7, {setup.program, "prove", new_policy, "--property", "no-leak"},
                      {setup.program, "diff", old_policy, new_policy});
  if (prove.status != 1 || diff.status != 1) {  // per-app VPNs leak by definition, and the policies differ
    std::fprintf(stderr, "error: %s: exit %d and %d\n", what.c_str(), prove.status, diff.status);
    return;
  }
  rows.add({"prove no-leak, " + what + ": process", "ms", prove.seconds * 1e3, 0, "", Bound::ours_at_most, most});
  rows.add({"diff, " + what + ": process", "ms", diff.seconds * 1e3, 0, "", Bound::ours_at_most, most});
}

}  // namespace

void analysing(const Setup& setup, Rows& rows) {
  const std::size_t names = setup.quick ? 20'000 : 1'000'000, apps = setup.quick ? 200 : 10'000;
  analysis_rows(setup, "typical", domains_and_apps(40, 20, 12), domains_and_apps(40, 0, 12), 100, rows);
  analysis_rows(setup, "1,000,000 domains and 10,000 apps", domains_and_apps(names, 3, apps),
                domains_and_apps(names, 0, apps), 2000, rows);
  simulate_row(10'000, Bound::ours_at_most, setup, rows);  // five million packets a second
  simulate_row(100'000, Bound::none, setup, rows);         // one in twenty begins a flow
}

}  // namespace vpn::bench
