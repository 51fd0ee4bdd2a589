// The gate as text for nftables.
#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "agent/datapath/gate.h"

namespace vpn::agent {
namespace {

std::string hex(std::uint32_t value) {
  std::array<char, 16> out{};
  std::snprintf(out.data(), out.size(), "0x%08x", value);
  return out.data();
}

std::string hex(const policy::Address& v6) {
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "0x%016llx%016llx", static_cast<unsigned long long>(v6.high),
                static_cast<unsigned long long>(v6.low));
  return out.data();
}

/// nftables has no way to write some names that the kernel allows.
bool can_be_written(const std::string& name) {
  return !name.empty() && name.size() < 16 && std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '*';
  });
}

class Commands {
 public:
  explicit Commands(const GatePlan& plan) : plan_(plan) {}

  std::string all(const GateChains& present) {
    link_table(present);
    forward_table();
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  void rule(const std::string& chain, const std::string& text) { line("add rule " + chain + " " + text); }
  std::string refuse() const { return plan_.audit ? "counter accept" : "counter drop"; }
  std::string policy() const { return plan_.audit ? "policy accept;" : "policy drop;"; }

  /// A set, its old elements gone with this transaction.
  void set(const std::string& name, const std::string& type, const std::vector<std::string>& elements) {
    line("add set " + name + " { type " + type + "; }");
    line("flush set " + name);
    if (elements.empty()) return;
    std::string list;
    for (const auto& e : std::set(elements.begin(), elements.end())) list += (list.empty() ? "" : ", ") + e;
    line("add element " + name + " { " + list + " }");
  }

  std::vector<std::string> indexes(std::initializer_list<InterfaceKind> kinds) const {
    std::vector<std::string> out;
    for (const Interface& i : plan_.interfaces)
      if (std::find(kinds.begin(), kinds.end(), i.kind) != kinds.end()) out.push_back(std::to_string(i.index));
    return out;
  }

  std::vector<std::string> tickets() const {
    std::vector<std::string> out;
    for (const std::uint32_t t : plan_.tickets)
      if (t != 0) out.push_back(hex(t));
    return out;
  }

  void link_table(const GateChains& present) {
    line("add table netdev vpn_guard");
    line("add chain netdev vpn_guard exempt");
    line("flush chain netdev vpn_guard exempt");
    exemptions("netdev vpn_guard exempt");
    std::set<std::string> wanted{"exempt"};
    for (const Interface& i : plan_.interfaces) {
      if (i.kind != InterfaceKind::physical) continue;
      const std::string name = egress_of(i), rest = rest_of(i);
      wanted.insert({name, rest});
      if (!present.contains("netdev " + rest)) { /* or it stays, and its counter with it */
        line("add chain netdev vpn_guard " + rest);
        rule("netdev vpn_guard " + rest, "jump exempt");
        rule("netdev vpn_guard " + rest, refuse());
      }
      const auto old = present.find("netdev " + name);
      if (old != present.end() && (old->second.device != i.name || old->second.refuses == plan_.audit))
        line("delete chain netdev vpn_guard " + name); /* renamed, or of another mode */
      line("add chain netdev vpn_guard " + name + " { type filter hook egress device \"" + i.name +
           "\" priority filter; " + policy() + " }");
      ticket_rules(i);
    }
    for (const bool hooked : {true, false}) /* those that go on to others first */
      for (const auto& [key, chain] : present) {
        const std::string name = key.substr(key.find(' ') + 1);
        if (key.starts_with("netdev ") && chain.hooked == hooked && !wanted.contains(name))
          line("delete chain netdev vpn_guard " + name);
      }
  }

  static std::string egress_of(const Interface& i) { return "egress_" + std::to_string(i.index); }
  std::string rest_of(const Interface& i) const {
    return (plan_.audit ? "audit_" : "refuse_") + std::to_string(i.index);
  }

  /// The way of every packet that may leave: comparisons with constants, which cost less than a look-up in a set. The
  /// class that routes give is compared with nothing: packet sockets have no route, and the rule breaks there.
  void ticket_rules(const Interface& i) {
    const std::string chain = "netdev vpn_guard " + egress_of(i);
    line("flush chain " + chain);
    for (const std::string& ticket : tickets())
      rule(chain, "meta mark " + ticket + priority("meta priority ") + " meta rtclassid & 0 == 0 accept");
    rule(chain, "goto " + rest_of(i));
  }

  std::string priority(const std::string& before) const {
    if (plan_.forward.priority == 0) return {};
    std::array<char, 16> out{};
    std::snprintf(out.data(), out.size(), "%x:%x", plan_.forward.priority >> 16, plan_.forward.priority & 0xffff);
    return " " + before + out.data();
  }

  /// What carries no ticket and may leave all the same.
  void exemptions(const std::string& chain) {
    for (const TunnelAddress& a : plan_.tunnel_addresses) {
      if (a.address.v6)
        rule(chain, "icmpv6 type { 135, 136 } @th,64,128 " + hex(a.address) + " " + refuse());
      else
        rule(chain, "arp saddr ip " + a.address.to_string() + " " + refuse());
    }
    rule(chain, "meta protocol arp accept");
    rule(chain, "meta protocol 0x888e accept"); /* EAPOL: no network without it */
    /* S1.a, as DHCP clients send it before there is an address: by a packet socket. */
    const std::string dhcp = "ip daddr 255.255.255.255 udp sport 68 udp dport 67 ";
    const std::string service =
        plan_.network_uid == 0 ? "" : "meta skuid != " + std::to_string(plan_.network_uid) + " ";
    rule(chain, dhcp + "meta skuid != 0 " + service + refuse());
    rule(chain, dhcp + "accept");
    /* S1.b, made by the kernel or by uid 0. */
    for (const std::string kind :
         {"icmpv6 type { 133, 135, 136 } ip6 hoplimit 255 ", "icmpv6 type { 130, 131, 132, 143 } ip6 hoplimit 1 ",
          "ip protocol igmp ip ttl 1 "}) {
      rule(chain, kind + "meta skuid != 0 " + refuse());
      rule(chain, kind + "accept");
    }
    /* S1.c: the kernel's own tunnel packets. They have a route, which a packet socket with this mark has not. */
    for (const GatePlan::Outer& o : plan_.outer) {
      if (o.mark == 0) continue;
      std::string match = "meta mark " + hex(o.mark) + " meta rtclassid & 0 == 0 ";
      match += std::string(o.address.v6 ? "ip6" : "ip") + " daddr " + o.address.to_string();
      match += " meta l4proto " + std::to_string(o.protocol);
      if (o.port != 0) match += " th dport " + std::to_string(o.port);
      rule(chain, match + " accept");
    }
  }

  void forward_table() {
    line("add table inet vpn_guard");
    set("inet vpn_guard within", "iface_index", indexes({InterfaceKind::tunnel, InterfaceKind::inner}));
    set("inet vpn_guard inner", "iface_index", indexes({InterfaceKind::inner}));
    set("inet vpn_guard outside", "iface_index", indexes({InterfaceKind::physical, InterfaceKind::stacked}));
    line("add chain inet vpn_guard outward");
    outward_rules();
    const std::string chain = "inet vpn_guard forward";
    line("add chain " + chain + " { type filter hook forward priority filter; " + policy() + " }");
    line("flush chain " + chain);
    const std::string bits = "meta mark & " + hex(plan_.forward.mask) + " == ";
    if (plan_.forward.outward != 0) rule(chain, bits + hex(plan_.forward.outward) + " jump outward");
    if (plan_.forward.inward != 0) rule(chain, bits + hex(plan_.forward.inward) + " oif @within accept");
    /* From one to another on the device itself, and bridged frames where br_netfilter shows them here. */
    rule(chain, "iif @inner oif @inner accept");
    rule(chain, refuse());
  }

 public:
  /// In a chain of its own, for it changes with every ticket.
  void outward_rules() {
    const std::string chain = "inet vpn_guard outward";
    line("flush chain " + chain);
    if (const auto valid = tickets(); !valid.empty())
      rule(chain, "oif @outside meta mark set " + valid.front() + priority("meta priority set ") + " accept");
    rule(chain, "oif @within accept");
  }
  std::string ticket_commands() {
    for (const Interface& i : plan_.interfaces)
      if (i.kind == InterfaceKind::physical) ticket_rules(i);
    outward_rules();
    return std::move(out_);
  }

 private:
  const GatePlan& plan_;
  std::string out_;
};

}  // namespace

Result<std::string> gate_commands(const GatePlan& plan, const GateChains& present) {
  for (const Interface& i : plan.interfaces)
    if (i.kind == InterfaceKind::physical && !can_be_written(i.name))
      return fail(ErrorKind::invalid_input, "nftables cannot name the interface " + std::to_string(i.index), i.name,
                  "rename it (ip link set … name …): until then nothing leaves by it");
  return Commands(plan).all(present);
}

std::string gate_ticket_commands(const GatePlan& plan) { return Commands(plan).ticket_commands(); }

std::string gate_removal_commands() {
  return "add table netdev vpn_guard\ndelete table netdev vpn_guard\n"
         "add table inet vpn_guard\ndelete table inet vpn_guard\n";
}

GateChains gate_chains(std::string_view listing) {
  GateChains out;
  std::string family;
  GateChain* chain = nullptr;
  const auto word_after = [](std::string_view line, std::string_view before, char end) {
    const std::string_view rest = line.substr(before.size());
    return std::string(rest.substr(0, rest.find(end)));
  };
  while (!listing.empty()) {
    std::string_view line = listing.substr(0, listing.find('\n'));
    listing.remove_prefix(std::min(line.size() + 1, listing.size()));
    line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
    if (line.starts_with("table ")) {
      family = word_after(line, "table ", ' ');
    } else if (line.starts_with("chain ")) {
      chain = &out[family + " " + word_after(line, "chain ", ' ')];
    } else if (line.starts_with("}")) {
      chain = nullptr;
    } else if (chain != nullptr && line.starts_with("type filter hook ")) {
      chain->hooked = true;
      chain->refuses = line.find("policy drop;") != std::string_view::npos;
      if (const auto device = line.find("device \""); device != std::string_view::npos)
        chain->device = word_after(line.substr(device), "device \"", '"');
    } else if (chain != nullptr && !line.empty()) {
      ++chain->rules;
    }
  }
  return out;
}

}  // namespace vpn::agent
