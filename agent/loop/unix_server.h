// A Unix socket that clients connect to: where it listens, who they are, how many may come. What is said on it is for
// others (agent/control/server.h, agent/tunnel/external.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "agent/loop/loop.h"
#include "policy/result.h"

namespace vpn::agent {

/// Who is at the other end, by the kernel's word; nobody where it has none.
struct UnixPeer {
  std::uint32_t uid = 0xffffffff;
  std::uint32_t gid = 0xffffffff;
  std::uint32_t pid = 0;
};

/// Owns the listening socket and its path.
class UnixListener {
 public:
  /// Gets the descriptor of a client for its own; it does not block.
  using Accepted = std::function<void(int descriptor, const UnixPeer& peer)>;
  /// Replaces what is at the path. Everybody may connect: who may say what is asked of each peer. `type`: SOCK_STREAM
  /// and the like; `purpose` for the error: "commands". The loop outlives it. Errors: `environment`, `usage` (a path
  /// that is too long).
  static Result<std::unique_ptr<UnixListener>> open(Loop& loop, const std::string& path, int type,
                                                    const std::string& purpose, Accepted accepted);
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  ~UnixListener();

 private:
  UnixListener(Loop& loop, int listening, std::string path, Accepted accepted);
  void accept();
  int listening_;
  std::string path_;
  Accepted accepted_;
  std::unique_ptr<Waiting> waiting_;
};

inline constexpr std::size_t most_clients = 64, most_clients_of_one_user = 16;

/// Those who are connected. A Connection has `const UnixPeer& unix_peer() const` and `bool closed() const`; when that
/// becomes true it calls sweep_soon().
template <class Connection>
class UnixConnections {
 public:
  explicit UnixConnections(Loop& loop) : loop_(loop) {}

  /// Root gets in, however many others keep their connections; nobody else keeps others out.
  bool admits(const UnixPeer& peer) const {
    if (peer.uid == 0) return true;
    const auto same =
        std::count_if(all_.begin(), all_.end(), [&](const Connection& c) { return c.unix_peer().uid == peer.uid; });
    return all_.size() < most_clients && static_cast<std::size_t>(same) < most_clients_of_one_user;
  }
  template <class... Arguments>
  Connection& add(Arguments&&... arguments) {
    return all_.emplace_back(std::forward<Arguments>(arguments)...);
  }
  /// Takes closed ones away; not at once, for one may be in the middle of a callback.
  void sweep_soon() {
    sweep_ = loop_.after(std::chrono::milliseconds(0), [this] {
      all_.remove_if([](const Connection& c) { return c.closed(); });
      sweep_.reset();
    });
  }
  void clear() { all_.clear(); }
  std::size_t size() const { return all_.size(); }
  auto begin() { return all_.begin(); }
  auto end() { return all_.end(); }

 private:
  Loop& loop_;
  std::list<Connection> all_;
  std::unique_ptr<Waiting> sweep_;
};

}  // namespace vpn::agent
