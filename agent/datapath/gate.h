// The gate: nftables chains at the egress of every interface that is no tunnel. What carries no ticket of the
// datapath does not leave, whoever made it (packet sockets, bridges, macvlan, the kernel).
//
// One table `netdev vpn_guard`, one table `inet vpn_guard`; other tables are never touched.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent {

/// Everything the gate must know. Equal plans give equal commands.
struct GatePlan {
  std::vector<Interface> interfaces;            ///< all that exist; `physical` ones are gated
  std::vector<std::uint32_t> tickets;           ///< marks to accept (Datapath::draw_ticket); zero is none
  std::vector<TunnelAddress> tunnel_addresses;  ///< no ARP, no discovery about them elsewhere
  struct Outer {                                ///< the kernel's own tunnel packets (S1.c)
    std::uint32_t mark = 0;
    policy::Address address;
    std::uint8_t protocol = 0;
    std::uint16_t port = 0;  ///< 0 for protocols without ports
  };
  std::vector<Outer> outer;
  Datapath::ForwardMarks forward;
  bool audit = false;  ///< count what would be dropped, let it pass
};

/// The commands for libnftables that replace the gate, as one transaction. Pure.
std::string gate_commands(const GatePlan& plan);
/// Those that take it away.
std::string gate_removal_commands();

class Gate {
 public:
  static Result<Gate> open();
  Gate(Gate&&) noexcept;
  Gate& operator=(Gate&&) noexcept;
  ~Gate();  ///< the gate stays in the kernel

  /// Replaces the gate in one transaction, then reads it back and compares. On an error the gate from before is there.
  /// An interface that has gone in the meantime is an error of kind `environment`: ask again with the new list.
  Result<void> apply(const GatePlan& plan);
  /// The tickets only: two set elements, some 100 microseconds.
  Result<void> set_tickets(const std::vector<std::uint32_t>& tickets);
  /// Whether the gate is what apply() made: chains, hooks, rules. About a millisecond.
  Health check() const;
  /// A descriptor that becomes readable when somebody changes a ruleset or an interface's chain goes away with it:
  /// then drain() it and check(). So a missing hook is seen at once.
  int changes_fd() const;
  void drain();
  struct Dropped {
    std::string what;  ///< "egress eth0", "forward"
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
  };
  Result<std::vector<Dropped>> dropped() const;
  Result<void> remove();

 private:
  struct Data;
  explicit Gate(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

}  // namespace vpn::agent
