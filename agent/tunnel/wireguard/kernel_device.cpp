#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <list>

#include "agent/tunnel/device.h"
#include "agent/tunnel/netlink_exchange.h"
#include "agent/tunnel/wireguard/device.h"

namespace vpn::agent::wireguard {
namespace {

using Attributes = std::vector<const nlattr*>;

using Visit = std::function<void(const nlattr*)>;

int visit(const nlattr* attribute, void* data) {
  (*static_cast<const Visit*>(data))(attribute);
  return MNL_CB_OK;
}

void each_nested(const nlattr* nest, Visit called) { mnl_attr_parse_nested(nest, visit, &called); }

/// By type; types from `limit` on are left out.
Attributes parse(const nlattr* nest, std::size_t limit) {
  Attributes out(limit);
  each_nested(nest, [&](const nlattr* a) {
    if (mnl_attr_get_type(a) < limit) out[mnl_attr_get_type(a)] = a;
  });
  return out;
}

Attributes parse(const nlmsghdr& message, std::size_t limit) {
  Attributes out(limit);
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(genlmsghdr)) return out;
  Visit keep = [&](const nlattr* a) {
    if (mnl_attr_get_type(a) < limit) out[mnl_attr_get_type(a)] = a;
  };
  mnl_attr_parse(&message, sizeof(genlmsghdr), visit, &keep);
  return out;
}

/// The number that this kernel has given to WireGuard's family; 0: it has none.
std::uint16_t family() {
  NetlinkMessage message(GENL_ID_CTRL, NLM_F_ACK);
  auto& header = message.body<genlmsghdr>();
  header.cmd = CTRL_CMD_GETFAMILY;
  header.version = 1;
  mnl_attr_put_strz(message.get(), CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
  std::uint16_t out = 0;
  netlink_exchange(NETLINK_GENERIC, message, [&](const nlmsghdr& answer) {
    const Attributes all = parse(answer, CTRL_ATTR_MAX + 1);
    const nlattr* id = all[CTRL_ATTR_FAMILY_ID];
    if (id != nullptr && mnl_attr_validate(id, MNL_TYPE_U16) >= 0) out = mnl_attr_get_u16(id);
  });
  return out;
}

NetlinkMessage request(std::uint16_t family, std::uint8_t command, std::uint16_t flags, const std::string& interface,
                       std::size_t capacity) {
  NetlinkMessage out(family, flags, capacity);
  auto& header = out.body<genlmsghdr>();
  header.cmd = command;
  header.version = WG_GENL_VERSION;
  mnl_attr_put_strz(out.get(), WGDEVICE_A_IFNAME, interface.c_str());
  return out;
}

void put_endpoint(nlmsghdr* message, const policy::Address& address, std::uint16_t port) {
  if (!address.v6) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(address.low));
    return mnl_attr_put(message, WGPEER_A_ENDPOINT, sizeof to, &to);
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  const auto bytes = bytes_of(address);
  std::memcpy(&to.sin6_addr, bytes.data(), bytes.size());
  mnl_attr_put(message, WGPEER_A_ENDPOINT, sizeof to, &to);
}

void put_allowed(nlmsghdr* message, const std::vector<policy::Prefix>& prefixes) {
  nlattr* list = mnl_attr_nest_start(message, WGPEER_A_ALLOWEDIPS);
  for (const policy::Prefix& prefix : prefixes) {
    nlattr* one = mnl_attr_nest_start(message, 0);
    mnl_attr_put_u16(message, WGALLOWEDIP_A_FAMILY, prefix.base.v6 ? AF_INET6 : AF_INET);
    if (prefix.base.v6) {
      const auto bytes = bytes_of(prefix.base);
      mnl_attr_put(message, WGALLOWEDIP_A_IPADDR, bytes.size(), bytes.data());
    } else {
      mnl_attr_put_u32(message, WGALLOWEDIP_A_IPADDR, htonl(static_cast<std::uint32_t>(prefix.base.low)));
    }
    mnl_attr_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, prefix.length);
    mnl_attr_nest_end(message, one);
  }
  mnl_attr_nest_end(message, list);
}

void put_key(nlmsghdr* message, std::uint16_t type, const Key& key) {
  mnl_attr_put(message, type, key.bytes.size(), key.bytes.data());
}

void take_endpoint(const nlattr* attribute, PeerStatus& out) {
  sockaddr_storage from{};
  const auto size = mnl_attr_get_payload_len(attribute);
  if (size < sizeof(sockaddr_in) || size > sizeof from) return;
  std::memcpy(&from, mnl_attr_get_payload(attribute), size);
  out.address = address_of(reinterpret_cast<const sockaddr*>(&from));
  // The port stands at the same place in both families.
  sockaddr_in port{};
  std::memcpy(&port, &from, sizeof port);
  out.port = ntohs(port.sin_port);
}

bool take_key(const nlattr* attribute, Key& out) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != out.bytes.size()) return false;
  std::memcpy(out.bytes.data(), mnl_attr_get_payload(attribute), out.bytes.size());
  return true;
}

void read_peers(const nlattr* list, DeviceStatus& out) {
  each_nested(list, [&](const nlattr* one) {
    const Attributes all = parse(one, WGPEER_A_MAX + 1);
    PeerStatus peer;
    if (!take_key(all[WGPEER_A_PUBLIC_KEY], peer.public_key) || out.peers.size() == most_peers) return;
    if (all[WGPEER_A_ENDPOINT] != nullptr) take_endpoint(all[WGPEER_A_ENDPOINT], peer);
    if (const nlattr* time = all[WGPEER_A_LAST_HANDSHAKE_TIME];
        time != nullptr && mnl_attr_get_payload_len(time) == 2 * sizeof(std::int64_t)) {
      std::array<std::int64_t, 2> parts{};
      std::memcpy(parts.data(), mnl_attr_get_payload(time), sizeof parts);
      if (parts[0] >= 0 && parts[0] <= std::int64_t{1} << 33) peer.handshake_ns = parts[0] * 1'000'000'000 + parts[1];
    }
    // A peer with many prefixes goes on in the next message.
    if (!out.peers.empty() && out.peers.back().public_key == peer.public_key) return;
    out.peers.push_back(std::move(peer));
  });
}

class KernelDevice final : public Device {
 public:
  KernelDevice(Loop& loop, std::string interface, std::uint16_t family)
      : loop_(loop), interface_(std::move(interface)), family_(family) {}

  void set(const QuickConfig& config, const DeviceSettings& settings, Done done) override {
    std::size_t size = 1024;
    for (const Peer& peer : config.peers) size += 256 + 40 * peer.allowed.size();
    NetlinkMessage message = request(family_, WG_CMD_SET_DEVICE, NLM_F_ACK, interface_, size);
    mnl_attr_put_u32(message.get(), WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    put_key(message.get(), WGDEVICE_A_PRIVATE_KEY, config.private_key);
    mnl_attr_put_u16(message.get(), WGDEVICE_A_LISTEN_PORT, config.listen_port);
    mnl_attr_put_u32(message.get(), WGDEVICE_A_FWMARK, settings.mark);
    nlattr* list = mnl_attr_nest_start(message.get(), WGDEVICE_A_PEERS);
    for (std::size_t i = 0; i < config.peers.size(); ++i) {
      const Peer& peer = config.peers[i];
      nlattr* one = mnl_attr_nest_start(message.get(), 0);
      put_key(message.get(), WGPEER_A_PUBLIC_KEY, peer.public_key);
      mnl_attr_put_u32(message.get(), WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
      if (peer.preshared_key) put_key(message.get(), WGPEER_A_PRESHARED_KEY, *peer.preshared_key);
      if (i < settings.peers.size() && settings.peers[i]) put_endpoint(message.get(), *settings.peers[i], peer.port);
      put_allowed(message.get(), peer.allowed);
      mnl_attr_nest_end(message.get(), one);
    }
    mnl_attr_nest_end(message.get(), list);
    int code = netlink_exchange(NETLINK_GENERIC, message);
    if (code == 0) code = poke(config);
    answer(code, std::move(done));
  }

  void poke(const QuickConfig& config, Done done) override { answer(poke(config), std::move(done)); }

  void look(Seen seen) override {
    NetlinkMessage message = request(family_, WG_CMD_GET_DEVICE, NLM_F_ACK | NLM_F_DUMP, interface_, 1024);
    Result<DeviceStatus> out{DeviceStatus{}};
    const int code = netlink_exchange(NETLINK_GENERIC, message, [&](const nlmsghdr& part) {
      const Attributes all = parse(part, WGDEVICE_A_MAX + 1);
      take_key(all[WGDEVICE_A_PRIVATE_KEY], out->private_key);
      if (all[WGDEVICE_A_PEERS] != nullptr) read_peers(all[WGDEVICE_A_PEERS], *out);
    });
    if (code != 0) out = refused(code);
    later([seen = std::move(seen), out = std::move(out)] { seen(out); });
  }

  pid_t process() const override { return 0; }

 private:
  tl::unexpected<Error> refused(int code) const {
    return fail(ErrorKind::environment, std::string("the kernel's WireGuard: ") + std::strerror(code), interface_);
  }

  // A keepalive that is switched on is sent at once: off, on, and what is configured.
  int poke(const QuickConfig& config) {
    for (const int step : {0, 1, 2}) {
      NetlinkMessage message =
          request(family_, WG_CMD_SET_DEVICE, NLM_F_ACK, interface_, 1024 + 128 * config.peers.size());
      nlattr* list = mnl_attr_nest_start(message.get(), WGDEVICE_A_PEERS);
      for (const Peer& peer : config.peers) {
        nlattr* one = mnl_attr_nest_start(message.get(), 0);
        put_key(message.get(), WGPEER_A_PUBLIC_KEY, peer.public_key);
        mnl_attr_put_u32(message.get(), WGPEER_A_FLAGS, WGPEER_F_UPDATE_ONLY);
        mnl_attr_put_u16(message.get(), WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
                         step == 2 ? peer.keepalive : static_cast<std::uint16_t>(step));
        mnl_attr_nest_end(message.get(), one);
      }
      mnl_attr_nest_end(message.get(), list);
      if (const int code = netlink_exchange(NETLINK_GENERIC, message); code != 0) return code;
    }
    return 0;
  }

  void answer(int code, Done done) {
    Result<void> out;
    if (code != 0) out = refused(code);
    later([done = std::move(done), out = std::move(out)] { done(out); });
  }

  // From the loop only, as a socket's answer would come.
  void later(std::function<void()> call) {
    waiting_.emplace_back();
    const auto place = std::prev(waiting_.end());
    *place = loop_.after(std::chrono::milliseconds(0), [this, place, call = std::move(call)] {
      const std::unique_ptr<Waiting> self = std::move(*place);
      waiting_.erase(place);
      call();
    });
  }

  Loop& loop_;
  std::string interface_;
  std::uint16_t family_;
  std::list<std::unique_ptr<Waiting>> waiting_;
};

}  // namespace

Result<std::unique_ptr<Device>> kernel_device(Loop& loop, std::string interface) {
  const std::uint16_t number = family();
  if (number == 0) return fail(ErrorKind::environment, "the kernel has no WireGuard");
  return std::unique_ptr<Device>(std::make_unique<KernelDevice>(loop, std::move(interface), number));
}

}  // namespace vpn::agent::wireguard
