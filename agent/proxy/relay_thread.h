// The relay on a thread and a loop of its own: a publication of tables takes the agent's own loop tens of milliseconds,
// and what is carried does not wait for that; nor does the agent wait for what is carried.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "agent/loop/asio_loop.h"
#include "agent/loop/mailbox.h"
#include "agent/proxy/relay.h"

namespace vpn::agent::proxy {

class RelayThread {
 public:
  struct Hooks {
    /// Called on the relay's thread.
    std::function<std::optional<Handed>(std::uint8_t protocol, const policy::Address& address, std::uint16_t port)>
        handed;
    std::function<void(std::chrono::nanoseconds before)> datagrams_read;
    Prepare prepare;
    /// Called on the agent's loop.
    std::function<std::optional<Route>(const Handed& handed)> resolve;
    std::function<void(Number provider, const policy::Address&address, std::uint16_t port)> allow, forbid;
    std::function<void(std::uint32_t tunnel, const std::string& why)> unreachable;
  };
  /// `agent`: the loop that outlives it. Errors: as Relay::open(), and `environment` where there can be no thread.
  static Result<std::unique_ptr<RelayThread>> open(Loop& agent, const policy::Address& address,
                                                   std::span<const std::uint16_t> ports, Hooks hooks);
  RelayThread(const RelayThread&) = delete;
  RelayThread& operator=(const RelayThread&) = delete;
  ~RelayThread();  ///< ends what is carried

  std::uint16_t port() const { return relay_->port(); }
  /// Ends what belongs to no tunnel any more, what is carried for one of these tunnels, or everything.
  void cut_tunnel(std::uint32_t tunnel);
  void cut_all();
  /// Asks on the agent's loop of all that is carried whether it still is to be; what is not is ended.
  void review(std::function<bool(const Handed& handed)> stays);
  RelayCounts counts() const { return relay_->counts(); }

 private:
  explicit RelayThread(Hooks hooks) : hooks_(std::move(hooks)) {}
  Relay::Hooks relay_hooks();

  Hooks hooks_;
  AsioLoop loop_;
  std::shared_ptr<Mailbox> to_agent_, to_relay_;  ///< each is held by what the other thread may still do
  std::unique_ptr<Relay> relay_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< of the agent's side
  std::thread thread_;
};

}  // namespace vpn::agent::proxy
