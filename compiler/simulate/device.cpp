#include "compiler/simulate/device.h"

#include <algorithm>

namespace vpn::simulate {
namespace {

using policy::Address;
using policy::Prefix;

Prefix host(const Address& a) { return Prefix::of(a, a.v6 ? 128 : 32); }

bool is_unspecified(const Address& a) { return a.high == 0 && a.low == 0; }

bool is_loopback(const Address& a) { return a.v6 ? a.high == 0 && a.low == 1 : (a.v4() >> 24) == 127; }

bool is_link_local(const Address& a) { return a.v6 ? (a.high >> 54) == 0x3fa : (a.v4() >> 16) == 0xa9fe; }

bool is_multicast(const Address& a) { return a.v6 ? (a.high >> 56) == 0xff : (a.v4() >> 28) == 14; }

}  // namespace

Device::Device(const std::vector<const policy::DeviceState*>& states, const std::vector<Prefix>& given) {
  addresses_ = given;
  for (const policy::DeviceState* s : states)
    for (const policy::InterfaceState& i : s->interfaces)
      for (const auto& [address, length] : i.addresses) {
        addresses_.push_back(host(address));
        if (!address.v6 && length < 31) broadcasts_.push_back(Prefix::of(address, length).last());
      }
  std::sort(addresses_.begin(), addresses_.end());
  addresses_.erase(std::unique(addresses_.begin(), addresses_.end()), addresses_.end());
  if (!addresses_.empty()) basis_ = Basis::given;
}

// A device without an address yet sends from none.
bool Device::is_own(const Address& a) const {
  return is_loopback(a) || is_unspecified(a) ||
         std::any_of(addresses_.begin(), addresses_.end(), [&](const Prefix& p) { return p.contains(a); });
}

bool Device::is_group(const Address& a) const {
  return is_multicast(a) || (!a.v6 && a.v4() == 0xffffffff) ||
         std::find(broadcasts_.begin(), broadcasts_.end(), a) != broadcasts_.end();
}

void Device::add(const Address& a) {
  if (!is_own(a) && !is_group(a) && addresses_.size() < most_learnt) addresses_.push_back(host(a));
}

// Forwarded packets cannot be told from own ones where the link layer is all that is known; addresses can tell.
void Device::learn(const Packet& p) {
  if (basis_ == Basis::given || basis_ == Basis::link) return;
  if (p.way == Way::outgoing || p.way == Way::incoming) {
    basis_ = Basis::link;
  } else if (basis_ == Basis::assumed) {
    if (hardware_ != 0 && p.hardware == hardware_) add(p.source);
  } else if (!is_group(p.destination) && p.way != Way::to_many && !is_own(p.source)) {
    const bool from_here = policy::is_private(host(p.source)) || !policy::is_private(host(p.destination));
    basis_ = Basis::assumed;
    if (from_here) hardware_ = p.hardware;
    add(from_here ? p.source : p.destination);
  }
}

// States seldom list them, and nobody forwards them: who sends from one is the device or a neighbour.
bool Device::is_own_link_local(const Packet& p) {
  const bool sent_here = p.way == Way::outgoing || (hardware_ != 0 && p.hardware == hardware_);
  if (!is_link_local(p.source) || !sent_here) return false;
  add(p.source);
  return true;
}

Side Device::side(const Packet& p) {
  learn(p);
  if (is_own(p.source)) {
    if (hardware_ == 0 && !is_loopback(p.source) && !is_unspecified(p.source)) hardware_ = p.hardware;
    return Side::outgoing;
  }
  if (is_own_link_local(p)) return Side::outgoing;
  if (is_own(p.destination)) return Side::incoming;
  if (p.way == Way::to_another) return Side::another;
  if (basis_ == Basis::link) return p.way == Way::outgoing ? Side::outgoing : Side::incoming;
  const bool to_here = is_group(p.destination) || p.way == Way::to_many || is_link_local(p.destination);
  return to_here ? Side::incoming : Side::forwarded;
}

}  // namespace vpn::simulate
