// A kernel table read in user space by the kernel's own header, with the agent's part of the work done by hand.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/kernel/packet.h"
#include "policy/kernel_table.h"

namespace vpn::test {

/// What the kernel says of a packet.
struct KernelVerdict {
  policy::Verdict verdict = policy::Verdict::drop;
  policy::Rule rule = policy::Rule::S0;
  std::uint32_t tunnel = policy::none;
  vpn_place place = VPN_ANYWHERE;
  std::uint8_t rule_number = 0;  ///< as the kernel writes it
};

class KernelReader {
 public:
  /// Both must outlive it.
  KernelReader(const policy::KernelTable& table, const policy::KernelClasses& classes)
      : connected(table.connected), table_(table), classes_(classes) {}

  /// The status map: the agent changes it as soon as a tunnel goes down.
  std::vector<bool> connected;

  KernelVerdict judge(vpn_packet packet, const vpn_packet* quoted = nullptr) const;
  /// Index of a tunnel's interface; 0: none.
  std::uint32_t tunnel_interface(std::uint32_t tunnel) const;
  std::uint32_t mark(std::uint32_t owner, std::uint32_t domain) const;
  std::uint64_t word(std::uint32_t index) const { return index < table_.words.size() ? table_.words[index] : 0; }
  const policy::KernelTable& table() const { return table_; }
  const policy::KernelClasses& classes() const { return classes_; }

 private:
  const policy::KernelTable& table_;
  const policy::KernelClasses& classes_;
};

/// The packet that a flow is, as hooks in the kernel see it; `exempt` is left to the caller.
vpn_packet packet_of(const policy::Policy& policy, const policy::KernelClasses& classes,
                     const policy::InterfaceIndexes& interfaces, const policy::DeviceState& state,
                     const policy::Flow& flow);

}  // namespace vpn::test
