// Brings the kernel's routes and rules that bear our number to what a RoutePlan says, whoever left them there.
#pragma once

#include "agent/datapath/route_plan.h"
#include "agent/network/netlink_socket.h"
#include "policy/result.h"

namespace vpn::agent {

class RouteWriter {
 public:
  static Result<RouteWriter> open();
  /// What of ours is in the kernel: by our protocol number, so leftovers of an earlier agent are in it.
  Result<RoutePlan> read();
  /// Writes the difference to what is there, in an order in which no rule leads to a table that is not complete, and
  /// reads it back. An interface that has gone in the meantime is an error (`environment`): plan again.
  Result<void> apply(const RoutePlan& plan);
  /// Whether the kernel has exactly this.
  Result<bool> in_place(const RoutePlan& plan);
  Result<void> remove_all();

 private:
  explicit RouteWriter(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<void> write(const RouteChanges& changes, std::uint32_t mark_mask);
  NetlinkSocket socket_;
};

/// Rules and routes in the order of a RoutePlan. Pure.
RoutePlan plan_of(const std::vector<NetlinkNews::Item>& items, std::uint32_t mark_mask);

}  // namespace vpn::agent
