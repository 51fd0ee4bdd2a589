// One connection of an app, carried by a proxy: what the app sends goes to the proxy as it is, and back. Bounded: what
// one side does not take is not read from the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "agent/proxy/handshake.h"
#include "agent/tunnel/wire.h"

namespace vpn::agent::proxy {

/// By which proxy a flow goes, and where to.
struct Route {
  std::uint32_t tunnel = 0;  ///< index in the policy in force
  Number provider = 0;       ///< whose the connection to the proxy is (S1.c)
  ProxyPlace place;
  std::shared_ptr<const Login> login;
  Destination to;
};

/// Tells the kernel whose a socket is; false: it must not be used.
using Prepare = std::function<bool(int socket, Number provider)>;

/// However it is closed, be it by the end of this process, the other side gets a reset, and knows that not all has
/// arrived.
void reset_at_end(const Descriptor& socket);

/// A socket on its way to the proxy, with TLS if that is spoken there; nothing: it cannot be reached.
std::optional<Wire> connect_to(const ProxyPlace& place, Number provider, const Prepare& prepare);

class Flow {
 public:
  static constexpr std::chrono::seconds longest_start{10}, longest_half{300}, longest_idle{7200};
  struct End {
    std::string fault;         ///< empty: both sides have ended it
    bool unreachable = false;  ///< the proxy is not there, or is none, or does not know us
  };
  /// `ended` is called once, never from within start(); the flow may be destroyed a little later, not in the call.
  Flow(Loop& loop, Descriptor client, Route route, std::function<void(const End&)> ended);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow() = default;  ///< unless it is over: both sides get a reset

  void start(const Prepare& prepare);
  /// Ends it with an error for the app.
  void cut(const std::string& why);
  /// Ends it where nothing has happened for too long.
  void look();

  const Route& route() const { return route_; }
  bool over() const { return phase_ == Phase::over; }

 private:
  enum class Phase : std::uint8_t { starting, connecting, securing, greeting, flowing, over };
  // In one direction.
  struct Pipe {
    std::string left;     // read, and not taken yet
    bool ended = false;   // nothing more comes
    bool closed = false;  // and the other side has been told
    std::uint64_t bytes = 0;
  };
  struct Side {
    Wire wire;
    bool must_write = false;  // before anything else
    std::unique_ptr<Waiting> reading, writing;
  };
  void go_on();
  void connected();
  void secure();
  void greet();
  bool say();
  bool waits(Side& side, Wire::Outcome outcome);
  void pump();
  bool pump(Side& from, Side& to, Pipe& pipe);
  bool put(Side& to, Pipe& pipe, std::string_view bytes);
  void wait();
  void watch(Side& side, bool reading, bool writing);
  void end(const End& how);

  Loop& loop_;
  Side client_, proxy_;
  Route route_;
  std::function<void(const End&)> ended_;
  Handshake handshake_;
  Phase phase_ = Phase::starting;
  std::size_t said_ = 0;  ///< of the handshake's bytes
  Pipe up_, down_;
  Loop::Clock::time_point last_;
  std::unique_ptr<Waiting> soon_;
};

}  // namespace vpn::agent::proxy
