// What a QUIC client says in its first packets (RFC 9000, 9001, 9369): the beginning of its TLS handshake. Their keys
// are no secret: they come from the packet itself. Pure, bounded, hostile input.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vpn::simulate {

/// A piece of the handshake, by its place in it.
struct CryptoPiece {
  std::uint32_t offset = 0;
  std::vector<std::uint8_t> bytes;
};

/// Of the Initial packets of one datagram that a client has sent. Nothing: it is no such datagram, or not whole.
std::optional<std::vector<CryptoPiece>> client_initial(std::span<const std::uint8_t> datagram);

/// Keys of a client's Initial packets (RFC 9001, 5.2), for a connection ID that the client chose.
struct InitialKeys {
  std::array<std::uint8_t, 16> key{}, header{};
  std::array<std::uint8_t, 12> iv{};
};
enum class QuicVersion : std::uint32_t { one = 1, two = 0x6b3343cf };
InitialKeys initial_keys(QuicVersion version, std::span<const std::uint8_t> connection_id);

}  // namespace vpn::simulate
