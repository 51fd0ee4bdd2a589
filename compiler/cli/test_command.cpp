// vpnprofile test: unit tests of policies.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "compiler/cli/commands.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/progress.h"
#include "compiler/cli/test_report.h"
#include "compiler/cli/verdict_text.h"
#include "compiler/scenario/scenario.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

constexpr Option test_options[] = {
    {"filter", 0, "TEXT", "only cases whose file, line, name, state or flow contains TEXT", {}, true},
    {"trust", 0, "FILE", "certificate that signed profiles must lead up to", {}, true},
    {"decrypt-key", 0, "FILE", "private key that opens encrypted payloads", {}},
    {"format", 0, "FORMAT", "how to print", "text,json,junit"},
};

/// "tunnel  S3.e  A#0": what is left out shows as a dot where something follows.
std::string verdict_line(policy::Verdict verdict, std::string_view rule, std::string_view tunnel) {
  std::string text(to_string(verdict));
  if (rule.empty() && tunnel.empty()) return text;
  text.append(8 - text.size(), ' ').append(rule.empty() ? "·" : rule);
  return tunnel.empty() ? text : text.append("  ").append(tunnel);
}

std::string got_text(const policy::Policy& policy, const policy::Decision& got) {
  const bool has_tunnel = got.tunnel != policy::none;
  return verdict_line(got.verdict, to_string(got.rule),
                      has_tunnel ? policy.body().tunnels()->Get(got.tunnel)->id()->string_view() : std::string_view{});
}

std::string expected_text(const scenario::Expectation& expected) {
  return verdict_line(expected.verdict, expected.rule ? to_string(*expected.rule) : std::string_view{},
                      expected.tunnel ? std::string_view(*expected.tunnel) : std::string_view{});
}

std::string expected_json(const scenario::Expectation& expected) {
  nlohmann::ordered_json out{{"verdict", to_string(expected.verdict)}};
  if (expected.tunnel) out["tunnel"] = *expected.tunnel;
  if (expected.rule) out["rule"] = to_string(*expected.rule);
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

TestCase described(const policy::Policy& policy, const scenario::Outcome& outcome) {
  const scenario::Case& test = *outcome.test;
  return {test.name,
          test.line,
          test.column,
          test.state,
          flow_text(test.flow.flow),
          test.flow_json,
          expected_text(test.expected),
          got_text(policy, outcome.got),
          policy::verdict_json(policy, outcome.got),
          expected_json(test.expected),
          std::string(rule_text(outcome.got.rule)),
          source_text(policy, outcome.got.source),
          outcome.passed};
}

bool selected(const std::vector<std::string>& filters, const std::string& file, const scenario::Case& test) {
  if (filters.empty()) return true;
  const std::string all =
      file + ":" + std::to_string(test.line) + "\n" + test.name + "\n" + test.state + "\n" + flow_text(test.flow.flow);
  return std::any_of(filters.begin(), filters.end(),
                     [&](const std::string& f) { return all.find(f) != std::string::npos; });
}

TestFile test_file(const std::string& path, const Arguments& arguments) {
  TestFile out;
  out.file = path;
  scenario::Reading reading = scenario::read(path);
  out.problems = std::move(reading.problems);
  if (!out.problems.empty()) return out;
  const scenario::Scenario& s = reading.scenario;
  PolicyRequest request{s.profiles, s.app_map, s.platform, arguments.all("trust"), {}};
  if (!s.policy.empty()) request.paths = {s.policy};
  if (arguments.has("decrypt-key")) request.decrypt_key = arguments.get("decrypt-key");
  PolicyInput input = open_policy(request);
  if (!input.policy) {
    std::fputs(input.findings.c_str(), stderr);
    out.problems = std::move(input.problems);
    if (!input.findings.empty())
      out.problems.push_back({ErrorKind::invalid_input, "its profiles have errors", path,
                              "'vpnprofile lint' shows them; compile refuses such profiles too"});
    return out;
  }
  const auto filters = arguments.all("filter");
  const auto outcomes =
      scenario::run(s, *input.policy, [&](const scenario::Case& c) { return selected(filters, path, c); });
  for (const scenario::Outcome& outcome : outcomes) out.cases.push_back(described(*input.policy, outcome));
  for (const auto& [name, state] : s.states)
    for (const std::string& id : policy::strange_tunnels(*input.policy, state))
      out.warnings.push_back(std::string(path)
                                 .append(": the state '")
                                 .append(name)
                                 .append("' lists the tunnel '")
                                 .append(id)
                                 .append("', which the policy does not have"));
  return out;
}

int run_test(const Arguments& arguments) {
  std::vector<TestFile> files;
  Progress progress("testing", arguments.positional().size());
  int exit = Exit::ok;
  for (const std::string& path : arguments.positional()) {
    files.push_back(test_file(path, arguments));
    for (const Error& problem : files.back().problems) exit = std::max(exit, report(problem));
    for (const std::string& warning : files.back().warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
    if (!files.back().fine()) exit = std::max<int>(exit, Exit::findings);
    progress.advance();
  }
  const TestTotals t = totals(files);
  if (t.cases == 0 && t.faulty_files == 0 && arguments.has("filter"))
    return report({ErrorKind::usage, "no case matches --filter", {}, "see 'vpnprofile test --help'"});
  const std::string format = arguments.get("format", "text");
  const std::string text = format == "json"    ? test_json(files)
                           : format == "junit" ? test_junit(files)
                                               : test_text(files, use_color(1));
  return print(text) ? exit : Exit::unreadable;
}

}  // namespace

const Command test_command{"test",
                           "check the verdicts that scenario files expect",
                           "FILE…",
                           1,
                           -1,
                           test_options,
                           "  vpnprofile test profiles/*.test.yaml\n"
                           "  vpnprofile test always-on.test.yaml --filter captive --format junit",
                           run_test};

}  // namespace vpn::cli
