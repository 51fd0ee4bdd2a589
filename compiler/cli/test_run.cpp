#include "compiler/cli/test_run.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/cli/policy_input.h"
#include "compiler/cli/verdict_text.h"
#include "compiler/scenario/scenario.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

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

}  // namespace

TestFile run_test_file(const std::string& path, const TestRequest& asked) {
  TestFile out;
  out.file = path;
  scenario::Reading reading = scenario::read(path);
  out.problems = std::move(reading.problems);
  out.files = std::move(reading.files);
  if (!out.problems.empty()) return out;
  const scenario::Scenario& s = reading.scenario;
  PolicyRequest request{s.profiles, s.app_map, s.platform, asked.trust, asked.decrypt_key};
  if (!s.policy.empty()) request.paths = {s.policy};
  PolicyInput input = open_policy(request);
  out.files.insert(out.files.end(), input.files.begin(), input.files.end());
  if (!input.policy) {
    out.findings = std::move(input.findings);
    out.problems = std::move(input.problems);
    if (!out.findings.empty())
      out.problems.push_back({ErrorKind::invalid_input, "its profiles have errors", path,
                              "'vpnprofile lint' shows them; compile refuses such profiles too"});
    return out;
  }
  const auto outcomes =
      scenario::run(s, *input.policy, [&](const scenario::Case& c) { return selected(asked.filters, path, c); });
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

}  // namespace vpn::cli
