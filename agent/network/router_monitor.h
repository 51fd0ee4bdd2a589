// Hears what the kernel hands on of routers' advertisements. It hands them on where it takes them itself (accept_ra).
#pragma once

#include <functional>
#include <memory>

#include "agent/network/netlink_socket.h"
#include "agent/network/router_table.h"
#include "policy/result.h"

namespace vpn::agent {

class RouterMonitor {
 public:
  /// `changed`: facts() are others; not oftener than each quarter of a second, whatever routers send. The loop outlives
  /// this.
  static Result<std::unique_ptr<RouterMonitor>> open(Loop& loop, std::function<void()> changed);
  /// As of now, for the kernel may have told others of a link's end first. What is read here is not told by `changed`.
  RouterFacts facts();
  /// Asks the routers by which the view has default routes of IPv6 to say again what they said before this was opened
  /// (S1.b). Whether they answer shows.
  static void solicit(const NetworkView& view);
  /// What was heard counts no more.
  void forget();

 private:
  RouterMonitor(Loop& loop, std::function<void()> changed, NetlinkSocket events);
  void readable();
  void read();
  void hear(NetlinkSocket::Datagram datagram);
  void await_end();
  void tell_soon();

  Loop& loop_;
  std::function<void()> changed_;
  NetlinkSocket events_;  ///< of links too: so what a network said never counts in the next one
  RouterTable table_;
  bool news_ = false;  ///< to be told
  std::unique_ptr<Waiting> waiting_, end_, telling_;
};

}  // namespace vpn::agent
