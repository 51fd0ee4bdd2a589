// Packets of VICI and their framing in a stream: a length of four bytes, a type, for some a name, a message.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "agent/tunnel/strongswan/vici_message.h"

namespace vpn::agent::strongswan {

enum class PacketType : std::uint8_t {
  command_request = 0,
  command_response = 1,
  command_unknown = 2,
  event_register = 3,
  event_unregister = 4,
  event_confirm = 5,
  event_unknown = 6,
  event = 7,
};

struct Packet {
  PacketType type = PacketType::command_request;
  std::string name;  ///< of requests, registrations and events
  Section message;
};

/// What goes onto the stream, the length included. Errors: as of Section::encode(), or longer than 512 KiB.
Result<WipedBytes> encode(const Packet& packet);
/// Of the bytes behind the length.
Result<Packet> decode_packet(std::span<const std::byte> bytes);

/// Cuts a stream into packets. Holds at most one packet's bytes (512 KiB) and what one read brings on top.
class PacketStream {
 public:
  void append(std::span<const std::byte> bytes);
  /// The next packet; nothing: there is no whole one yet. After an error the stream is of no use any more.
  Result<std::optional<Packet>> next();

 private:
  WipedBytes bytes_;
  std::size_t taken_ = 0;  ///< bytes at the front that have been given out
};

}  // namespace vpn::agent::strongswan
