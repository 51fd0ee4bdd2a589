#include "compiler/simulate/packet.h"

#include <pcap/dlt.h>

#include "policy/kernel/packet.h"

namespace vpn::simulate {
namespace {

constexpr std::uint16_t ethertype_v4 = 0x0800, ethertype_v6 = 0x86dd;
constexpr unsigned most_tags = 8;        // of VLANs
constexpr unsigned most_extensions = 8;  // as the kernel's half: more, and the number reached is the protocol

std::uint16_t word(Bytes b, std::size_t at) { return static_cast<std::uint16_t>(b[at] << 8 | b[at + 1]); }
std::uint32_t double_word(Bytes b, std::size_t at) {
  return static_cast<std::uint32_t>(word(b, at)) << 16 | word(b, at + 2);
}
std::uint64_t quad_word(Bytes b, std::size_t at) {
  return static_cast<std::uint64_t>(double_word(b, at)) << 32 | double_word(b, at + 4);
}

bool is_vlan(std::uint16_t ethertype) {
  return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 || ethertype == 0x9200;
}

// --- Transport ------------------------------------------------------------------------------------------------------

void read_transport(Bytes bytes, Packet& out) {
  if (out.not_first) return;
  if (has_ports(out.protocol)) {
    if (bytes.size() < 4) return;
    out.has_ports = true;
    out.source_port = word(bytes, 0);
    out.destination_port = word(bytes, 2);
    if (out.protocol == VPN_UDP && bytes.size() >= 8) out.payload = bytes.subspan(8);
    if (out.protocol == VPN_TCP && bytes.size() >= 20) {
      const std::size_t header = (bytes[12] >> 4) * std::size_t{4};
      out.sequence = double_word(bytes, 4);
      out.tcp_flags = bytes[13];
      if (header >= 20 && header <= bytes.size()) out.payload = bytes.subspan(header);
    }
  } else if ((out.protocol == VPN_ICMP || out.protocol == VPN_ICMPV6) && !bytes.empty()) {
    out.has_icmp_type = true;
    out.icmp_type = bytes[0];
    if (is_icmp_error(out.protocol, out.icmp_type) && bytes.size() >= 8) out.payload = bytes.subspan(8);
  }
}

// --- IP -------------------------------------------------------------------------------------------------------------

bool read_v4(Bytes bytes, Packet& out) {
  if (bytes.size() < 20) return false;
  const std::size_t header = (bytes[0] & 15) * std::size_t{4};
  const std::size_t length = word(bytes, 2);
  if (header < 20) return false;
  // What hardware will cut into packets has no length yet.
  if (length != 0 && length < header) return false;
  if (length != 0 && length < bytes.size()) bytes = bytes.first(length);  // Ethernet pads
  const std::uint16_t fragment = word(bytes, 6);
  out.v6 = false;
  out.protocol = bytes[9];
  out.hop_limit = bytes[8];
  out.source = policy::Address::from_v4(double_word(bytes, 12));
  out.destination = policy::Address::from_v4(double_word(bytes, 16));
  out.fragment = (fragment & 0x3fff) != 0;
  out.not_first = (fragment & 0x1fff) != 0;
  out.fragment_id = word(bytes, 4);
  if (header <= bytes.size()) read_transport(bytes.subspan(header), out);
  return true;
}

bool is_extension(std::uint8_t kind) {
  return kind == 0 || kind == 43 || kind == 44 || kind == 51 || kind == 60 || kind == 135 || kind == 139 || kind == 140;
}

// True: `at` is where what the headers lead to begins.
bool skip_extensions(Bytes bytes, std::size_t& at, Packet& out) {
  for (unsigned i = 0; i < most_extensions && is_extension(out.protocol); ++i) {
    const std::uint8_t kind = out.protocol;
    if (bytes.size() - at < 8) return false;
    out.protocol = bytes[at];
    if (kind == 44) {
      out.fragment = true;
      out.not_first = (word(bytes, at + 2) & 0xfff8) != 0;
      out.fragment_id = double_word(bytes, at + 4);
      at += 8;
      if (out.not_first) return true;
    } else {
      at += kind == 51 ? (bytes[at + 1] + std::size_t{2}) * 4 : (bytes[at + 1] + std::size_t{1}) * 8;
    }
    if (at > bytes.size()) return false;
  }
  return true;
}

bool read_v6(Bytes bytes, Packet& out) {
  if (bytes.size() < 40) return false;
  const std::size_t length = word(bytes, 4);
  if (length != 0 && length + 40 < bytes.size()) bytes = bytes.first(length + 40);
  out.v6 = true;
  out.protocol = bytes[6];
  out.hop_limit = bytes[7];
  out.source = policy::Address::from_v6(quad_word(bytes, 8), quad_word(bytes, 16));
  out.destination = policy::Address::from_v6(quad_word(bytes, 24), quad_word(bytes, 32));
  std::size_t at = 40;
  if (skip_extensions(bytes, at, out)) read_transport(bytes.subspan(at), out);
  return true;
}

// --- Link layers ----------------------------------------------------------------------------------------------------

// What stands behind this ethertype, VLAN tags passed over.
void read_typed(std::uint16_t ethertype, Bytes bytes, Packet& out) {
  for (unsigned i = 0; i < most_tags && is_vlan(ethertype) && bytes.size() >= 4; ++i) {
    ethertype = word(bytes, 2);
    bytes = bytes.subspan(4);
  }
  out.ethertype = ethertype;
  if (ethertype != ethertype_v4 && ethertype != ethertype_v6) {
    out.kind = Packet::Kind::not_ip;
  } else if (decode_ip(bytes, out) && out.v6 == (ethertype == ethertype_v6)) {
    out.kind = Packet::Kind::ip;
  }
}

Way cooked_way(unsigned type) {
  constexpr Way ways[] = {Way::incoming, Way::to_many, Way::to_many, Way::to_another, Way::outgoing};
  return type < 5 ? ways[type] : Way::unknown;
}

void read_ethernet(Bytes frame, Packet& out) {
  if (frame.size() < 14) return;
  if ((frame[0] & 1) != 0) out.way = Way::to_many;
  out.hardware = quad_word(frame, 6) >> 16;
  read_typed(word(frame, 12), frame.subspan(14), out);
}

// The family is of whatever system captured, in its byte order: the packet itself says it, too.
void read_loopback(Bytes frame, Packet& out) {
  if (frame.size() < 4) return;
  const bool swapped = frame[0] == 0 && frame[1] == 0;
  const unsigned family = swapped ? frame[3] : frame[0];
  switch (family) {
    case 2:
    case 10:
    case 24:
    case 28:
    case 30:
      if (decode_ip(frame.subspan(4), out) && out.v6 == (family != 2)) out.kind = Packet::Kind::ip;
      break;
    default:
      out.kind = Packet::Kind::not_ip;
  }
}

}  // namespace

std::optional<Link> link_of(int dlt) {
  switch (dlt) {
    case DLT_EN10MB:
      return Link::ethernet;
    case DLT_LINUX_SLL:
      return Link::cooked;
    case DLT_LINUX_SLL2:
      return Link::cooked2;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return Link::raw;
    case DLT_NULL:
    case DLT_LOOP:
      return Link::loopback;
    default:
      return std::nullopt;
  }
}

std::string_view known_links() { return "Ethernet, Linux cooked (v1 and v2), raw IP, BSD loopback"; }

bool has_ports(std::uint8_t protocol) {
  return protocol == VPN_TCP || protocol == VPN_UDP || protocol == 33 || protocol == 132 || protocol == 136;
}

bool is_icmp_error(std::uint8_t protocol, std::uint8_t type) {
  vpn_packet p{};
  p.protocol = protocol;
  p.icmp_type = type;
  p.has_icmp_type = 1;
  return vpn_is_icmp_error(&p) != 0;
}

bool decode_ip(Bytes bytes, Packet& out) {
  if (bytes.empty()) return false;
  const unsigned version = bytes[0] >> 4;
  return version == 4 ? read_v4(bytes, out) : version == 6 && read_v6(bytes, out);
}

void decode(Link link, Bytes frame, Packet& out) {
  out = {};
  switch (link) {
    case Link::ethernet:
      return read_ethernet(frame, out);
    case Link::cooked:
      if (frame.size() < 16) return;
      out.way = cooked_way(word(frame, 0));
      return read_typed(word(frame, 14), frame.subspan(16), out);
    case Link::cooked2:
      if (frame.size() < 20) return;
      out.way = cooked_way(frame[10]);
      return read_typed(word(frame, 0), frame.subspan(20), out);
    case Link::raw:
      if (decode_ip(frame, out)) out.kind = Packet::Kind::ip;
      return;
    case Link::loopback:
      return read_loopback(frame, out);
  }
}

}  // namespace vpn::simulate
