// What vpnagentctl says to the agent, and who may: a JSON object on each line, in both directions. Hostile input.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "agent/control/machine_facts.h"
#include "agent/tunnel/wiped.h"
#include "policy/result.h"

namespace vpn::agent {

inline constexpr std::size_t largest_request = 65536;  ///< bytes of a line

enum class ControlCommand : std::uint8_t {
  status,
  connect,
  disconnect,
  reload,
  apply,
  confirm,
  why,
  drops,
  watch,
  metrics,
  support,
  stop,
  answer,
  machine,
};

struct ControlRequest {
  ControlCommand command = ControlCommand::status;
  std::string tunnel;                 ///< connect, disconnect, answer
  std::string policy;                 ///< apply: path
  std::uint32_t confirm_seconds = 0;  ///< apply; 0: at once
  std::optional<std::uint32_t> pid;   ///< why
  std::string flow;                   ///< why: JSON of docs/cli.md
  bool follow = false;                ///< drops
  bool remove_guard = false;          ///< stop
  std::uint64_t question = 0;         ///< answer: number of the question
  /// answer: how many bytes follow the line. No parser of JSON sees them, for it would leave copies behind.
  std::size_t bytes = 0;
  WipedBytes value{};      ///< answer: those bytes
  MachineFacts machine{};  ///< machine: all that is known now
};

/// Errors: `usage`.
Result<ControlRequest> parse_request(std::string_view line);

/// Who is at the other end of the control socket.
struct ControlPeer {
  std::uint32_t uid = 0xffffffff;
  bool in_group = false;    ///< of the configuration's control_group
  bool may_answer = false;  ///< the user before the screen, where the configuration lets him answer questions
};
/// Whether this peer may ask for it. `signed_policies`: the agent checks whose policies are. Pure.
bool may(const ControlPeer& peer, const ControlRequest& request, bool signed_policies);

/// `{"ok": true, "result": …}` and `{"ok": false, "error": {…}}`, with a line end.
std::string reply(const nlohmann::json& result);
std::string reply(const Error& error);
std::string_view to_string(ErrorKind kind);

}  // namespace vpn::agent
