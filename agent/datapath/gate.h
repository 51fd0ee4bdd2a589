// The gate: nftables chains at the egress of every interface that is no tunnel. What carries no ticket of the
// datapath does not leave, whoever made it (packet sockets, bridges, macvlan, the kernel).
//
// One table `netdev vpn_guard`, one table `inet vpn_guard`; other tables are never touched.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
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
  std::uint32_t network_uid = 0;  ///< as Options::network_uid
  bool audit = false;             ///< count what would be dropped, let it pass
};

/// A chain that is in the kernel.
struct GateChain {
  std::string device;    ///< of a chain of the family `netdev`
  bool hooked = false;   ///< packets come to it by themselves
  bool refuses = false;  ///< its policy is `drop`
  std::size_t rules = 0;
  friend bool operator==(const GateChain&, const GateChain&) = default;
};
/// By family and name: "netdev egress_2", "inet forward".
using GateChains = std::map<std::string, GateChain>;

/// The commands for libnftables that make the gate what the plan says, whatever it is now, as one transaction in which
/// no chain is ever open. Pure. Errors (`invalid_input`): a name of an interface that nftables cannot write; nothing
/// may leave by such an interface (leave it out of Datapath::set_interfaces too).
Result<std::string> gate_commands(const GatePlan& plan, const GateChains& present = {});
/// Those that change the tickets of a plan that is in force.
std::string gate_ticket_commands(const GatePlan& plan);
/// Those that take it away.
std::string gate_removal_commands();
/// From the listings of our tables (`nft list table`).
GateChains gate_chains(std::string_view listing);

class Gate {
 public:
  static Result<Gate> open();
  Gate(Gate&&) noexcept;
  Gate& operator=(Gate&&) noexcept;
  ~Gate();  ///< the gate stays in the kernel

  /// Whether its tables are in the kernel, whoever left them.
  bool is_there() const;
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
