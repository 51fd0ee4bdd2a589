#include "agent/control/messages.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/tunnel/interview.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, ControlCommand>, 14> commands{
    {{"status", ControlCommand::status},
     {"connect", ControlCommand::connect},
     {"disconnect", ControlCommand::disconnect},
     {"reload", ControlCommand::reload},
     {"apply", ControlCommand::apply},
     {"confirm", ControlCommand::confirm},
     {"why", ControlCommand::why},
     {"drops", ControlCommand::drops},
     {"watch", ControlCommand::watch},
     {"metrics", ControlCommand::metrics},
     {"support", ControlCommand::support},
     {"stop", ControlCommand::stop},
     {"answer", ControlCommand::answer},
     {"machine", ControlCommand::machine}}};

tl::unexpected<Error> bad_request(const std::string& what) { return fail(ErrorKind::usage, what); }

bool optional_text(const Json& object, const char* key, std::string& out) {
  const auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_string()) return false;
  out = it->get<std::string>();
  return out.find('\0') == std::string::npos;
}

bool flag(const Json& object, const char* key, bool& out) {
  const auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_boolean()) return false;
  out = it->get<bool>();
  return true;
}

// False: it is there, and no number up to `most`.
template <class Set>
bool optional_number(const Json& object, const char* key, std::uint64_t most, Set set) {
  const auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_number_unsigned() || it->get<std::uint64_t>() > most) return false;
  set(it->get<std::uint64_t>());
  return true;
}

// What a command cannot do without.
Result<void> complete(const ControlRequest& r) {
  const bool names_tunnel = r.command == ControlCommand::connect || r.command == ControlCommand::disconnect ||
                            r.command == ControlCommand::answer;
  if (names_tunnel && r.tunnel.empty()) return bad_request("'tunnel' is missing");
  if (r.command == ControlCommand::answer && (r.question == 0 || r.bytes == 0))
    return bad_request("'question' or 'bytes' is missing");
  if (r.command == ControlCommand::apply && !r.policy.starts_with('/'))
    return bad_request("'policy' must be an absolute path");
  if (r.command == ControlCommand::why && r.flow.empty()) return bad_request("'flow' is missing");
  return {};
}

}  // namespace

Result<ControlRequest> parse_request(std::string_view line) {
  if (line.size() > largest_request)
    return bad_request("the request is longer than " + std::to_string(largest_request) + " bytes");
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return bad_request("the request is no JSON object");
  std::string word;
  if (!optional_text(object, "command", word)) return bad_request("'command' must be a text");
  const auto command = std::find_if(commands.begin(), commands.end(), [&](const auto& c) { return c.first == word; });
  if (command == commands.end()) return bad_request("there is no such command");
  ControlRequest out;
  out.command = command->second;
  if (!optional_text(object, "tunnel", out.tunnel) || !optional_text(object, "policy", out.policy) ||
      !optional_text(object, "flow", out.flow))
    return bad_request("'tunnel', 'policy' and 'flow' must be texts");
  if (!optional_number(object, "confirm", 3600,
                       [&](std::uint64_t n) { out.confirm_seconds = static_cast<std::uint32_t>(n); }))
    return bad_request("'confirm' must be a number of seconds, 3600 at most");
  if (!optional_number(object, "pid", 0x7fffffff, [&](std::uint64_t n) { out.pid = static_cast<std::uint32_t>(n); }))
    return bad_request("'pid' must be the number of a process");
  if (!flag(object, "follow", out.follow) || !flag(object, "remove_guard", out.remove_guard))
    return bad_request("'follow' and 'remove_guard' must be true or false");
  if (!optional_number(object, "question", std::uint64_t{1} << 53, [&](std::uint64_t n) { out.question = n; }))
    return bad_request("'question' must be the number of a question");
  if (!optional_number(object, "bytes", longest_answer, [&](std::uint64_t n) { out.bytes = n; }))
    return bad_request("'bytes' must be a number, " + std::to_string(longest_answer) + " at most");
  if (out.command == ControlCommand::machine) {
    auto facts = parse_machine_facts(object.value("facts", Json()));
    if (!facts) return tl::unexpected(facts.error());
    out.machine = std::move(*facts);
  }
  if (auto all = complete(out); !all) return tl::unexpected(all.error());
  return out;
}

bool may(const ControlPeer& peer, const ControlRequest& request, bool signed_policies) {
  if (peer.uid == 0) return true;
  if (request.command == ControlCommand::status) return true;
  if (request.command == ControlCommand::answer && peer.may_answer) return true;
  if (!peer.in_group || request.command == ControlCommand::stop || request.command == ControlCommand::machine)
    return false;
  // Without a key to check it with, a policy is as good as who brings it.
  return request.command != ControlCommand::apply || signed_policies;
}

std::string reply(const Json& result) {
  return Json({{"ok", true}, {"result", result}}).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input:
      return "invalid-input";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::unreadable:
      return "unreadable";
    case ErrorKind::environment:
      return "environment";
  }
  return "environment";
}

std::string reply(const Error& e) {
  const Json error = {{"kind", to_string(e.kind)}, {"what", e.what}, {"where", e.where}, {"help", e.help}};
  return Json({{"ok", false}, {"error", error}}).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vpn::agent
