#include "agent/network/wifi_messages.h"

#include <linux/genetlink.h>
#include <linux/nl80211.h>

#include <cerrno>
#include <limits>

#include "agent/network/netlink_attributes.h"

namespace vpn::agent {
namespace {

constexpr std::size_t longest_ssid = 32;  // IEEE 802.11, 9.4.2.2
constexpr std::size_t most_groups = 32, most_wifi_interfaces = 4096;

bool read_family(const nlmsghdr* message, const genlmsghdr& header, WifiNews& news) {
  const NetlinkAttributes a(message, sizeof header);
  if (a.text(CTRL_ATTR_FAMILY_NAME) != NL80211_GENL_NAME) return true;
  if (header.cmd == CTRL_CMD_DELFAMILY) {
    news.family_gone = true;
    return true;
  }
  if (header.cmd != CTRL_CMD_NEWFAMILY) return true;
  const auto number = a.bytes(CTRL_ATTR_FAMILY_ID);
  WifiFamily family;
  if (number.size() != sizeof family.number) return false;
  std::memcpy(&family.number, number.data(), sizeof family.number);
  if (family.number < NLMSG_MIN_TYPE || family.number == GENL_ID_CTRL) return false;
  if (const nlattr* groups = a.at(CTRL_ATTR_MCAST_GROUPS)) {
    const NetlinkAttributes list(groups);  // by their place in the list, from 1 on
    for (unsigned i = 1; i <= most_groups; ++i) {
      const nlattr* one = list.at(i);
      if (one == nullptr) continue;
      const NetlinkAttributes group(one);
      const std::string name = group.text(CTRL_ATTR_MCAST_GRP_NAME);
      const std::uint32_t id = group.number(CTRL_ATTR_MCAST_GRP_ID);
      if (id != 0 && (name == NL80211_MULTICAST_GROUP_MLME || name == NL80211_MULTICAST_GROUP_CONFIG))
        family.groups.push_back(id);
    }
  }
  news.family = std::move(family);
  return true;
}

bool read_interface(const nlmsghdr* message, WifiNews& news) {
  const NetlinkAttributes a(message, sizeof(genlmsghdr));
  WifiInterface out;
  out.index = a.number(NL80211_ATTR_IFINDEX);
  if (out.index == 0) return true;  // no network device: a peer-to-peer one
  const std::uint32_t type = a.number(NL80211_ATTR_IFTYPE, std::numeric_limits<std::uint32_t>::max());
  const auto ssid = a.bytes(NL80211_ATTR_SSID);
  if (ssid.size() > longest_ssid || news.interfaces.size() >= most_wifi_interfaces) return false;
  if (type == NL80211_IFTYPE_STATION || type == NL80211_IFTYPE_P2P_CLIENT || type == NL80211_IFTYPE_ADHOC)
    out.ssid.assign(reinterpret_cast<const char*>(ssid.data()), ssid.size());
  news.interfaces.push_back(std::move(out));
  return true;
}

bool changes_network(std::uint8_t command) {
  switch (command) {
    case NL80211_CMD_CONNECT:
    case NL80211_CMD_ROAM:
    case NL80211_CMD_DISCONNECT:
    case NL80211_CMD_JOIN_IBSS:
    case NL80211_CMD_ASSOCIATE:
    case NL80211_CMD_DISASSOCIATE:
    case NL80211_CMD_DEAUTHENTICATE:
    case NL80211_CMD_SET_INTERFACE:
    case NL80211_CMD_NEW_INTERFACE:
    case NL80211_CMD_DEL_INTERFACE:
      return true;
    default:
      return false;
  }
}

bool read_message(const nlmsghdr* message, std::uint16_t family, std::optional<std::uint32_t> sequence,
                  WifiNews& news) {
  if (sequence && message->nlmsg_seq != *sequence) return true;
  if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) news.interrupted = true;
  if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
    news.done = true;
    int result = 0;  // a dump's end may do without
    if (mnl_nlmsg_get_payload_len(message) >= sizeof result)
      std::memcpy(&result, mnl_nlmsg_get_payload(message), sizeof result);
    else if (message->nlmsg_type == NLMSG_ERROR)
      result = -EBADMSG;
    if (result < 0) news.error = result == std::numeric_limits<int>::min() ? EBADMSG : -result;
    return true;
  }
  if (message->nlmsg_type < NLMSG_MIN_TYPE) return true;
  const auto* header = header_of<genlmsghdr>(message);
  if (header == nullptr) return false;
  if (message->nlmsg_type == GENL_ID_CTRL) return read_family(message, *header, news);
  if (family == 0 || message->nlmsg_type != family) return true;
  if (!sequence) {
    news.changed = news.changed || changes_network(header->cmd);
    return true;
  }
  return header->cmd != NL80211_CMD_NEW_INTERFACE || read_interface(message, news);
}

std::vector<std::byte> question(std::uint16_t type, std::uint8_t command, std::uint32_t sequence) {
  std::vector<std::byte> out(mnl_nlmsg_size(sizeof(genlmsghdr)));
  nlmsghdr* message = mnl_nlmsg_put_header(out.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message->nlmsg_seq = sequence;
  auto* header = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(message, sizeof(genlmsghdr)));
  header->cmd = command;
  header->version = 1;
  return out;
}

}  // namespace

WifiNews read_wifi(std::span<const std::byte> datagram, std::uint16_t family, std::optional<std::uint32_t> sequence) {
  WifiNews news;
  news.malformed = each_netlink_message(
      datagram, [&](const nlmsghdr* message) { return read_message(message, family, sequence, news); });
  return news;
}

// All of them: a question for one by its name would load it where it is not.
std::vector<std::byte> ask_wifi_family(std::uint32_t sequence) {
  return question(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, sequence);
}

std::vector<std::byte> ask_wifi_interfaces(std::uint16_t family, std::uint32_t sequence) {
  return question(family, NL80211_CMD_GET_INTERFACE, sequence);
}

}  // namespace vpn::agent
