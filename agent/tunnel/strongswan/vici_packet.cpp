#include "agent/tunnel/strongswan/vici_packet.h"

namespace vpn::agent::strongswan {
namespace {

constexpr std::size_t length_size = 4, longest_packet = 524288, longest_packet_name = 0xff;

bool has_name(PacketType type) {
  return type == PacketType::command_request || type == PacketType::event_register ||
         type == PacketType::event_unregister || type == PacketType::event;
}

tl::unexpected<Error> bad_packet(const char* fault) {
  return fail(ErrorKind::invalid_input, std::string("a packet from charon ") + fault);
}

}  // namespace

Result<WipedBytes> encode(const Packet& packet) {
  auto message = packet.message.encode();
  if (!message) return message;
  const std::size_t name = has_name(packet.type) ? 1 + packet.name.size() : 0;
  const std::size_t size = 1 + name + message->size();
  if (packet.name.size() > longest_packet_name || size > longest_packet) {
    return fail(ErrorKind::invalid_input, "a message to charon is too long");
  }
  WipedBytes out;
  out.reserve(length_size + size);
  for (const unsigned shift : {24u, 16u, 8u, 0u}) out.push_back(static_cast<std::byte>((size >> shift) & 0xff));
  out.push_back(static_cast<std::byte>(packet.type));
  if (name != 0) {
    out.push_back(static_cast<std::byte>(packet.name.size()));
    const auto text = std::as_bytes(std::span(packet.name));
    out.insert(out.end(), text.begin(), text.end());
  }
  out.insert(out.end(), message->begin(), message->end());
  return out;
}

Result<Packet> decode_packet(std::span<const std::byte> bytes) {
  if (bytes.empty()) return bad_packet("is empty");
  const auto type = std::to_integer<std::uint8_t>(bytes.front());
  if (type > static_cast<std::uint8_t>(PacketType::event)) return bad_packet("has an unknown type");
  Packet packet{static_cast<PacketType>(type), {}, {}};
  bytes = bytes.subspan(1);
  if (has_name(packet.type)) {
    if (bytes.empty()) return bad_packet("is cut short");
    const auto size = std::to_integer<std::size_t>(bytes.front());
    if (bytes.size() - 1 < size) return bad_packet("is cut short");
    packet.name = text_of(bytes.subspan(1, size));
    bytes = bytes.subspan(1 + size);
  }
  auto message = Section::decode(bytes);
  if (!message) return tl::unexpected(std::move(message.error()));
  packet.message = std::move(*message);
  return packet;
}

void PacketStream::append(std::span<const std::byte> bytes) {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Packet>> PacketStream::next() {
  const auto waiting = std::span<const std::byte>(bytes_).subspan(taken_);
  if (waiting.size() < length_size) return std::optional<Packet>();
  std::size_t size = 0;
  for (const std::byte b : waiting.first(length_size)) size = size << 8 | std::to_integer<std::size_t>(b);
  if (size > longest_packet) return bad_packet("is longer than the protocol allows");
  if (waiting.size() - length_size < size) return std::optional<Packet>();
  auto packet = decode_packet(waiting.subspan(length_size, size));
  if (!packet) return tl::unexpected(std::move(packet.error()));
  taken_ += length_size + size;
  return std::optional<Packet>(std::move(*packet));
}

}  // namespace vpn::agent::strongswan
