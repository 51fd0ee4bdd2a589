// A network namespace, a second one behind a veth pair, a cgroup and a bpf file system, all of a test's own, which go
// away with it. Nothing of the machine's is touched.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"

namespace vpn::agent::test {

/// Runs a command of iproute2 or nft; a failure is a failure of the test.
void run(const std::string& command);

/// A process that holds a network namespace of its own until it is killed or the test ends.
pid_t start_namespace();

/// Frames that arrive at the peer, from an AF_PACKET socket there.
class Capture {
 public:
  explicit Capture(int fd) : fd_(fd) {}
  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) = delete;
  ~Capture();
  /// How many frames hold this text, once nothing has come for `quiet` milliseconds.
  int count(const std::string& text, int quiet = 150);

 private:
  int fd_;
  std::vector<std::string> frames_;
};

class Room {
 public:
  /// Null where this is not root: then say so and skip.
  static std::unique_ptr<Room> make();
  ~Room();
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  /// Device: eth0 10.77.0.2/24 and fd77::2/64, wg0 10.99.0.2/24 (a veth too); peers have .1.
  std::uint32_t eth0() const { return eth0_; }
  std::uint32_t wg0() const { return wg0_; }
  const std::string& cgroup() const { return cgroup_; }
  std::uint64_t cgroup_id() const;
  Options options() const;
  std::vector<Interface> interfaces() const;
  /// A capture on the peer's side of an interface ("eth0", "wg0").
  Capture capture(const std::string& interface) const;
  /// The namespace of the peers, as a descriptor; run_in_peer() runs there.
  void run_in_peer(const std::string& command) const;
  int peer_socket(int family, int type, int protocol) const;
  void enter_cgroup() const;
  void leave_cgroup() const;

 private:
  Room() = default;
  pid_t peer_ = -1;
  int peer_namespace_ = -1, own_namespace_ = -1, gone_namespace_ = -1;
  std::uint32_t eth0_ = 0, wg0_ = 0;
  std::string cgroup_, old_cgroup_, bpf_;
};

}  // namespace vpn::agent::test
