#include "agent/tunnel/device.h"

#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "agent/files/descriptor.h"
#include "agent/tunnel/netlink_exchange.h"

namespace vpn::agent {
namespace {

using policy::Address;

struct FreeAddresses {
  void operator()(ifaddrs* p) const { ::freeifaddrs(p); }
};

template <class Visit>
void for_each_address(Visit visit) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  const std::unique_ptr<ifaddrs, FreeAddresses> owner(list);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto address = address_of(entry->ifa_addr)) visit(entry->ifa_name, *address);
  }
}

bool link_local(const Address& a) { return a.v6 ? a.high >> 54 == 0xfe80u >> 6 : a.low >> 16 == 0xa9feu; }

void put_address(NetlinkMessage& message, std::uint16_t type, const Address& address) {
  if (!address.v6) {
    const std::uint32_t v4 = htonl(static_cast<std::uint32_t>(address.low));
    return mnl_attr_put(message.get(), type, sizeof v4, &v4);
  }
  const auto bytes = bytes_of(address);
  mnl_attr_put(message.get(), type, bytes.size(), bytes.data());
}

}  // namespace

std::array<std::uint8_t, 16> bytes_of(const Address& v6) {
  std::array<std::uint8_t, 16> out{};
  for (unsigned i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(v6.high >> (56 - 8 * i));
    out[i + 8] = static_cast<std::uint8_t>(v6.low >> (56 - 8 * i));
  }
  return out;
}

std::optional<Address> address_of(const sockaddr* socket) {
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

int make_link(const std::string& name, const char* kind) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  message.body<ifinfomsg>().ifi_family = AF_UNSPEC;
  mnl_attr_put_strz(message.get(), IFLA_IFNAME, name.c_str());
  nlattr* info = mnl_attr_nest_start(message.get(), IFLA_LINKINFO);
  mnl_attr_put_strz(message.get(), IFLA_INFO_KIND, kind);
  mnl_attr_nest_end(message.get(), info);
  return netlink_exchange(NETLINK_ROUTE, message);
}

void remove_link(const std::string& name) {
  NetlinkMessage message(RTM_DELLINK, NLM_F_ACK);
  message.body<ifinfomsg>().ifi_family = AF_UNSPEC;
  mnl_attr_put_strz(message.get(), IFLA_IFNAME, name.c_str());
  netlink_exchange(NETLINK_ROUTE, message);
}

Result<void> bring_up(const std::string& interface, const std::vector<std::pair<Address, std::uint8_t>>& addresses) {
  const auto refused = [&](const char* what, int code) {
    return fail(ErrorKind::environment, std::string(what) + ": " + std::strerror(code), interface);
  };
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return refused("the tunnel's interface is gone", errno);
  for (const auto& [address, length] : addresses) {
    NetlinkMessage message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
    auto& body = message.body<ifaddrmsg>();
    body.ifa_family = address.v6 ? AF_INET6 : AF_INET;
    body.ifa_prefixlen = length;
    body.ifa_flags = address.v6 ? IFA_F_NODAD : 0;  // nobody else is on this link
    body.ifa_index = index;
    put_address(message, IFA_LOCAL, address);
    put_address(message, IFA_ADDRESS, address);
    if (const int code = netlink_exchange(NETLINK_ROUTE, message); code != 0)
      return refused("cannot give the tunnel its address", code);
  }
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK);
  auto& link = message.body<ifinfomsg>();
  link.ifi_family = AF_UNSPEC;
  link.ifi_index = static_cast<int>(index);
  link.ifi_flags = link.ifi_change = IFF_UP;
  if (const int code = netlink_exchange(NETLINK_ROUTE, message); code != 0)
    return refused("cannot switch the tunnel's interface on", code);
  return {};
}

}  // namespace vpn::agent
