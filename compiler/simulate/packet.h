// From a captured frame to what the rules ask of a packet. Every frame is hostile: what is not there is not read, and
// nothing is allocated. Headers are read as the kernel's half reads them (agent/datapath/bpf/packet.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "policy/address.h"

namespace vpn::simulate {

using Bytes = std::span<const std::uint8_t>;

/// How frames begin: the link types of captures that are read.
enum class Link : std::uint8_t { ethernet, cooked, cooked2, raw, loopback };

/// Of libpcap's DLT_ numbers; nothing: a link type that is not read.
std::optional<Link> link_of(int dlt);
/// For people: "Ethernet, Linux cooked (v1 and v2), raw IP, BSD loopback".
std::string_view known_links();

/// What the link layer says of a frame's way.
enum class Way : std::uint8_t {
  unknown,
  outgoing,
  incoming,
  to_many,    ///< broadcast or multicast: not sent by this device, as far as that is known
  to_another  ///< for another host
};

struct Packet {
  enum class Kind : std::uint8_t { ip, not_ip, malformed };
  Kind kind = Kind::malformed;
  Way way = Way::unknown;
  bool v6 = false;
  bool has_ports = false;
  bool has_icmp_type = false;
  bool fragment = false;   ///< a part of a packet
  bool not_first = false;  ///< and not its first one, so without a transport header
  std::uint8_t protocol = 0;
  std::uint8_t hop_limit = 0;
  std::uint8_t icmp_type = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t ethertype = 0;    ///< of the frame, where the link layer has one
  std::uint32_t fragment_id = 0;  ///< where `fragment`
  std::uint8_t tcp_flags = 0;
  std::uint32_t sequence = 0;  ///< of TCP
  std::uint64_t hardware = 0;  ///< Ethernet address of the sender; 0: none
  policy::Address source, destination;
  Bytes payload;  ///< behind the header of UDP and TCP, and of an ICMP error: what was captured of it
};

/// Always sets all of `out`.
void decode(Link link, Bytes frame, Packet& out);
/// A packet from its IP header on, such as an ICMP error quotes. False: it is none.
bool decode_ip(Bytes bytes, Packet& out);

inline constexpr std::uint8_t tcp_syn = 2, tcp_ack = 16;

/// TCP, UDP, DCCP, SCTP, UDP-Lite.
bool has_ports(std::uint8_t protocol);
/// Of ICMP and ICMPv6: the types that quote what they are about (RFC 792, RFC 4443).
bool is_icmp_error(std::uint8_t protocol, std::uint8_t type);

}  // namespace vpn::simulate
