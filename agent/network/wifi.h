// In which Wi-Fi network each interface is, by the kernel's word (nl80211). A kernel without Wi-Fi has none, until it
// is loaded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/loop/loop.h"
#include "agent/network/netlink_socket.h"
#include "agent/network/wifi_messages.h"
#include "policy/result.h"

namespace vpn::agent {

/// Names by the index of the interface. Of one that is in no network the name is empty; what is no Wi-Fi has none.
using WifiNames = std::map<std::uint32_t, std::string>;

class WifiNetworks {
 public:
  /// Subscribes first and reads then. `changed`: names() are others. The loop outlives this.
  static Result<std::unique_ptr<WifiNetworks>> open(Loop& loop, std::function<void()> changed);
  const WifiNames& names() const { return names_; }
  /// Asks anew, for when the kernel has told of something else first. Whether names() are others; where the kernel does
  /// not answer there are none.
  bool read();

 private:
  WifiNetworks(std::function<void()> changed, NetlinkSocket events, NetlinkSocket requests);
  void readable();
  void find();
  void use(const WifiFamily& family);
  bool ask(const std::vector<std::byte>& question, std::uint32_t sequence, WifiNews& all);
  std::function<void()> changed_;
  NetlinkSocket events_, requests_;
  WifiFamily family_;  // its number is 0 where there is none
  WifiNames names_;
  std::unique_ptr<Waiting> waiting_;
};

}  // namespace vpn::agent
