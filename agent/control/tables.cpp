#include "agent/control/tables.h"

#include <utility>

namespace vpn::agent {

Publication Tables::publication() const {
  Publication out;
  out.fresh = fresh;
  out.stale = stale;
  out.apps = apps;
  out.pairs = pairs;
  out.spawners = spawners;
  out.connected = connected;
  out.proxies = proxies;
  out.policy = policy;
  return out;
}

bool TableLife::want(Tables tables) {
  if (state_ == State::in_force && wanted_ == tables) return false;
  wanted_ = std::move(tables);
  state_ = State::older;
  return true;
}

void TableLife::published() { state_ = State::in_force; }
void TableLife::published_blocked() { state_ = State::blocked; }

void TableLife::failed() {
  if (state_ != State::nothing) state_ = State::older;
}

bool TableLife::set_tunnel(std::uint32_t tunnel, TunnelWord word) {
  if (state_ == State::nothing || tunnel >= wanted_.connected.size()) return false;
  wanted_.connected[tunnel] = word;  // or the next want() would take them for the same
  return true;
}

}  // namespace vpn::agent
