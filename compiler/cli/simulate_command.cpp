// vpnprofile simulate: recorded traffic through a policy.
#include <chrono>
#include <cstdio>

#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/outputs.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/progress.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/simulate_report.h"
#include "compiler/cli/state_input.h"
#include "compiler/simulate/capture.h"
#include "compiler/simulate/simulation.h"

namespace vpn::cli {
namespace {

constexpr std::size_t most_flows = std::size_t{1} << 20;

constexpr Option simulate_own_options[] = {
    {"pcap", 0, "FILE", "the capture, pcap or pcapng; '-' is standard input", {}},
    {"timeline", 't', "FILE", "what the device was in, and when; JSON or YAML", {}},
    {"state", 's', "FILE", "in place of a timeline: one device state for all of it, JSON", {}},
    {"apps", 0, "FILE", "whose flows they were, JSON or YAML; unmapped ones are 'other'", {}},
    {"local", 0, "ADDRESS", "address or prefix of the device, beside those of the states' interfaces", {}, true},
    {"interface", 0, "NAME", "where the capture was taken: what arrives, arrives there", {}},
    {"names", 0, "LIST", "where host names come from; both unless said", "dns,tls", false, true},
    {"packets", 0, "", "also prints a line for each packet", {}},
    {"most", 0, "N", "prints the N rows with the most bytes only (text)", {}},
    {"most-flows", 0, "N", "lists so many flows at the most; 1048576 unless said", {}},
    {"write-dropped", 0, "FILE", "writes the packets that are dropped as a capture", {}},
};
constexpr Option simulate_format[] = {
    {"format", 0, "FORMAT", "how to print; jsonl is one JSON object on each line", "text,json,jsonl"}};
constexpr auto simulate_options = joined(simulate_own_options, for_profiles, simulate_format);

/// What was given, read and checked.
struct Task {
  PolicyInput policy;
  simulate::Timeline timeline;
  std::vector<std::string> timeline_files;
  simulate::AppMap apps;
  simulate::Options options;
  SimulateReport::Setup report;
};

Error wrong(std::string what) { return {ErrorKind::usage, std::move(what), {}, "see 'vpnprofile simulate --help'"}; }

Result<void> check_usage(const Arguments& arguments) {
  if (!arguments.has("pcap")) return tl::unexpected(wrong("no capture is given: --pcap"));
  if (arguments.has("timeline") == arguments.has("state"))
    return tl::unexpected(wrong("give either --timeline or --state: verdicts depend on what the device is in"));
  if (auto ok = check_standard_input(arguments, {"pcap", "timeline", "state", "apps", "app-map"}); !ok) return ok;
  if (arguments.get("write-dropped") == "-")
    return tl::unexpected(wrong("--write-dropped wants a file: standard output is for the verdicts"));
  return {};
}

/// Nothing that was read may be written.
Result<void> keep_read_files(const Arguments& arguments, const Task& task) {
  std::vector<std::string> read = task.policy.files;
  read.insert(read.end(), task.timeline_files.begin(), task.timeline_files.end());
  for (const char* option : {"pcap", "state", "apps"}) read.push_back(arguments.get(option));
  return keep_apart({arguments.get("write-dropped")}, read);
}

Result<void> read_options(const Arguments& arguments, Task& task) {
  for (const std::string& text : arguments.all("local")) {
    const auto prefix = policy::Prefix::parse(text);
    if (!prefix) return tl::unexpected(wrong("--local wants an address or a prefix, not '" + text + "'"));
    task.options.local.push_back(*prefix);
  }
  task.options.interface = arguments.get("interface");
  if (arguments.has("names")) {
    const std::vector<std::string> sources = arguments.words("names");
    task.options.names_from_dns = std::find(sources.begin(), sources.end(), "dns") != sources.end();
    task.options.names_from_tls = std::find(sources.begin(), sources.end(), "tls") != sources.end();
  }
  const auto flows = arguments.number("most-flows", most_flows, std::uint64_t{1} << 28);
  const auto rows = arguments.number("most", 0, UINT32_MAX);
  if (!flows || !rows) return tl::unexpected(!flows ? flows.error() : rows.error());
  task.options.most_flows = static_cast<std::size_t>(*flows);
  task.report.most = static_cast<std::size_t>(*rows);
  const std::string format = arguments.get("format", "text");
  task.report.form = format == "json"    ? SimulateForm::json
                     : format == "jsonl" ? SimulateForm::json_lines
                                         : SimulateForm::text;
  task.report.capture = arguments.get("pcap");
  task.report.packets = arguments.has("packets");
  task.report.color = use_color(1);
  return {};
}

/// Exit code; `ok`: all could be read.
int read_files(const Arguments& arguments, Task& task) {
  int exit = Exit::ok;
  if (arguments.has("timeline")) {
    auto reading = simulate::read_timeline(arguments.get("timeline"));
    exit = report_all(reading.problems);
    task.timeline = std::move(reading.timeline);
    task.timeline_files = std::move(reading.files);
  } else {
    auto state = read_state(arguments.get("state"));
    if (!state) return report(state.error());
    task.timeline = simulate::constant(arguments.get("state"), std::move(*state));
  }
  if (arguments.has("apps")) {
    auto reading = simulate::read_app_map(arguments.get("apps"));
    exit = std::max(exit, report_all(reading.problems));
    task.apps = std::move(reading.map);
  }
  if (exit != Exit::ok) return exit;
  task.policy = open_policy(request_of(arguments));
  if (!task.policy.policy) return report_failure(task.policy);
  say_compiled(task.policy);
  for (const simulate::NamedState& s : task.timeline.states)
    warn_strange_tunnels({&*task.policy.policy}, s.state, s.name);
  return Exit::ok;
}

/// Through all frames. Exit code: what could not be read, judged or written.
int run_capture(simulate::Capture& capture, simulate::Simulation& simulation, SimulateReport& report_to, bool packets,
                simulate::DroppedFile* dropped) {
  Progress progress("simulating", static_cast<std::size_t>(capture.size() >> 20), "MiB");
  std::span<const simulate::Frame> frames = capture.next();
  if (const auto begun = simulation.begin(capture.link(), frames.empty() ? 0 : frames[0].at); !begun)
    return report(begun.error());
  if (!report_to.begin()) return Exit::unreadable;
  std::uint64_t number = 0;
  for (std::uint64_t rounds = 0; !frames.empty(); frames = capture.next(), ++rounds) {
    simulation.prepare(frames);
    for (const simulate::Frame& frame : frames) {
      const simulate::Judged judged = simulation.take();
      const bool is_dropped = judged.what == simulate::Judged::What::flow && judged.verdict == policy::Verdict::drop;
      if (dropped != nullptr && is_dropped) dropped->write(frame);
      if (packets && !report_to.packet(++number, frame, judged)) return Exit::unreadable;
    }
    if (rounds % 1024 == 0 && capture.size() != 0) progress.reach(static_cast<std::size_t>(capture.position() >> 20));
  }
  simulation.finish();
  return Exit::ok;
}

void say_speed(const simulate::Counts& counts, double seconds) {
  std::fprintf(stderr, "%llu packets in %.3f s: %.2f million a second\n",
               static_cast<unsigned long long>(counts.all.packets), seconds,
               static_cast<double>(counts.all.packets) / std::max(seconds, 1e-9) / 1e6);
}

int run_simulate(const Arguments& arguments) {
  Task task;
  if (const auto usage = check_usage(arguments); !usage) return report(usage.error());
  if (const auto options = read_options(arguments, task); !options) return report(options.error());
  if (const int exit = read_files(arguments, task); exit != Exit::ok) return exit;
  if (const auto apart = keep_read_files(arguments, task); !apart) return report(apart.error());
  const auto capture = simulate::Capture::open(arguments.get("pcap"));
  if (!capture) return report(capture.error());
  std::unique_ptr<simulate::DroppedFile> dropped;
  if (arguments.has("write-dropped")) {
    auto created = simulate::DroppedFile::create(arguments.get("write-dropped"), **capture);
    if (!created) return report(created.error());
    dropped = std::move(*created);
  }
  task.report.link = (*capture)->link_name();
  const bool packets = task.report.packets;
  const policy::Policy& policy = *task.policy.policy;
  simulate::Simulation simulation(policy, std::move(task.timeline), std::move(task.apps), std::move(task.options));
  SimulateReport report_to(policy, simulation, std::move(task.report));
  const auto begin = std::chrono::steady_clock::now();
  int exit = run_capture(**capture, simulation, report_to, packets, dropped.get());
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  if (exit != Exit::ok) return exit;
  if (!report_to.finish()) return Exit::unreadable;
  say_speed(simulation.counts(), spent.count());
  for (const std::string& note : simulation.notes()) std::fprintf(stderr, "note: %s\n", without_controls(note).c_str());
  if (!(*capture)->state()) exit = report((*capture)->state().error());
  if (dropped == nullptr) return exit;
  if (const auto written = dropped->finish(); !written) return std::max(exit, report(written.error()));
  return exit;
}

}  // namespace

const Command simulate_command{"simulate",
                               "run recorded traffic through a policy",
                               "POLICY|PROFILE…",
                               1,
                               -1,
                               simulate_options,
                               "  vpnprofile simulate p.vpnpolicy --pcap day.pcapng --timeline day.yaml\n"
                               "  vpnprofile simulate p.vpnpolicy --pcap day.pcap --state up.json \\\n"
                               "    --write-dropped dropped.pcap --format jsonl",
                               run_simulate};

}  // namespace vpn::cli
