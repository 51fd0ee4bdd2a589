// Which flow a packet is of, and what its payload tells.
#include <algorithm>

#include "compiler/simulate/client_hello.h"
#include "compiler/simulate/quic_initial.h"
#include "compiler/simulate/simulation_parts.h"
#include "policy/ascii.h"
#include "policy/dns/message.h"
#include "policy/kernel/packet.h"

namespace vpn::simulate {
namespace {

constexpr std::uint16_t port_dns = 53, port_https = 443;

/// The rules ask for the hop limit of discovery, and of memberships (S1.b).
bool hop_limit_matters(const Packet& p) {
  if (!p.v6) return p.protocol == VPN_IGMP;
  if (p.protocol != VPN_ICMPV6 || !p.has_icmp_type) return false;
  return (p.icmp_type >= 130 && p.icmp_type <= 137) || p.icmp_type == 143;
}

/// Whether who sent this packet, the first one of its flow, is who began the flow. A capture can begin in the midst of
/// it: then who has the well-known port serves.
bool is_from_beginner(const Packet& p) {
  if (p.has_icmp_type) {
    const bool is_reply = p.icmp_type == (p.v6 ? 129 : 0) || is_icmp_error(p.protocol, p.icmp_type);
    return !is_reply;
  }
  const bool synchronises = p.protocol == VPN_TCP && (p.tcp_flags & tcp_syn) != 0;
  if (synchronises) return (p.tcp_flags & tcp_ack) == 0;
  return p.source_port >= 1024 || p.destination_port < 1024;
}

FlowKey ordered_key(const Packet& p, bool& source_is_b) {
  FlowKey key;
  const auto source = std::pair(p.source, p.source_port), destination = std::pair(p.destination, p.destination_port);
  source_is_b = destination < source;
  const auto& [a, a_port] = source_is_b ? destination : source;
  const auto& [b, b_port] = source_is_b ? source : destination;
  key.a_high = a.high;
  key.a_low = a.low;
  key.b_high = b.high;
  key.b_low = b.low;
  key.a_port = a_port;
  key.b_port = b_port;
  key.protocol = p.protocol;
  if (p.v6) key.flags |= FlowKey::v6;
  if (p.has_icmp_type) {
    key.flags |= FlowKey::has_icmp_type;
    key.icmp_type = p.icmp_type;
  }
  if (hop_limit_matters(p)) {
    key.flags |= FlowKey::has_hop_limit;
    key.hop_limit = p.hop_limit;
  }
  return key;
}

}  // namespace

// The packet that is quoted went the other way: from this device to its remote end.
std::uint32_t Simulation::quote_number() {
  Packet quoted;
  if (packet_->payload.empty() || !decode_ip(packet_->payload, quoted)) return 0;
  bool source_is_b = false;
  FlowKey key = ordered_key(quoted, source_is_b);
  key.quote = source_is_b ? 2 : 1;  // who of the two has sent it
  if (const auto known = quote_numbers_.find(key); known != quote_numbers_.end()) return known->second;
  if (quotes_.size() > flows_.most()) return 0;
  auto quote = std::make_unique<Quote>();
  policy::Flow& f = quote->flow;
  f.protocol = quoted.protocol;
  f.remote = quoted.destination;
  f.remote_port = quoted.destination_port;
  f.local_port = quoted.source_port;
  f.icmp_type = quoted.icmp_type;
  f.has_icmp_type = quoted.has_icmp_type;
  key.quote = 0;
  if (const std::uint32_t number = flows_.known(key); number != policy::none) {
    const FlowEntry& flow = flows_[number];
    const std::uint32_t record = flow.record[out] < records_.size() ? flow.record[out] : flow.first_record;
    if (record < records_.size() && records_[record].direction == out)
      describe_owner(f, records_[record].owner, records_[record].name, (flow.flags & FlowEntry::forwarded) != 0);
  }
  key.quote = source_is_b ? 2 : 1;
  const auto number = static_cast<std::uint32_t>(quotes_.size());
  quotes_.push_back(std::move(quote));
  quote_numbers_.emplace(key, number);
  return number;
}

void Simulation::join_fragments(Moment now) {
  Fragments::First& first = fragments_->of(*packet_);
  if (!packet_->not_first) {
    first = {
        packet_->source,    packet_->destination,   packet_->fragment_id, packet_->protocol,         packet_->icmp_type,
        packet_->has_ports, packet_->has_icmp_type, packet_->source_port, packet_->destination_port, now};
    return;
  }
  const bool joins = first.id == packet_->fragment_id && first.source == packet_->source &&
                     first.destination == packet_->destination && first.at <= now &&
                     now - first.at <= Fragments::longest && (packet_->v6 || first.protocol == packet_->protocol);
  if (!joins) {
    ++counts_.fragments_alone;
    return;
  }
  packet_->protocol = first.protocol;
  packet_->has_ports = first.has_ports;
  packet_->source_port = first.source_port;
  packet_->destination_port = first.destination_port;
  packet_->has_icmp_type = first.has_icmp_type;
  packet_->icmp_type = first.icmp_type;
}

// Its first packet says which end the device is.
bool Simulation::open(FlowEntry& flow, bool source_is_b) {
  const Side side = device_.side(*packet_);
  if (side == Side::another) {
    flow.flags = FlowEntry::ignored;
    return false;
  }
  const bool from_device = side != Side::incoming;
  if (source_is_b == from_device) flow.flags |= FlowEntry::local_is_b;
  if (is_from_beginner(*packet_) == from_device) flow.flags |= FlowEntry::begun;
  if (side == Side::forwarded) flow.flags |= FlowEntry::forwarded;
  const std::uint16_t remote_port = from_device ? packet_->destination_port : packet_->source_port;
  if (packet_->protocol == VPN_UDP && remote_port == port_dns) flow.flags |= FlowEntry::lookup;
  if (packet_->protocol == VPN_UDP && remote_port == port_https && options_.names_from_tls)
    flow.flags |= FlowEntry::stream;
  if (packet_->protocol == VPN_TCP && (remote_port == port_dns ? options_.names_from_dns : options_.names_from_tls))
    flow.flags |= FlowEntry::stream;
  return true;
}

// --- Names ----------------------------------------------------------------------------------------------------------

void Simulation::tell_name(FlowEntry& flow, const std::string& name) {
  const NameId id = names_.intern(name);
  if (id == flow.name) return;
  flow.name = id;
  flow.flags |= FlowEntry::invalid;
}

// "An answer counts only for a question": the device must have asked in this flow.
void Simulation::read_answer(const FlowEntry& flow, Bytes message, Moment now) {
  if (!options_.names_from_dns || (flow.flags & FlowEntry::asked) == 0 || !dns::is_response(message)) return;
  if (message[6] == 0 && message[7] == 0) return;  // no answer
  const auto answer = dns::read_answer(message);
  if (!answer || answer->name.empty() || answer->addresses.empty()) return;
  if (names_.add(answer->name, owners_[flow.owner].app, answer->addresses, now)) ++name_changes_;
}

void Simulation::look_into_lookup(FlowEntry& flow, Direction direction, Moment now) {
  const Bytes message = packet_->payload;
  if (message.size() < dns::header_size || dns::is_response(message) != (direction == in)) return;
  tell_name(flow, dns::asked_name(message));
  if (direction == in) read_answer(flow, message, now);
}

void Simulation::look_into_stream(std::uint32_t number, Direction direction, Moment now) {
  FlowEntry& flow = flows_[number];
  if (packet_->payload.empty()) return;
  const std::uint16_t remote_port = (flow.flags & FlowEntry::local_is_b) != 0 ? flow.key.a_port : flow.key.b_port;
  if (remote_port == port_dns) {
    if (direction != in) return;
    Bytes stream = streams_.add(number, packet_->sequence, packet_->payload);
    std::size_t read = 0;
    for (std::size_t size = 0; stream.size() - read >= 2; read += size) {
      size = std::size_t{2} + (static_cast<std::size_t>(stream[read]) << 8 | stream[read + 1]);
      if (stream.size() - read < size) break;
      const Bytes message = stream.subspan(read + 2, size - 2);
      if (message.size() >= dns::header_size) read_answer(flow, message, now);
    }
    streams_.consume(number, read);
    return;
  }
  if (direction != out) return;
  if (flow.key.protocol == VPN_UDP) return look_into_quic(number);
  // Most are whole in their first segment; what does not begin like one never will.
  const bool joined = streams_.knows(number);
  const bool begins = packet_->payload[0] == 22 && (packet_->payload.size() < 2 || packet_->payload[1] == 3);
  ServerName found;
  if (!joined && begins) found = server_name(packet_->payload);
  if (joined || found.found == ServerName::Found::more)
    found = server_name(streams_.add(number, packet_->sequence, packet_->payload));
  heard(number, found);
}

// The pieces of the handshake come in any order, and in several datagrams.
void Simulation::look_into_quic(std::uint32_t number) {
  const auto pieces = client_initial(packet_->payload);
  ServerName found;
  if (pieces) {
    Bytes handshake = streams_.add(number, 0, {});
    for (const CryptoPiece& piece : *pieces) handshake = streams_.add(number, piece.offset, piece.bytes);
    found = server_name_in_handshake(handshake);
  }
  heard(number, found);
}

void Simulation::heard(std::uint32_t number, const ServerName& found) {
  if (found.found == ServerName::Found::more) return;
  FlowEntry& flow = flows_[number];
  streams_.forget(number);
  flow.flags &= static_cast<std::uint8_t>(~FlowEntry::stream);
  if (found.found == ServerName::Found::name) tell_name(flow, ascii::lower_case(found.name));
}

// --- Packets --------------------------------------------------------------------------------------------------------

Judged Simulation::take_unlisted(const Prepared& p) {
  FlowEntry flow;
  flow.key = p.key;
  if (!open(flow, p.source_is_b)) return {Judged::What::another};
  const bool local_is_b = (flow.flags & FlowEntry::local_is_b) != 0;
  const Direction direction = p.source_is_b == local_is_b ? out : in;
  renew(flow, p.at);
  const Candidate found = strictest(flow, direction, p.at);
  counts_.unlisted[direction][static_cast<std::size_t>(found.decision.verdict)].add(1, p.length);
  return {Judged::What::flow, direction, found.decision.verdict, found.decision.rule};
}

// Whose first fragment, or what an error quotes, is known only when the packets before have been judged.
void Simulation::prepare(std::span<const Frame> frames) {
  next_prepared_ = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Prepared& p = prepared_[i];
    p.at = frames[i].at;
    p.length = frames[i].length;
    decode(link_, frames[i].bytes, p.packet);
    if (p.packet.kind != Packet::Kind::ip) continue;
    p.key = ordered_key(p.packet, p.source_is_b);
    p.hash = flows_.hash(p.key);
    flows_.fetch_slot(p.hash);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) flows_.fetch_entry(prepared_[i].hash);
}

Judged Simulation::take() {
  using What = Judged::What;
  Prepared& p = prepared_[next_prepared_++];
  packet_ = &p.packet;
  counts_.all.add(1, p.length);
  counts_.last = std::max(counts_.last, p.at);
  if (packet_->kind != Packet::Kind::ip) {
    const bool other = packet_->kind == Packet::Kind::not_ip;
    (other ? counts_.not_ip : counts_.malformed).add(1, p.length);
    return {other ? What::not_ip : What::malformed};
  }
  clock_.move(p.at);
  const bool is_error = packet_->has_icmp_type && is_icmp_error(packet_->protocol, packet_->icmp_type);
  if (packet_->fragment || is_error) {
    if (packet_->fragment) join_fragments(p.at);
    p.key = ordered_key(*packet_, p.source_is_b);
    if (is_error) p.key.quote = quote_number();
    p.hash = flows_.hash(p.key);
  }
  if (!packet_->has_ports && has_ports(packet_->protocol) && !packet_->not_first) ++counts_.cut_short;
  bool fresh = false;
  const std::uint32_t number = flows_.find(p.key, p.hash, fresh);
  if (number == policy::none) return take_unlisted(p);
  FlowEntry& flow = flows_[number];
  if ((fresh && !open(flow, p.source_is_b)) || (flow.flags & FlowEntry::ignored) != 0) {
    counts_.another.add(1, p.length);
    return {What::another};
  }
  const Direction direction = p.source_is_b == ((flow.flags & FlowEntry::local_is_b) != 0) ? out : in;
  constexpr std::uint8_t slow = FlowEntry::lookup | FlowEntry::stream | FlowEntry::invalid;
  if (flow.generation != generation() || p.at >= flow.recheck || (flow.flags & slow) != 0)
    attend(number, direction, p.at);
  if (flow.record[direction] == no_record) flow.record[direction] = judge(number, direction, p.at);
  if (direction == out) flow.flags |= FlowEntry::asked;
  flow.last[direction] = p.at;
  flow.bytes[direction] += p.length;
  if (++flow.packets[direction] == policy::none) flush(flow);
  return {What::flow, direction, flow.verdict(direction), flow.rule(direction), number};
}

}  // namespace vpn::simulate
