// charon as a process of its own, in a cgroup of its own (which is how S1.c tells its packets). It outlives the agent.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "agent/loop/loop.h"
#include "agent/tunnel/strongswan/descriptor.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

struct CharonProgram {
  std::string path;      ///< of charon-systemd, which unlike charon may run several times
  std::string settings;  ///< path of its strongswan.conf
  std::string cgroup;    ///< folder in cgroup v2, made when it is not there; empty: stays in the agent's
};

class CharonProcess {
 public:
  using Ended = std::function<void(const std::string& reason)>;
  /// Errors: environment: the cgroup cannot be made, there is no such program.
  static Result<std::unique_ptr<CharonProcess>> start(Loop& loop, const CharonProgram& program, Ended ended);
  /// One that runs already. Errors: environment: it has ended in the meantime.
  static Result<std::unique_ptr<CharonProcess>> adopt(Loop& loop, pid_t process, Ended ended);
  CharonProcess(const CharonProcess&) = delete;
  CharonProcess& operator=(const CharonProcess&) = delete;
  ~CharonProcess() = default;  ///< does not end it

  /// Asks it to end, which deletes its associations; after three seconds it is killed. `ended` is called.
  void stop();
  pid_t id() const { return process_; }

 private:
  CharonProcess(Loop& loop, pid_t process, Descriptor handle, Ended ended);
  void finished();

  Loop& loop_;
  pid_t process_ = 0;
  Descriptor handle_;  ///< pidfd: a number that is used again cannot be meant by it
  Ended ended_;
  std::unique_ptr<Waiting> gone_, patience_;
};

/// Replaces a file of the owner's only. Errors: unreadable.
Result<void> write_private(const std::string& path, std::string_view content);

}  // namespace vpn::agent::strongswan
