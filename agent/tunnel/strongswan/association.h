// What charon says of its associations (event list-sa), as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/strongswan/vici_message.h"
#include "policy/address.h"

namespace vpn::agent::strongswan {

/// An IKE association with its children.
struct Association {
  std::string id;  ///< charon's number for it ("uniqueid")
  std::string state;
  bool established = false;  ///< the peer is authenticated (also while it is rekeyed)
  bool installed = false;    ///< a child of it carries packets
  std::optional<policy::Address> local, remote;
  std::uint16_t remote_port = 0;
  bool udp_encapsulated = false;                   ///< ESP within UDP
  std::vector<policy::Address> virtual_addresses;  ///< assigned by the server
  std::vector<policy::Prefix> remote_networks;     ///< the children's remote traffic selectors, sorted, each once
};

/// From an event list-sa: the association of that connection; nothing where it is not in the event.
/// What cannot be understood of it is left out.
std::optional<Association> read_association(const Section& event, std::string_view connection);

/// A traffic selector as charon writes it ("10.0.0.0/8", "10.0.0.1..10.0.0.9[udp/53]"), as the prefixes that cover
/// exactly its addresses; protocol and port are left to charon. Nothing where it is no such text.
std::vector<policy::Prefix> read_selector(std::string_view text);

}  // namespace vpn::agent::strongswan
