// A tunnel's daemon as a process of its own, in a cgroup of its own (which is how S1.c tells its packets). It outlives
// the agent.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "policy/result.h"

namespace vpn::agent {

struct DaemonProgram {
  std::string path;
  std::vector<std::string> arguments;    ///< behind the program's name
  std::vector<std::string> environment;  ///< NAME=value, besides PATH; nothing of the agent's own is handed on
  std::string cgroup;        ///< folder in cgroup v2, made when it is not there; empty: stays in the agent's
  std::string_view input{};  ///< what it reads from its standard input, which may be secret; empty: nothing
  int output = -1;           ///< descriptor that its standard output goes to; -1: where standard error goes
};

/// Makes a daemon's cgroup before there is a daemon, so that whose it is can be known before its first socket. It stays
/// between one daemon and the next: another folder of the same name would be another cgroup. Errors: environment.
Result<void> make_cgroup(const std::string& folder);

class Daemon {
 public:
  using Ended = std::function<void(const std::string& reason)>;
  /// Errors: environment: the cgroup cannot be made, there is no such program.
  static Result<std::unique_ptr<Daemon>> start(Loop& loop, const DaemonProgram& program, Ended ended);
  /// One that runs already. Errors: environment: it has ended in the meantime.
  static Result<std::unique_ptr<Daemon>> adopt(Loop& loop, pid_t process, Ended ended);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() = default;  ///< does not end it

  /// Asks it to end; after three seconds it is killed. `ended` is called.
  void stop();
  pid_t id() const { return process_; }
  /// In `ended`: whether it was started here and has ended with status 0.
  bool succeeded() const { return succeeded_; }

 private:
  Daemon(Loop& loop, pid_t process, Descriptor handle, Ended ended);
  void finished();

  Loop& loop_;
  pid_t process_ = 0;
  Descriptor handle_;  ///< pidfd: a number that is used again cannot be meant by it
  Ended ended_;
  bool succeeded_ = false;
  std::unique_ptr<Waiting> gone_, patience_;
};

}  // namespace vpn::agent
