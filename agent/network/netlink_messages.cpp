#include "agent/network/netlink_messages.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "agent/network/netlink_attributes.h"

namespace vpn::agent {
namespace {

using Item = NetlinkNews::Item;
using Kind = NetlinkNews::Item::Kind;

bool read_link(const nlmsghdr* message, NetlinkNews& news) {
  const auto* h = header_of<ifinfomsg>(message);
  if (h == nullptr || h->ifi_index <= 0) return false;
  if (h->ifi_family != AF_UNSPEC) return true;  // of a bridge's port: not the link itself
  const NetlinkAttributes a(message, sizeof *h);
  Item item;
  item.kind = message->nlmsg_type == RTM_DELLINK ? Kind::link_gone : Kind::link;
  Link& link = item.link.link;
  link.index = static_cast<std::uint32_t>(h->ifi_index);
  link.name = a.text(IFLA_IFNAME);
  if (link.name.empty() || link.name.size() >= IFNAMSIZ) return false;
  const unsigned flags = h->ifi_flags;
  link.up = (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
  link.loopback = (flags & IFF_LOOPBACK) != 0;
  link.mtu = a.number(IFLA_MTU);
  link.master = a.number(IFLA_MASTER);
  item.link.hardware = h->ifi_type;
  link.link_layer = h->ifi_type == ARPHRD_ETHER || h->ifi_type == ARPHRD_LOOPBACK;
  // The other end of a veth pair, and what lies in another namespace, is nothing that it stands on.
  if (a.at(IFLA_LINK_NETNSID) == nullptr) link.lower = a.number(IFLA_LINK);
  if (const nlattr* info = a.at(IFLA_LINKINFO)) link.kind = NetlinkAttributes(info).text(IFLA_INFO_KIND);
  if (link.kind == "veth") link.lower = 0;
  news.items.push_back(std::move(item));
  return true;
}

bool read_address(const nlmsghdr* message, NetlinkNews& news) {
  const auto* h = header_of<ifaddrmsg>(message);
  if (h == nullptr || h->ifa_index == 0) return false;
  if (h->ifa_family != AF_INET && h->ifa_family != AF_INET6) return true;
  const NetlinkAttributes a(message, sizeof *h);
  // IFA_LOCAL is our own end; IFA_ADDRESS the other one of a point-to-point link.
  const auto own = netlink_address(a.bytes(a.at(IFA_LOCAL) != nullptr ? IFA_LOCAL : IFA_ADDRESS));
  if (!own || own->v6 != (h->ifa_family == AF_INET6) || h->ifa_prefixlen > (own->v6 ? 128 : 32)) return false;
  Item item;
  item.kind = message->nlmsg_type == RTM_DELADDR ? Kind::address_gone : Kind::address;
  item.address = {h->ifa_index, *own, h->ifa_prefixlen};
  news.items.push_back(std::move(item));
  return true;
}

void add_next_hops(const NetlinkAttributes& a, const MainRoute& route, Item& item) {
  const auto all = a.bytes(RTA_MULTIPATH);
  std::size_t at = 0;
  while (all.size() - at >= sizeof(rtnexthop)) {
    rtnexthop hop{};
    std::memcpy(&hop, all.data() + at, sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > all.size() - at) return;
    const NetlinkAttributes own(all.data() + at + sizeof hop, hop.rtnh_len - sizeof hop, 0);
    MainRoute one = route;
    one.link = static_cast<std::uint32_t>(hop.rtnh_ifindex);
    one.gateway = netlink_address(own.bytes(RTA_GATEWAY));
    item.routes.push_back(one);
    const std::size_t step = netlink_aligned(hop.rtnh_len);
    if (step > all.size() - at) return;
    at += step;
  }
}

std::optional<RouteKind> own_kind(const rtmsg& h, const NetlinkAttributes& a) {
  switch (h.rtm_type) {
    case RTN_UNICAST:
      return a.at(RTA_GATEWAY) != nullptr ? RouteKind::gateway : RouteKind::interface;
    case RTN_THROW:
      return RouteKind::pass;
    case RTN_UNREACHABLE:
      return RouteKind::refuse;
    default:
      return std::nullopt;
  }
}

bool read_route(const nlmsghdr* message, NetlinkNews& news) {
  const auto* h = header_of<rtmsg>(message);
  if (h == nullptr) return false;
  if ((h->rtm_family != AF_INET && h->rtm_family != AF_INET6) || (h->rtm_flags & RTM_F_CLONED) != 0) return true;
  const NetlinkAttributes a(message, sizeof *h);
  const bool v6 = h->rtm_family == AF_INET6;
  auto destination = netlink_address(a.bytes(RTA_DST));
  if (!destination) {
    if (a.at(RTA_DST) != nullptr || h->rtm_dst_len != 0) return false;
    destination = v6 ? policy::Address::from_v6(0, 0) : policy::Address::from_v4(0);
  }
  if (destination->v6 != v6 || h->rtm_dst_len > (v6 ? 128 : 32)) return false;
  const std::uint32_t table = a.number(RTA_TABLE, h->rtm_table);
  const policy::Prefix prefix = policy::Prefix::of(*destination, h->rtm_dst_len);
  Item item;
  item.gone = message->nlmsg_type == RTM_DELROUTE;
  if (h->rtm_protocol == own_route_protocol) {
    const auto kind = own_kind(*h, a);
    if (!kind) return true;
    item.kind = Kind::own_route;
    item.own_route.table = table;
    const bool by_link = *kind == RouteKind::interface || *kind == RouteKind::gateway;
    const auto via = netlink_address(a.bytes(RTA_GATEWAY));
    item.own_route.route = {prefix,
                            a.number(RTA_PRIORITY),
                            *kind,
                            by_link ? a.number(RTA_OIF) : 0,
                            via.value_or(policy::Address{}),
                            by_link ? netlink_address(a.bytes(RTA_PREFSRC)) : std::nullopt};
  } else {
    if (table != RT_TABLE_MAIN || h->rtm_type != RTN_UNICAST) return true;
    item.kind = Kind::route;
    const MainRoute route{prefix, a.number(RTA_OIF), netlink_address(a.bytes(RTA_GATEWAY)), a.number(RTA_PRIORITY)};
    if (a.at(RTA_MULTIPATH) != nullptr) {
      add_next_hops(a, route, item);
    } else {
      item.routes.push_back(route);
    }
  }
  news.items.push_back(std::move(item));
  return true;
}

void read_ports(std::span<const std::byte> b, std::uint16_t& first, std::uint16_t& last) {
  fib_rule_port_range range{};
  if (b.size() < sizeof range) return;
  std::memcpy(&range, b.data(), sizeof range);
  first = range.start;
  last = range.end;
}

bool read_rule(const nlmsghdr* message, NetlinkNews& news) {
  const auto* h = header_of<fib_rule_hdr>(message);
  if (h == nullptr) return false;
  const NetlinkAttributes a(message, sizeof *h);
  if (a.byte(FRA_PROTOCOL) != own_route_protocol || (h->family != AF_INET && h->family != AF_INET6)) return true;
  Item item;
  item.kind = Kind::rule;
  item.gone = message->nlmsg_type == RTM_DELRULE;
  RouteRule& r = item.rule;
  r.priority = a.number(FRA_PRIORITY);
  r.v6 = h->family == AF_INET6;
  if (h->src_len != 0) r.source = netlink_address(a.bytes(FRA_SRC));
  r.arrived = a.at(FRA_IIFNAME) != nullptr && (h->flags & FIB_RULE_INVERT) != 0;
  if (a.at(FRA_FWMASK) != nullptr) {  // a mark that is 0 has no attribute
    r.mark = a.number(FRA_FWMARK);
    r.whole_mark = a.number(FRA_FWMASK) == 0xffffffff;
  }
  r.protocol = a.byte(FRA_IP_PROTO);
  read_ports(a.bytes(FRA_DPORT_RANGE), r.first_port, r.last_port);
  std::uint16_t last_source_port = 0;
  read_ports(a.bytes(FRA_SPORT_RANGE), r.source_port, last_source_port);
  switch (h->action) {
    case FR_ACT_TO_TBL:
      r.target = a.number(FRA_TABLE, h->table);
      break;
    case FR_ACT_GOTO:
      r.action = RouteRule::Action::go_to;
      r.target = a.number(FRA_GOTO);
      break;
    case FR_ACT_NOP:
      r.action = RouteRule::Action::none;
      break;
    default:
      return true;
  }
  news.items.push_back(std::move(item));
  return true;
}

bool read_answer(const nlmsghdr* message, NetlinkNews& news) {
  const auto* h = header_of<nlmsgerr>(message);
  if (h == nullptr) return false;
  if (h->error == 0) {
    ++news.acknowledged;
    return true;
  }
  if (news.error == 0) {
    news.error = h->error < 0 && h->error >= -4095 ? -h->error : EINVAL;  // MAX_ERRNO: others are none
    news.failed_sequence = message->nlmsg_seq;
  }
  return true;
}

bool read_one(const nlmsghdr* message, NetlinkNews& news) {
  if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) news.interrupted = true;
  switch (message->nlmsg_type) {
    case NLMSG_ERROR:
      return read_answer(message, news);
    case NLMSG_DONE:
      news.done = true;
      return true;
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return read_link(message, news);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return read_address(message, news);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return read_route(message, news);
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return read_rule(message, news);
    case RTM_DELTFILTER:
    case RTM_DELQDISC: {
      if (header_of<tcmsg>(message) == nullptr) return false;
      Item item;
      item.kind = Kind::filter_gone;
      news.items.push_back(std::move(item));
      return true;
    }
    default:
      return true;
  }
}

// --- Writing ---------------------------------------------------------------------------------------------------------

class Writer {
 public:
  Writer(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) : buffer_(1024) {
    message_ = mnl_nlmsg_put_header(buffer_.data());
    message_->nlmsg_type = type;
    message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message_->nlmsg_seq = sequence;
  }
  template <class Header>
  Header* header() {
    return static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
  }
  void put(std::uint16_t type, const policy::Address& a) {
    if (!a.v6) return mnl_attr_put_u32(message_, type, htonl(a.v4()));
    std::array<unsigned char, 16> b{};
    for (std::size_t i = 0; i < 8; ++i) {
      b[i] = static_cast<unsigned char>(a.high >> (56 - 8 * i));
      b[8 + i] = static_cast<unsigned char>(a.low >> (56 - 8 * i));
    }
    mnl_attr_put(message_, type, b.size(), b.data());
  }
  void put(std::uint16_t type, std::uint32_t value) { mnl_attr_put_u32(message_, type, value); }
  void put(std::uint16_t type, std::uint8_t value) { mnl_attr_put_u8(message_, type, value); }
  void put_name(std::uint16_t type, const char* name) { mnl_attr_put_strz(message_, type, name); }
  void put_ports(std::uint16_t type, std::uint16_t first, std::uint16_t last) {
    if (first == 0 && last == 0xffff) return;
    const fib_rule_port_range range{first, last};
    mnl_attr_put(message_, type, sizeof range, &range);
  }
  std::vector<std::byte> take() {
    buffer_.resize(netlink_aligned(message_->nlmsg_len));
    return std::move(buffer_);
  }

 private:
  std::vector<std::byte> buffer_;
  nlmsghdr* message_ = nullptr;
};

std::uint8_t family(bool v6) { return v6 ? AF_INET6 : AF_INET; }

}  // namespace

NetlinkNews read_netlink(std::span<const std::byte> datagram) {
  NetlinkNews news;
  news.malformed = each_netlink_message(datagram, [&](const nlmsghdr* message) { return read_one(message, news); });
  return news;
}

std::vector<std::byte> NetlinkRequest::dump(What what, std::uint8_t family, std::uint32_t sequence, bool own) {
  const auto type = [&]() -> std::uint16_t {
    switch (what) {
      case What::links:
        return RTM_GETLINK;
      case What::addresses:
        return RTM_GETADDR;
      case What::routes:
        return RTM_GETROUTE;
      default:
        return RTM_GETRULE;
    }
  }();
  Writer w(type, NLM_F_DUMP, sequence);
  if (what == What::links) {
    w.header<ifinfomsg>()->ifi_family = AF_UNSPEC;
  } else if (what == What::addresses) {
    w.header<ifaddrmsg>()->ifa_family = family;
  } else if (what == What::rules) {
    w.header<fib_rule_hdr>()->family = family;
  } else {
    auto* h = w.header<rtmsg>();  // with NETLINK_GET_STRICT_CHK the kernel filters by what is set here
    h->rtm_family = family;
    if (own) {
      h->rtm_protocol = own_route_protocol;
    } else {
      h->rtm_table = RT_TABLE_MAIN;
      w.put(RTA_TABLE, std::uint32_t{RT_TABLE_MAIN});
    }
  }
  return w.take();
}

std::vector<std::byte> NetlinkRequest::route(const OwnRoute& r, bool remove, std::uint32_t sequence) {
  const auto create = static_cast<std::uint16_t>(NLM_F_CREATE | NLM_F_REPLACE);
  Writer w(remove ? RTM_DELROUTE : RTM_NEWROUTE, static_cast<std::uint16_t>(NLM_F_ACK | (remove ? 0 : create)),
           sequence);
  auto* h = w.header<rtmsg>();
  const Route& route = r.route;
  const bool v6 = route.destination.base.v6;
  h->rtm_family = family(v6);
  h->rtm_dst_len = route.destination.length;
  h->rtm_table = RT_TABLE_UNSPEC;
  h->rtm_protocol = own_route_protocol;
  h->rtm_scope = route.kind == RouteKind::interface && !v6 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  h->rtm_type = route.kind == RouteKind::pass     ? RTN_THROW
                : route.kind == RouteKind::refuse ? RTN_UNREACHABLE
                                                  : RTN_UNICAST;
  // A gateway need not be in the on-link prefix that the network told us (RFC 3442's option 121, point-to-point).
  if (route.kind == RouteKind::gateway && !remove) h->rtm_flags = RTNH_F_ONLINK;
  if (route.destination.length != 0) w.put(RTA_DST, route.destination.base);
  w.put(RTA_TABLE, r.table);
  w.put(RTA_PRIORITY, route.metric);
  if (route.kind == RouteKind::interface || route.kind == RouteKind::gateway) w.put(RTA_OIF, route.interface);
  if (route.kind == RouteKind::gateway) w.put(RTA_GATEWAY, route.via);
  if (route.source && !remove) w.put(RTA_PREFSRC, *route.source);
  return w.take();
}

std::vector<std::byte> NetlinkRequest::rule(const RouteRule& r, std::uint32_t mark_mask, bool remove,
                                            std::uint32_t sequence) {
  // Without NLM_F_EXCL: the kernel takes what a rule does not ask for (mark 0 among it) for what any other asks for.
  Writer w(remove ? RTM_DELRULE : RTM_NEWRULE, static_cast<std::uint16_t>(NLM_F_ACK | (remove ? 0 : NLM_F_CREATE)),
           sequence);
  auto* h = w.header<fib_rule_hdr>();
  h->family = family(r.v6);
  if (r.action == RouteRule::Action::table) {
    h->action = FR_ACT_TO_TBL;
    w.put(FRA_TABLE, r.target);
  } else if (r.action == RouteRule::Action::go_to) {
    h->action = FR_ACT_GOTO;
    w.put(FRA_GOTO, r.target);
  } else {
    h->action = FR_ACT_NOP;
  }
  w.put(FRA_PRIORITY, r.priority);
  w.put(FRA_PROTOCOL, own_route_protocol);
  if (r.arrived) { /* what is made here comes from "lo" */
    h->flags |= FIB_RULE_INVERT;
    w.put_name(FRA_IIFNAME, "lo");
  }
  if (r.source) {
    h->src_len = r.v6 ? 128 : 32;
    w.put(FRA_SRC, *r.source);
  }
  if (r.mark) {
    w.put(FRA_FWMARK, *r.mark);
    w.put(FRA_FWMASK, r.whole_mark ? 0xffffffff : mark_mask);
  }
  if (r.protocol != 0) w.put(FRA_IP_PROTO, r.protocol);
  w.put_ports(FRA_DPORT_RANGE, r.first_port, r.last_port);
  if (r.source_port != 0) w.put_ports(FRA_SPORT_RANGE, r.source_port, r.source_port);
  return w.take();
}

}  // namespace vpn::agent
