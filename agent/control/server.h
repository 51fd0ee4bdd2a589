// The control socket: a stream of lines (messages.h), with the kernel's word on who is at the other end.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "agent/control/messages.h"
#include "agent/loop/loop.h"
#include "policy/result.h"

namespace vpn::agent {

/// A connection of a client. One that does not read what it asked for is cut off.
class ControlClient {
 public:
  virtual ~ControlClient() = default;
  virtual const ControlPeer& peer() const = 0;
  virtual void send(std::string text) = 0;
  bool follows_drops = false;   ///< set by the agent: gets each drop
  bool follows_status = false;  ///< gets each change of the status
  std::function<void()> gone;   ///< called once, when the connection has ended
};

class ControlServer {
 public:
  /// Calls back for each line that is a request; faults are answered by the server itself.
  using Handler = std::function<void(ControlClient& client, const ControlRequest& request)>;
  /// `group`: gid of who counts as in_group; the socket is open to everybody, for `status` is.
  static Result<std::unique_ptr<ControlServer>> open(Loop& loop, const std::string& path,
                                                     std::optional<std::uint32_t> group, Handler handler);
  virtual ~ControlServer() = default;
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  virtual void each(const std::function<void(ControlClient&)>& callback) = 0;

 protected:
  ControlServer() = default;
};

}  // namespace vpn::agent
