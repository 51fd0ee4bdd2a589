#include "agent/tunnel/strongswan/device.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "agent/tunnel/strongswan/descriptor.h"

namespace vpn::agent::strongswan {
namespace {

using policy::Address;

struct FreeAddresses {
  void operator()(ifaddrs* p) const { ::freeifaddrs(p); }
};

std::optional<Address> read(const sockaddr* socket) {
  if (socket == nullptr) return std::nullopt;
  if (socket->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, socket, sizeof v4);
    return Address::from_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (socket->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, socket, sizeof v6);
  std::uint64_t high = 0, low = 0;
  for (int i = 0; i < 8; ++i) {
    high = high << 8 | v6.sin6_addr.s6_addr[i];
    low = low << 8 | v6.sin6_addr.s6_addr[i + 8];
  }
  return Address::from_v6(high, low);
}

template <class Visit>
void for_each_address(Visit visit) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  const std::unique_ptr<ifaddrs, FreeAddresses> owner(list);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto address = read(entry->ifa_addr)) visit(entry->ifa_name, *address);
  }
}

bool link_local(const Address& a) { return a.v6 ? a.high >> 54 == 0xfe80u >> 6 : a.low >> 16 == 0xa9feu; }

}  // namespace

std::optional<std::string> interface_with(const Address& address) {
  std::optional<std::string> out;
  for_each_address([&](const char* name, const Address& found) {
    if (found == address && !out) out = name;
  });
  return out;
}

std::vector<Address> addresses_of(const std::string& interface) {
  std::vector<Address> out;
  for_each_address([&](const char* name, const Address& found) {
    if (interface == name && !link_local(found)) out.push_back(found);
  });
  return out;
}

Result<void> set_mtu(const std::string& interface, std::uint32_t bytes) {
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  if (interface.size() < sizeof request.ifr_name) {
    std::memcpy(request.ifr_name, interface.data(), interface.size());
    request.ifr_mtu = static_cast<int>(bytes);
    if (::ioctl(socket.get(), SIOCSIFMTU, &request) == 0) return {};
  }
  return fail(ErrorKind::environment, std::string("cannot set the tunnel's MTU: ") + std::strerror(errno), interface);
}

}  // namespace vpn::agent::strongswan
