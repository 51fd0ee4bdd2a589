// vpnprofile explain: what a policy does with a flow, in a device state.
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/verdict_text.h"
#include "policy/json/json.h"

namespace vpn::cli {
namespace {

constexpr Option options[] = {
    {"state",
     's',
     "FILE",
     "device state, JSON; a missing file is a booting device: no interface, nothing connected",
     {}},
    {"flow", 'f', "FLOW", "one flow, as JSON or @FILE", {}},
    {"flows", 0, "FILE", "many flows, a JSON object on each line; '-' is standard input", {}},
    {"format", 0, "FORMAT", "how to print", "text,json"},
};

void warn(const std::string& text) { std::fprintf(stderr, "warning: %s\n", text.c_str()); }

void warn_unknown(const std::string& place, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) warn(place + ": '" + key + "' is not a known key and is not read");
}

Result<policy::DeviceState> load_state(const Arguments& arguments) {
  if (!arguments.has("state")) return policy::DeviceState{};
  const std::string path = arguments.get("state");
  struct stat info {};
  if (path != "-" && ::stat(path.c_str(), &info) != 0 && errno == ENOENT) {
    warn("'" + path + "' does not exist: explained for a booting device");
    return policy::DeviceState{};
  }
  const auto text = read_input(path);
  if (!text) return tl::unexpected(text.error());
  std::vector<std::string> unknown;
  auto state = policy::parse_state(*text, &unknown);
  if (!state) {
    state.error().where = path;
    return state;
  }
  warn_unknown(path, unknown);
  return state;
}

int explain_one(const policy::Policy& policy, const policy::Situation& situation, const Arguments& arguments) {
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
  return print(explain_text(policy, flow->flow, decision, passed, use_color(1))) ? Exit::ok : Exit::unreadable;
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

int explain_lines(const policy::Policy& policy, const policy::Situation& situation, const Arguments& arguments) {
  const auto text = read_input(arguments.get("flows"), std::size_t{1} << 30);
  if (!text) return report(text.error());
  const bool json = arguments.get("format", "text") == "json";
  const bool color = use_color(1);
  int result = Exit::ok;
  std::string out;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::string_view line(text->data() + begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto flow = policy::parse_flow(line);
    if (!flow) {
      result = Exit::findings;
      out += error_line(flow.error(), number, json);
    } else {
      const policy::Decision decision = decide(situation, flow->flow);
      out += json ? policy::verdict_json(policy, decision) : text_line(policy, flow->flow, decision, color);
    }
    out += '\n';
    if (out.size() > (std::size_t{1} << 20)) {
      if (!print(out)) return Exit::unreadable;
      out.clear();
    }
  }
  return print(out) ? result : Exit::unreadable;
}

int run(const Arguments& arguments) {
  if (arguments.has("flow") == arguments.has("flows"))
    return report({ErrorKind::usage, "give either --flow or --flows", {}, "see 'vpnprofile explain --help'"});
  const auto policy = policy::Policy::open(arguments.positional()[0]);
  if (!policy) return report(policy.error());
  const auto state = load_state(arguments);
  if (!state) return report(state.error());
  const policy::Situation situation(*policy, *state);
  return arguments.has("flow") ? explain_one(*policy, situation, arguments)
                               : explain_lines(*policy, situation, arguments);
}

}  // namespace

extern const Command explain_command{"explain",
                                     "say what a policy does with a flow, and why",
                                     "POLICY",
                                     1,
                                     1,
                                     options,
                                     "  vpnprofile explain p.vpnpolicy --state wifi.json \\\n"
                                     "    --flow '{\"app\": \"com.example.mail\", \"protocol\": \"tcp\", \"remote\": "
                                     "\"203.0.113.80\", \"remote_port\": 443}'",
                                     run};

}  // namespace vpn::cli
