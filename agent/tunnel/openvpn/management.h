// OpenVPN's management interface: lines over its Unix socket. What is asked is answered in order; news begin with '>'
// and may come at any time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/wiped.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::openvpn {

/// What a server wants to know beside the password, or in its place.
struct Challenge {
  std::string text;      ///< for people
  bool echo = false;     ///< the answer may be seen
  bool answered = true;  ///< it wants an answer; else the text is all
  std::string state;     ///< dynamic ones (CRV1): the server's own; empty: a static one
  friend bool operator==(const Challenge&, const Challenge&) = default;
};
/// "CRV1:FLAGS:STATE:USER:TEXT". Nothing where it is no such text.
std::optional<Challenge> read_challenge(std::string_view text);

/// One piece of news, or one line of an answer; pure, so that it can be tested and fuzzed.
struct Line {
  enum class Kind : std::uint8_t { other, state, hold, password, fatal, success, error, end } kind = Kind::other;
  std::string what;                      ///< state: its name; password: of what ("Auth"); fatal, error: the text
  std::vector<std::string> more;         ///< state: what stands behind the name, by commas
  bool failed = false;                   ///< password: it was wrong, and not asked for
  std::optional<Challenge> challenge{};  ///< password: failed, or asked for with a static one
};
Line read_line(std::string_view text);

/// What OpenVPN wants as password with the answer to a challenge. `password` counts for a static one only.
WipedText answer_text(const Challenge& challenge, std::string_view password, std::string_view answer);

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
