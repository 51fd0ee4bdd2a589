// vpnprofile explain: what a policy does with a flow, in a device state.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/source_excerpt.h"
#include "compiler/cli/state_input.h"
#include "compiler/cli/verdict_text.h"
#include "policy/json/json.h"

namespace vpn::cli {
namespace {

constexpr Option explain_own_options[] = {
    {"state",
     's',
     "FILE",
     "device state, JSON; a missing file is a booting device: no interface, nothing connected",
     {}},
    {"flow", 'f', "FLOW", "one flow, as JSON or @FILE", {}},
    {"flows", 0, "FILE", "many flows, a JSON object on each line; '-' is standard input", {}},
};
constexpr Option explain_format[] = {{"format", 0, "FORMAT", "how to print", "text,json"}};
constexpr auto explain_options = joined(explain_own_options, for_profiles, explain_format);

int explain_one(const PolicyInput& input, const policy::Situation& situation, const Arguments& arguments) {
  const policy::Policy& policy = *input.policy;
  const auto text = inline_or_file(arguments.get("flow"));
  if (!text) return report(text.error());
  std::vector<std::string> unknown;
  const auto flow = policy::parse_flow(*text, &unknown);
  if (!flow) return report(flow.error());
  warn_unknown("flow", unknown);
  if (arguments.get("format", "text") == "json")
    return print(policy::verdict_json(policy, decide(situation, flow->flow)) + "\n") ? Exit::ok : Exit::unreadable;
  std::vector<policy::Passed> passed;
  const policy::Decision decision = decide(situation, flow->flow, &passed);
  const bool color = use_color(1);
  const std::string excerpt =
      source_excerpt(policy, decision.source, input.compiled ? std::string{} : arguments.positional()[0], color);
  return print(explain_text(policy, flow->flow, decision, passed, excerpt, color)) ? Exit::ok : Exit::unreadable;
}

std::string text_line(const policy::Policy& policy, const policy::Flow& flow, const policy::Decision& decision,
                      bool color) {
  std::string line = verdict_word(decision.verdict, color);
  line.append(line.size() < 8 ? 8 - line.size() : 1, ' ');
  line += std::string(policy::to_string(decision.rule)) + "\t" + flow_text(flow);
  if (const std::string source = source_text(policy, decision.source); !source.empty()) line += "\t" + source;
  return line;
}

std::string error_line(const Error& error, std::size_t number, bool json) {
  if (!json) return "error on line " + std::to_string(number) + ": " + error.what;
  nlohmann::ordered_json out{{"error", error.what}, {"line", number}};
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// One line of the input: the verdict, or the error.
std::string explain_line(const policy::Policy& policy, const policy::Situation& situation, std::string_view line,
                         std::size_t number, bool json, bool color, std::vector<std::string>& unknown, int& exit) {
  const auto flow = policy::parse_flow(line, &unknown);
  if (!flow) {
    exit = Exit::findings;
    return error_line(flow.error(), number, json);
  }
  const policy::Decision decision = decide(situation, flow->flow);
  return json ? policy::verdict_json(policy, decision) : text_line(policy, flow->flow, decision, color);
}

int explain_lines(const policy::Policy& policy, const policy::Situation& situation, const Arguments& arguments) {
  const std::string path = arguments.get("flows");
  auto text = read_input(path, std::size_t{1} << 30);
  if (!text) return report(text.error());
  text->erase(text->find_last_not_of(" \t\r\n") + 1);  // blank lines at the end are none
  const bool json = arguments.get("format", "text") == "json";
  const bool color = use_color(1);
  int exit = Exit::ok;
  std::string out;
  std::set<std::string> warned;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::vector<std::string> unknown;
    out += explain_line(policy, situation, std::string_view(*text).substr(begin, end - begin), ++number, json, color,
                        unknown, exit);
    out += '\n';
    begin = end + 1;
    for (const std::string& key : unknown)
      if (warned.size() < 20 && warned.insert(key).second) warn_unknown(path + ":" + std::to_string(number), {key});
    if (out.size() > (std::size_t{1} << 20)) {
      if (!print(out)) return Exit::unreadable;
      out.clear();
    }
  }
  return print(out) ? exit : Exit::unreadable;
}

int run_explain(const Arguments& arguments) {
  if (arguments.has("flow") == arguments.has("flows"))
    return report({ErrorKind::usage, "give either --flow or --flows", {}, "see 'vpnprofile explain --help'"});
  if (const auto ok = check_standard_input(arguments, {"state", "flows", "app-map"}); !ok) return report(ok.error());
  const PolicyInput input = open_policy(request_of(arguments));
  if (!input.policy) return report_failure(input);
  say_compiled(input);
  const auto state = read_state(arguments.get("state"));
  if (!state) return report(state.error());
  warn_strange_tunnels({&*input.policy}, *state, {});
  const policy::Situation situation(*input.policy, *state);
  return arguments.has("flow") ? explain_one(input, situation, arguments)
                               : explain_lines(*input.policy, situation, arguments);
}

}  // namespace

extern const Command explain_command{"explain",
                                     "say what a policy does with a flow, and why",
                                     "POLICY|PROFILE…",
                                     1,
                                     -1,
                                     explain_options,
                                     "  vpnprofile explain p.vpnpolicy --state wifi.json \\\n"
                                     "    --flow '{\"app\": \"com.example.mail\", \"protocol\": \"tcp\", \"remote\": "
                                     "\"203.0.113.80\", \"remote_port\": 443}'",
                                     run_explain};

}  // namespace vpn::cli
