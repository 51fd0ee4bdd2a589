// Where clients' questions arrive: UDP and TCP, IPv4 and IPv6, on loopback. Bounded in all that a client can fill.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "agent/datapath/datapath.h"
#include "agent/dns/message.h"
#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "policy/result.h"

namespace vpn::agent::dns {

/// Takes one answer, at any time, or none at all.
using Reply = std::function<void(const Bytes& answer)>;

class Listeners {
 public:
  static constexpr std::size_t most_connections = 128, most_of_one = 32;  ///< of one app
  static constexpr std::chrono::seconds idle_limit{10};

  struct Hooks {
    /// Who sends from there; nobody: it is not heard.
    std::function<std::optional<Asker>(std::uint8_t protocol, const policy::Address& address, std::uint16_t port)>
        asker;
    std::function<void(const Asker& asker, View query, bool stream, Reply reply)> asked;
    /// All that was sent before this moment (CLOCK_MONOTONIC) has been read.
    std::function<void(std::chrono::nanoseconds before)> read_until;
  };
  /// At the first place whose port is free for all four. The loop outlives it. Errors: `environment`.
  static Result<std::unique_ptr<Listeners>> open(Loop& loop, std::span<const ForwarderPlace> places,
                                                 const Hooks& hooks);
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;
  ~Listeners();

  const ForwarderPlace& place() const { return place_; }

 private:
  class Connection;
  Listeners(Loop& loop, const ForwarderPlace& place, Hooks hooks);
  Result<void> listen(const ForwarderPlace& place);
  void readable();
  bool read_datagrams(int socket);
  bool accept(int socket);
  void sweep_soon();

  Loop& loop_;
  ForwarderPlace place_;
  Hooks hooks_;
  std::array<Descriptor, 2> datagrams_, streams_;  ///< IPv4, IPv6; no IPv6 here: nothing
  std::array<std::unique_ptr<Waiting>, 4> waiting_;
  std::list<std::shared_ptr<Connection>> connections_;
  std::unique_ptr<Waiting> sweep_;
};

}  // namespace vpn::agent::dns
