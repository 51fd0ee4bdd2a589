// Names tied to addresses, and the lookups that they come from.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "agent/datapath/datapath_data.h"
#include "guard.skel.h"

namespace vpn::agent {
namespace {

/// No process is of this time: whoever looks for sockets of processes passes these by.
constexpr std::uint64_t no_maker = ~std::uint64_t{0};

}  // namespace

Result<void> Datapath::tie_names(std::span<const NameTie> ties) {
  Result<void> done;
  bool news = false;
  for (const NameTie& tie : ties) {
    const vpn_name_key key{to_kernel(tie.address), tie.app};
    if (tie.domain == 0) {
      news = news || data_->names.find(key) != nullptr;
      if (auto erased = data_->names.erase(key); !erased && done) done = std::move(erased);
      continue;
    }
    vpn_name name{};
    name.until = static_cast<std::uint64_t>(std::max<std::int64_t>(tie.expires.count(), 0));
    name.domain = tie.domain;
    const vpn_name* held = data_->names.find(key);
    /* What lives on only lives longer: who remembers a verdict asks again when the old time is over. */
    news = news || held == nullptr || held->domain != name.domain || held->until > name.until;
    if (auto set = data_->names.set(key, name); !set && done) done = std::move(set);
  }
  data_->flag(VPN_HAS_NAMES, data_->names.size() != 0);
  if (news) data_->change();
  return done;
}

Result<void> Datapath::tie_name(const NameTie& tie) { return tie_names({&tie, 1}); }

Result<void> Datapath::untie_name(Number app, const policy::Address& address) {
  return tie_name({app, address, 0, {}});
}

Result<void> Datapath::untie_all_names() {
  auto done = data_->names.replace({});
  data_->flag(VPN_HAS_NAMES, data_->names.size() != 0);
  data_->change();
  return done;
}

std::vector<NameTie> Datapath::tied_names() const {
  std::vector<NameTie> out;
  for (const auto& [bytes, name] : data_->names.held()) {
    vpn_name_key key{};
    std::memcpy(&key, bytes.data(), sizeof(key));
    out.push_back({key.app, from_kernel(key.address), name.domain,
                   std::chrono::nanoseconds(static_cast<std::int64_t>(name.until))});
  }
  return out;
}

std::uint64_t Datapath::policy() const { return data_->adopted || data_->published ? data_->control().policy : 0; }

void Datapath::set_forwarder(const ForwarderPlace& place) {
  vpn_control& control = data_->control();
  control.forwarder = htonl(place.address.v4());
  std::atomic_ref(control.forwarder_port).store(htons(place.port));
}

std::optional<Asker> Datapath::asker(std::uint8_t protocol, const policy::Address& address, std::uint16_t port) const {
  vpn_asker_key key{};
  key.address = to_kernel(address);
  key.port = htons(port);
  key.protocol = protocol;
  vpn_asker found{};
  if (::bpf_map_lookup_elem(Programs::fd(data_->programs.skeleton().maps.askers), &key, &found) != 0) return {};
  Asker out;
  out.owner.app = found.owner.app;
  out.owner.spawner = found.owner.spawner;
  out.owner.provider = found.owner.provider;
  out.owner.agent = (found.owner.flags & VPN_OWNER_AGENT) != 0;
  out.owner.uncertain = (found.owner.flags & (VPN_OWNER_UNKNOWN | VPN_OWNER_KERNEL)) != 0;
  if (found.asked_port != 0) {
    out.resolver = from_kernel(found.asked);
    out.resolver_port = ntohs(found.asked_port);
  }
  out.uid = found.uid;
  return out;
}

void Datapath::questions_read(std::chrono::nanoseconds before) noexcept {
  store(data_->control().questions_read, static_cast<std::uint64_t>(before.count()));
}

void Datapath::set_relay(std::uint16_t port) {
  vpn_control& control = data_->control();
  control.forwarder = htonl(own_address.v4());
  std::atomic_ref(control.relay_port).store(htons(port));
}

std::optional<Handed> Datapath::handed(std::uint8_t protocol, const policy::Address& address,
                                       std::uint16_t port) const {
  const int map = Programs::fd(data_->programs.skeleton().maps.askers);
  vpn_asker_key key{};
  key.address = to_kernel(address);
  key.port = htons(port);
  key.protocol = protocol;
  key.relay = 1;
  vpn_asker found{};
  if (::bpf_map_lookup_elem(map, &key, &found) != 0 || found.asked_port == 0 || found.proxy == 0) return {};
  if (protocol == IPPROTO_TCP) ::bpf_map_delete_elem(map, &key);
  Handed out;
  out.owner.app = found.owner.app;
  out.owner.spawner = found.owner.spawner;
  out.owner.uncertain = (found.owner.flags & (VPN_OWNER_UNKNOWN | VPN_OWNER_KERNEL)) != 0;
  out.asking = (found.owner.flags & VPN_OWNER_ASKING) != 0;
  out.remote = from_kernel(found.asked);
  out.port = ntohs(found.asked_port);
  out.tunnel = found.proxy - 1u;
  return out;
}

void Datapath::datagrams_read(std::chrono::nanoseconds before) noexcept {
  store(data_->control().relay_read, static_cast<std::uint64_t>(before.count()));
}

Result<void> Datapath::provide_for(int socket, Number provider) const {
  vpn_socket own{};
  own.netns = data_->control().netns;
  own.owner.provider = provider;
  own.maker = {no_maker, no_maker};
  if (::bpf_map_update_elem(Programs::fd(data_->programs.skeleton().maps.sockets), &socket, &own, BPF_ANY) != 0)
    return kernel_error("cannot tell the programs that a socket is a provider's", errno);
  return {};
}

Result<void> Datapath::ask_for(int socket, const Owner& owner, std::uint32_t domain) {
  const int map = Programs::fd(data_->programs.skeleton().maps.sockets);
  /* Its mark is the agent's, and leads past every tunnel: connect() gives it the owner's. While it is still ours. */
  std::uint32_t mark = 0;
  if (::setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0)
    return kernel_error("cannot take the mark off a socket", errno);
  vpn_socket own{}; /* as new: it has sent nothing yet */
  own.netns = data_->control().netns;
  own.owner = {owner.app, owner.spawner, 0, VPN_OWNER_ASKING};
  own.domain = domain;
  own.maker = {no_maker, no_maker};
  if (::bpf_map_update_elem(map, &socket, &own, BPF_ANY) != 0)
    return kernel_error("cannot tell the programs whose question a socket asks", errno);
  return {};
}

}  // namespace vpn::agent
