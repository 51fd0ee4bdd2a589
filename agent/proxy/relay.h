// The relay: takes what the kernel hands over (agent/datapath/bpf/lookups.h) and has proxies carry it. All of it
// happens on one loop, which is a thread's own (relay_thread.h); what it has to ask the agent comes back when it comes
// back.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "agent/proxy/datagrams.h"
#include "agent/proxy/flow.h"
#include "policy/result.h"

namespace vpn::agent::proxy {

/// Of what the relay carries, now and ever.
struct RelayCounts {
  std::uint64_t streams = 0, associations = 0;  ///< now
  std::uint64_t carried = 0;                    ///< taken over, ever
  std::uint64_t refused = 0;                    ///< ended before a byte was carried
};

class Relay {
 public:
  static constexpr std::size_t most_streams = 1024, most_associations = 256;
  static constexpr std::size_t most_of_one = 512, most_associations_of_one = 64;  ///< of one app
  struct Hooks {
    std::function<std::optional<Handed>(std::uint8_t protocol, const policy::Address& address, std::uint16_t port)>
        handed;
    std::function<void(std::chrono::nanoseconds before)> datagrams_read;
    /// By which proxy; nothing: by none, it is ended.
    std::function<void(const Handed& handed, std::function<void(std::optional<Route>)> answer)> resolve;
    Prepare prepare;
    std::function<void(Number provider, const policy::Address& address, std::uint16_t port,
                       std::function<void()> allowed)>
        allow;
    std::function<void(Number provider, const policy::Address& address, std::uint16_t port)> forbid;
    /// The proxy is not there, or is none.
    std::function<void(std::uint32_t tunnel, const std::string& why)> unreachable;
  };
  /// At the first port that is free for TCP and UDP, at `address` and ::1. The loop outlives it. Errors: `environment`.
  static Result<std::unique_ptr<Relay>> open(Loop& loop, const policy::Address& address,
                                             std::span<const std::uint16_t> ports, Hooks hooks);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  std::uint16_t port() const { return port_; }
  /// Ends what `stays` says false to.
  void cut(const std::function<bool(const Handed& handed)>& stays);
  RelayCounts counts() const;  ///< any thread may call it

 private:
  struct Stream;
  struct Session;
  Relay(Loop& loop, Hooks hooks);
  bool listen(const policy::Address& address, std::uint16_t port);
  void await_connections();
  void readable();
  void accept(int socket);
  bool read_datagrams(std::size_t family);
  void datagram(std::size_t family, const Sender& from, const Handed& handed, std::string_view data);
  void begin(Stream& stream, std::optional<Route> route);
  void begin(Session& session, std::optional<Route> route, const Handed& handed);
  void look_soon();
  void sweep_soon();
  void sweep();
  void count();

  Loop& loop_;
  Hooks hooks_;
  std::shared_ptr<Relay*> self_;  ///< for who calls back when it may be gone
  std::uint16_t port_ = 0;
  std::array<Descriptor, 2> listeners_, datagrams_;  ///< IPv4, IPv6; no IPv6 here: nothing
  std::array<std::unique_ptr<Waiting>, 4> waiting_;
  std::list<std::shared_ptr<Stream>> streams_;
  std::map<Sender, std::shared_ptr<Session>> sessions_;
  std::atomic<std::uint64_t> streams_now_ = 0, sessions_now_ = 0, carried_ = 0, refused_ = 0;
  bool has_read_ = false;  ///< a datagram, in this turn
  std::unique_ptr<Waiting> look_, sweep_, again_, rests_;
};

}  // namespace vpn::agent::proxy
