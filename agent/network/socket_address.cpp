#include "agent/network/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace vpn::agent {

socklen_t socket_address(const policy::Address& address, std::uint16_t port, sockaddr_storage& out) {
  if (!address.v6) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(address.v4());
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  for (std::size_t i = 0; i < 8; ++i) {
    in.sin6_addr.s6_addr[i] = static_cast<unsigned char>(address.high >> (56 - 8 * i));
    in.sin6_addr.s6_addr[8 + i] = static_cast<unsigned char>(address.low >> (56 - 8 * i));
  }
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

std::optional<std::pair<policy::Address, std::uint16_t>> from_socket_address(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &from, sizeof(in));
    return std::pair(policy::Address::from_v4(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port));
  }
  if (from.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 in{};
  std::memcpy(&in, &from, sizeof(in));
  std::uint64_t high = 0, low = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    high = high << 8 | in.sin6_addr.s6_addr[i];
    low = low << 8 | in.sin6_addr.s6_addr[8 + i];
  }
  const bool mapped = high == 0 && low >> 32 == 0xffff;
  return std::pair(
      mapped ? policy::Address::from_v4(static_cast<std::uint32_t>(low)) : policy::Address::from_v6(high, low),
      ntohs(in.sin6_port));
}

}  // namespace vpn::agent
