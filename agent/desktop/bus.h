// The agent on the system's D-Bus, for desktop tools: org.vpnprofile.Agent1 (docs/desktop.md), and what other services
// say there, for the agent (machine.h). A process of its own, which asks the agent over its control socket like
// vpnagentctl: what speaks D-Bus is not what guards.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "policy/result.h"

namespace vpn::agent::desktop {

struct Options {
  std::string control;                     ///< the agent's socket
  std::string bus;                         ///< D-Bus address; empty: the system's bus
  std::chrono::seconds blocked_every{30};  ///< at most one signal Blocked for each tunnel in this time
};

class Bridge {
 public:
  /// Errors: environment: there is no bus, or the name is somebody else's.
  static Result<std::unique_ptr<Bridge>> open(const Options& options);
  virtual ~Bridge() = default;
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  /// Until SIGTERM or SIGINT, or until the bus is gone (environment). An agent that is not there is waited for.
  virtual Result<void> run() = 0;

 protected:
  Bridge() = default;
};

}  // namespace vpn::agent::desktop
