// Which end of a packet this device is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/simulate/packet.h"
#include "policy/address.h"
#include "policy/flow.h"

namespace vpn::simulate {

/// Where the knowledge of the device's addresses is from.
enum class Basis : std::uint8_t {
  none,     ///< nothing is known yet
  given,    ///< by option, or the addresses of the interfaces of the states
  link,     ///< the link layer says which packets left
  assumed,  ///< the first private address that sent something, or the first address at all
};

enum class Side : std::uint8_t {
  outgoing,   ///< the source is the device
  incoming,   ///< the destination is
  forwarded,  ///< neither
  another     ///< a frame for another host: of no concern
};

class Device {
 public:
  /// Addresses of all interfaces of all states, and those given besides.
  Device(const std::vector<const policy::DeviceState*>& states, const std::vector<policy::Prefix>& given);

  /// Of the first packet of a flow; may learn from it.
  Side side(const Packet& packet);

  Basis basis() const { return basis_; }
  const std::vector<policy::Prefix>& addresses() const { return addresses_; }

 private:
  static constexpr std::size_t most_learnt = 64;
  bool is_own(const policy::Address& a) const;
  bool is_group(const policy::Address& a) const;
  bool is_own_link_local(const Packet& packet);
  void learn(const Packet& packet);
  void add(const policy::Address& a);

  std::vector<policy::Prefix> addresses_;
  std::vector<policy::Address> broadcasts_;  ///< of the interfaces' networks
  std::uint64_t hardware_ = 0;               ///< of the device, once it has sent something
  Basis basis_ = Basis::none;
};

}  // namespace vpn::simulate
