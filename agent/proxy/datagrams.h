// Datagrams of apps, carried by SOCKS5 proxies: one association (RFC 1928, 7) for each port that an app sends from.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/proxy/flow.h"

namespace vpn::agent::proxy {

/// An app's socket, as the relay sees it.
using Sender = std::pair<policy::Address, std::uint16_t>;

class Association {
 public:
  static constexpr std::size_t most_waiting = 16;  ///< datagrams, until it is ready
  static constexpr std::chrono::seconds longest_start{10}, longest_idle{120};
  struct Hooks {
    Prepare prepare;
    /// The provider may send datagrams to this place until the association ends; `allowed` is called once it may.
    std::function<void(Number provider, const policy::Address& address, std::uint16_t port,
                       std::function<void()> allowed)>
        allow;
    std::function<void(Number provider, const policy::Address& address, std::uint16_t port)> forbid;
    std::function<void(std::string_view data)> arrived;  ///< for the app
    std::function<void(const Flow::End&)> ended;         ///< once; it may be destroyed a little later
  };
  Association(Loop& loop, Route route, Hooks hooks);
  Association(const Association&) = delete;
  Association& operator=(const Association&) = delete;
  ~Association();

  void start();
  void send(std::string_view data);
  void turn_to(const Destination& to) { route_.to = to; }  ///< what is sent from now on
  void cut(const std::string& why);
  void look();

  const Route& route() const { return route_; }
  bool over() const { return over_; }

 private:
  void go_on();
  void associated();
  void ready();
  void receive();
  void end(const Flow::End& how);

  Loop& loop_;
  Route route_;
  Hooks hooks_;
  Handshake handshake_;
  Wire control_;
  Descriptor datagrams_;
  std::shared_ptr<bool> alive_;  ///< for who calls back when it may be gone
  std::unique_ptr<Waiting> controlling_, receiving_, soon_;
  std::optional<Sender> place_;  ///< where the proxy takes datagrams
  std::deque<std::pair<Destination, std::string>> waiting_;
  std::size_t said_ = 0;
  bool connected_ = false, greeted_ = false, ready_ = false, over_ = false;
  Loop::Clock::time_point last_;
};

}  // namespace vpn::agent::proxy
