// OpenVPN's management interface: lines over its Unix socket. What is asked is answered in order; news begin with '>'
// and may come at any time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/wiped.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::openvpn {

/// One piece of news, or one line of an answer; pure, so that it can be tested and fuzzed.
struct Line {
  enum class Kind : std::uint8_t { other, state, hold, password, fatal, success, error, end } kind = Kind::other;
  std::string what;               ///< state: its name; password: of what ("Auth"); fatal, error: the text
  std::vector<std::string> more;  ///< state: what stands behind the name, by commas
  bool failed = false;            ///< password: it was wrong, and not asked for
};
Line read_line(std::string_view text);

/// In quotation marks, so that it stays one word whatever is in it. Nothing where a line cannot hold it (control
/// characters).
bool quote(std::string_view text, WipedText& out);

class Management {
 public:
  struct Handlers {
    std::function<void(const Line&)> line;
    std::function<void(const std::string& reason)> closed;
  };
  /// Errors: environment: nobody listens, or not root.
  static Result<std::unique_ptr<Management>> connect(Loop& loop, const std::string& path, Handlers handlers);
  Management(Loop& loop, Descriptor socket, pid_t peer, Handlers handlers);
  Management(const Management&) = delete;
  Management& operator=(const Management&) = delete;

  /// Sends a line; its answer comes to the handler.
  void send(std::string_view line);
  pid_t peer() const { return peer_; }

 private:
  void read();
  void write();
  void closed(const std::string& reason);

  Loop& loop_;
  Descriptor socket_;
  pid_t peer_;
  Handlers handlers_;
  WipedText out_;
  std::string in_;
  std::unique_ptr<Waiting> reading_, writing_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

 public:
  ~Management() { *alive_ = false; }
};

}  // namespace vpn::agent::openvpn
