// vpnagentctl's side of the control socket.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/files/descriptor.h"
#include "console/command.h"
#include "policy/result.h"

namespace vpn::agent::ctl {

using Json = nlohmann::json;

/// A connection on which one request was sent, and answers come. Closes itself.
class Conversation {
 public:
  /// `bytes` follow the request, and are copied nowhere. Errors: `environment`: the agent cannot be reached.
  static Result<Conversation> open(const std::string& socket, const Json& request, std::string_view bytes = {});
  Conversation(Conversation&&) noexcept = default;
  Conversation& operator=(Conversation&&) noexcept = default;

  /// Another request on the same connection. False: the connection has ended.
  bool send(const Json& request);
  int descriptor() const { return socket_.get(); }  ///< readable when there is more to take()
  /// Waits for the next result. Errors: the agent's own; `environment` where it ends the connection.
  Result<Json> next();
  /// What can be had without waiting: the results so far. Errors likewise.
  Result<std::vector<Json>> take();

 private:
  Conversation(Descriptor socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}
  Result<std::optional<Json>> cut();  ///< the first whole line of text_
  Result<void> receive(int flags);

  Descriptor socket_;
  std::string path_, text_;
};

/// One request, one answer. Errors: also `environment` after 30 seconds without one.
Result<Json> ask(const std::string& socket, const Json& request, std::string_view bytes = {});

/// Of --control.
std::string socket_of(const cli::Arguments& arguments);
/// Of --format.
bool as_json(const cli::Arguments& arguments);

}  // namespace vpn::agent::ctl
