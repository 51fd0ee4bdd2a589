// Keeps what the kernel says of links, addresses and routes of the agent's network namespace.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/network/facts.h"
#include "agent/network/interface_types.h"
#include "agent/network/netlink_socket.h"
#include "policy/result.h"

namespace vpn::agent {

/// Links and addresses as messages tell of them, in the order in which they come; routes are read anew as a whole, for
/// their messages do not say what they replaced. Pure but for the types of interfaces.
class NetworkTable {
 public:
  explicit NetworkTable(const InterfaceTypes& types) : types_(&types) {}
  struct Changed {
    bool links = false, addresses = false, routes = false;
    bool ours = false;   ///< a route or a rule of ours: is the plan still in the kernel?
    bool hooks = false;  ///< a filter of traffic was taken away: was it ours?
  };
  Changed apply(const NetlinkNews& news);
  void replace_links(const std::vector<NetlinkNews::Item>& items);
  void replace_addresses(const std::vector<NetlinkNews::Item>& items);
  void replace_routes(const std::vector<NetlinkNews::Item>& items);
  NetworkView view() const;
  std::uint32_t malformed() const { return malformed_; }

 private:
  bool set_link(const LinkMessage& message);
  const InterfaceTypes* types_;
  std::map<std::uint32_t, Link> links_;
  std::set<LinkAddress> addresses_;
  std::vector<MainRoute> routes_;
  std::uint32_t malformed_ = 0;
};

class Monitor {
 public:
  struct Listener {
    std::function<void()> changed;                   ///< view() is another
    std::function<void()> ours_touched;              ///< somebody (also ourselves) changed a route or a rule of ours
    std::function<void()> hooks_touched;             ///< somebody took a filter away from an interface
    std::function<void(const Error& error)> failed;  ///< we do not see the network any more; tried again by refresh()
  };
  /// Subscribes first and reads then, so that nothing is missed. The loop outlives the monitor.
  static Result<std::unique_ptr<Monitor>> open(Loop& loop, InterfaceTypes types, Listener listener);
  const NetworkView& view() const { return view_; }
  /// Reads everything anew; for after a failure.
  Result<void> refresh();

 private:
  Monitor(Loop& loop, InterfaceTypes types, Listener listener, NetlinkSocket events, NetlinkSocket requests);
  void readable();
  void read_routes_soon();
  Result<void> read_routes();
  void publish();

  Loop& loop_;
  InterfaceTypes types_;
  Listener listener_;
  NetlinkSocket events_, requests_;
  NetworkTable table_;
  NetworkView view_;
  std::unique_ptr<Waiting> waiting_, routes_timer_;
  Loop::Clock::time_point routes_read_{};
};

}  // namespace vpn::agent
