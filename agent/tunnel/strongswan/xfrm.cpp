#include "agent/tunnel/strongswan/xfrm.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "agent/tunnel/device.h"
#include "agent/tunnel/netlink_exchange.h"

namespace vpn::agent::strongswan {
namespace {

constexpr const char* probe_interface = "ike-probe";
constexpr std::uint32_t probe_id = 0x766fffff, probe_spi = 0x766fffff;

int make_interface(const std::string& name, std::uint32_t if_id, bool up) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  auto& link = message.body<ifinfomsg>();
  link.ifi_family = AF_UNSPEC;
  link.ifi_flags = link.ifi_change = up ? IFF_UP : 0;
  mnl_attr_put_strz(message.get(), IFLA_IFNAME, name.c_str());
  nlattr* info = mnl_attr_nest_start(message.get(), IFLA_LINKINFO);
  mnl_attr_put_strz(message.get(), IFLA_INFO_KIND, "xfrm");
  nlattr* data = mnl_attr_nest_start(message.get(), IFLA_INFO_DATA);
  mnl_attr_put_u32(message.get(), IFLA_XFRM_IF_ID, if_id);
  mnl_attr_nest_end(message.get(), data);
  mnl_attr_nest_end(message.get(), info);
  return netlink_exchange(NETLINK_ROUTE, message);
}

tl::unexpected<Error> kernel_refusal(std::string what, int code, std::string where = {}) {
  return fail(ErrorKind::environment, std::move(what) + ": " + std::strerror(code), std::move(where));
}

// An association that nobody uses: from and to loopback, by an interface that is none.
int probe_association() {
  NetlinkMessage message(XFRM_MSG_NEWSA, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  auto& sa = message.body<xfrm_usersa_info>();
  sa.saddr.a4 = sa.id.daddr.a4 = htonl(INADDR_LOOPBACK);
  sa.id.spi = htonl(probe_spi);
  sa.id.proto = IPPROTO_ESP;
  sa.family = AF_INET;
  sa.mode = XFRM_MODE_TUNNEL;
  sa.lft.hard_byte_limit = sa.lft.soft_byte_limit = XFRM_INF;
  sa.lft.hard_packet_limit = sa.lft.soft_packet_limit = XFRM_INF;
  // AES-256 and its salt: all zero, for no packet is ever encrypted with it.
  constexpr std::size_t key_size = 36;
  xfrm_algo_aead head{};
  std::strncpy(head.alg_name, "rfc4106(gcm(aes))", sizeof head.alg_name - 1);
  head.alg_key_len = 8 * key_size;
  head.alg_icv_len = 128;
  std::array<char, sizeof head + key_size> cipher{};
  std::memcpy(cipher.data(), &head, sizeof head);
  mnl_attr_put(message.get(), XFRMA_ALG_AEAD, cipher.size(), cipher.data());
  mnl_attr_put_u32(message.get(), XFRMA_IF_ID, probe_id);
  return netlink_exchange(NETLINK_XFRM, message);
}

int remove_association(const xfrm_usersa_info& sa, std::uint32_t if_id) {
  NetlinkMessage message(XFRM_MSG_DELSA, NLM_F_ACK);
  auto& id = message.body<xfrm_usersa_id>();
  id.daddr = sa.id.daddr;
  id.spi = sa.id.spi;
  id.proto = sa.id.proto;
  id.family = sa.family;
  mnl_attr_put_u32(message.get(), XFRMA_IF_ID, if_id);
  return netlink_exchange(NETLINK_XFRM, message);
}

int remove_policy(const xfrm_userpolicy_info& policy, std::uint32_t if_id) {
  NetlinkMessage message(XFRM_MSG_DELPOLICY, NLM_F_ACK);
  auto& id = message.body<xfrm_userpolicy_id>();
  id.sel = policy.sel;
  id.dir = policy.dir;
  mnl_attr_put_u32(message.get(), XFRMA_IF_ID, if_id);
  return netlink_exchange(NETLINK_XFRM, message);
}

int read_if_id(const nlattr* attribute, void* out) {
  if (mnl_attr_get_type(attribute) == XFRMA_IF_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
    *static_cast<std::uint32_t*>(out) = mnl_attr_get_u32(attribute);
  }
  return MNL_CB_OK;
}

std::uint32_t if_id_of(const nlmsghdr& message, unsigned body) {
  std::uint32_t out = 0;
  mnl_attr_parse(&message, body, read_if_id, &out);
  return out;
}

/// All of one kind that belong to that interface.
template <class T>
Result<std::vector<T>> dump(std::uint16_t request, std::uint32_t if_id) {
  NetlinkMessage message(request, NLM_F_DUMP);
  // The body is not looked at: a dump is of all.
  message.body<T>();
  std::vector<T> out;
  const int code = netlink_exchange(NETLINK_XFRM, message, [&](const nlmsghdr& answer) {
    if (mnl_nlmsg_get_payload_len(&answer) < sizeof(T) || if_id_of(answer, sizeof(T)) != if_id) return;
    T item{};
    std::memcpy(&item, mnl_nlmsg_get_payload(&answer), sizeof item);
    out.push_back(item);
  });
  if (code != 0) return kernel_refusal("cannot read the kernel's associations", code);
  return out;
}

}  // namespace

bool kernel_has_esp() {
  remove_xfrm_interface(probe_interface);
  if (make_interface(probe_interface, probe_id, false) != 0) return false;
  remove_xfrm_interface(probe_interface);
  const int code = probe_association();
  xfrm_usersa_info probe{};
  probe.id.daddr.a4 = htonl(INADDR_LOOPBACK);
  probe.id.spi = htonl(probe_spi);
  probe.id.proto = IPPROTO_ESP;
  probe.family = AF_INET;
  if (code == 0 || code == EEXIST) remove_association(probe, probe_id);
  return code == 0 || code == EEXIST;
}

Result<void> make_xfrm_interface(const std::string& name, std::uint32_t if_id) {
  remove_xfrm_interface(name);
  if (const int code = make_interface(name, if_id, true); code != 0)
    return kernel_refusal("cannot make the tunnel's interface", code, name);
  return {};
}

void remove_xfrm_interface(const std::string& name) { remove_link(name); }

Result<void> forget_associations(std::uint32_t if_id) {
  const auto policies = dump<xfrm_userpolicy_info>(XFRM_MSG_GETPOLICY, if_id);
  if (!policies) return tl::unexpected(policies.error());
  for (const xfrm_userpolicy_info& policy : *policies) {
    if (const int code = remove_policy(policy, if_id); code != 0 && code != ENOENT)
      return kernel_refusal("cannot remove a policy", code);
  }
  const auto associations = dump<xfrm_usersa_info>(XFRM_MSG_GETSA, if_id);
  if (!associations) return tl::unexpected(associations.error());
  for (const xfrm_usersa_info& sa : *associations) {
    if (const int code = remove_association(sa, if_id); code != 0 && code != ESRCH)
      return kernel_refusal("cannot remove an association", code);
  }
  return {};
}

}  // namespace vpn::agent::strongswan
