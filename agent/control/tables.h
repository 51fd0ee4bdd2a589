// What the kernel's programs judge by, and whether they have what was meant last. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/datapath/datapath.h"

namespace vpn::agent {

/// A Publication that owns what it holds. Equal ones are the same to the kernel: nothing less than all of it counts,
/// for an app that is new to the map of apps changes nothing in the tables themselves.
struct Tables {
  std::vector<std::uint64_t> fresh, stale;
  std::vector<AppClass> apps;
  std::vector<std::uint32_t> pairs;
  std::uint32_t spawners = 1;
  std::vector<std::uint8_t> connected;  ///< TunnelWord
  std::vector<std::uint8_t> proxies;    ///< ProxyWord
  std::uint64_t policy = 0;
  friend bool operator==(const Tables&, const Tables&) = default;
  Publication publication() const;  ///< as long as this lives
};

/// What was meant to be in force last, and what of it the kernel has.
class TableLife {
 public:
  /// Whether these have to be published: they are not what is in force. Until published(), something older is.
  bool want(Tables tables);
  void published();          ///< what is wanted is in force
  void published_blocked();  ///< it is, with every verdict a drop
  void failed();             ///< neither is: something older is in force
  /// A tunnel of what is wanted. False: nothing of it is in the kernel, there is nothing to change.
  bool set_tunnel(std::uint32_t tunnel, TunnelWord word);

  const Tables* wanted() const { return state_ == State::nothing ? nullptr : &wanted_; }
  bool blocked() const { return state_ == State::blocked; }
  /// Whether the kernel has what was meant, or its blocking form: only then may the agent vouch for it with a beat.
  bool current() const { return state_ == State::in_force || state_ == State::blocked; }

 private:
  enum class State : std::uint8_t { nothing, older, in_force, blocked } state_ = State::nothing;
  Tables wanted_;
};

}  // namespace vpn::agent
