// What a Simulation keeps. For simulation*.cpp only.
#pragma once

#include <array>

#include "compiler/simulate/simulation.h"

namespace vpn::simulate {

/// A flow in one direction with one verdict.
struct Simulation::Record {
  policy::Decision decision;
  std::uint32_t flow = 0, state = 0, owner = 0, next = no_record;
  std::uint32_t arrives_by = policy::none;  ///< tunnel that replies come through; `none`: by where the address is
  NameId name = 0;
  Direction direction = out;
  Counted counted;
  Moment first = never, last = always;
};

/// What an ICMP error is about: a packet that the device has sent.
struct Simulation::Quote {
  policy::Flow flow;  ///< with the owner and the name that its flow had when it was first quoted
};

/// The first fragments of packets of late, for the ports of the others. A newer one takes the place of an older one.
struct Simulation::Fragments {
  static constexpr std::size_t most = 1024;
  static constexpr Moment longest = 60 * second;  // RFC 8200 4.5
  struct First {
    policy::Address source, destination;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0, icmp_type = 0;
    bool has_ports = false, has_icmp_type = false;
    std::uint16_t source_port = 0, destination_port = 0;
    Moment at = never;  ///< nothing here yet
  };
  std::array<First, most> first;
  First& of(const Packet& p) {
    return first[(p.fragment_id * 2654435761u ^ static_cast<std::uint32_t>(p.source.low) ^
                  static_cast<std::uint32_t>(p.destination.low) * 31u) %
                 most];
  }
};

}  // namespace vpn::simulate
