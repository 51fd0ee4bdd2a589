// Who may have a say before a lookup is forwarded: on-demand tunnels that a host's name starts (EvaluateConnection, a
// governed app's first packet) hold the question until the tunnel is up, or until they know that none is needed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "policy/decide.h"

namespace vpn::agent {

/// How long a question waits for a gate. Resolver libraries ask again after five seconds, and give up after ten or
/// more.
inline constexpr std::chrono::seconds lookup_hold_limit{10};

/// A name that an app is about to look up.
struct LookupAsked {
  std::string app;           ///< identifier; empty: no app of the policy
  std::string spawned_by;    ///< likewise
  std::string name;          ///< A-labels, lower case, without the trailing dot
  std::uint16_t type = 0;    ///< of the records: 1 is A, 28 is AAAA
  policy::Decision verdict;  ///< for a question to the network's resolver, at this moment
};

/// All calls happen on the loop's thread.
class LookupGate {
 public:
  /// What to do once the gate has made up its mind. May be called at any time, also within may_proceed(), and after the
  /// forwarder has gone; what is not called within the forwarder's limit (lookup_hold_limit) goes on without.
  using Proceed = std::function<void()>;
  virtual ~LookupGate() = default;
  /// True: forward it now; `proceed` is not called. False: the question waits for `proceed`, and is judged anew then.
  virtual bool may_proceed(const LookupAsked& asked, Proceed proceed) = 0;
  /// The answer to a lookup that was let through: whether the name resolves, for ConnectIfNeeded. Returns true where
  /// the app gets this answer; false where the question shall be asked once more when `again` is called (the tunnel
  /// that was missing is being started). Not asked a second time for the same question.
  virtual bool answered(const LookupAsked& asked, bool resolved, Proceed again) = 0;
  /// Whether it has to see the lookups of everybody, governed or not (EvaluateConnection). Asked with each publication
  /// of tables; what changes it calls for one.
  virtual bool wants_all() const { return false; }

 protected:
  LookupGate() = default;
};

}  // namespace vpn::agent
