#include "agent/network/socket_address.h"

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

}  // namespace vpn::agent
