// The name that a TLS client asks for (SNI, RFC 6066), out of the beginning of what it sends. Pure, bounded, hostile
// input.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace vpn::simulate {

struct ServerName {
  enum class Found : std::uint8_t {
    more,     ///< the ClientHello is not whole yet
    nothing,  ///< no TLS, or no name in it
    name
  };
  Found found = Found::nothing;
  std::string name;  ///< as it stands there
};

/// `stream`: the client's bytes from the first on.
ServerName server_name(std::span<const std::uint8_t> stream);

/// The same of the handshake alone, as QUIC has it.
ServerName server_name_in_handshake(std::span<const std::uint8_t> handshake);

/// A ClientHello is not looked for beyond so many bytes.
inline constexpr std::size_t longest_hello = std::size_t{16} << 10;

}  // namespace vpn::simulate
