#include "agent/network/router_monitor.h"

#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "agent/files/descriptor.h"
#include "agent/network/socket_address.h"

namespace vpn::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds telling_pause{250};
constexpr policy::Address all_routers = policy::Address::from_v6(0xff02000000000000, 2);

}  // namespace

Result<std::unique_ptr<RouterMonitor>> RouterMonitor::open(Loop& loop, std::function<void()> changed) {
  constexpr std::array<unsigned, 2> groups{RTNLGRP_LINK, RTNLGRP_ND_USEROPT};
  auto events = NetlinkSocket::open(groups);
  if (!events) return tl::unexpected(events.error());
  std::unique_ptr<RouterMonitor> out(new RouterMonitor(loop, std::move(changed), std::move(*events)));
  out->waiting_ = loop.readable(out->events_.descriptor(), [m = out.get()] { m->readable(); });
  return out;
}

RouterMonitor::RouterMonitor(Loop& loop, std::function<void()> changed, NetlinkSocket events)
    : loop_(loop), changed_(std::move(changed)), events_(std::move(events)) {}

void RouterMonitor::hear(NetlinkSocket::Datagram datagram) {
  for (const NetlinkNews::Item& item : read_netlink(datagram).items) {
    const bool gone = item.kind == NetlinkNews::Item::Kind::link_gone;
    if (gone || (item.kind == NetlinkNews::Item::Kind::link && !item.link.link.up))
      news_ = table_.forget(item.link.link.index) || news_;
  }
  for (const RouterFact& fact : read_router_options(datagram).facts) news_ = table_.hear(fact, loop_.now()) || news_;
}

RouterFacts RouterMonitor::facts() {
  read();
  news_ = false;
  return table_.facts();
}

void RouterMonitor::forget() {
  read();
  news_ = table_.forget_all() || news_;
  await_end();
}

void RouterMonitor::readable() {
  read();
  tell_soon();
}

void RouterMonitor::read() {
  const auto drained = events_.drain_datagrams([this](NetlinkSocket::Datagram datagram) { hear(datagram); });
  // Whether a link went down meanwhile is not known: what routers said before counts no more.
  if (drained != NetlinkSocket::Drained::all) news_ = table_.forget_all() || news_;
  if (drained == NetlinkSocket::Drained::failed) waiting_.reset();
  await_end();
}

void RouterMonitor::await_end() {
  const auto end = table_.next_end();
  if (!end) return end_.reset();
  const auto left = std::chrono::ceil<milliseconds>(*end - loop_.now());
  end_ = loop_.after(std::max(left, milliseconds(0)), [this] {
    end_.reset();
    news_ = table_.expire(loop_.now()) || news_;
    await_end();
    tell_soon();
  });
}

void RouterMonitor::tell_soon() {
  if (!news_ || telling_ != nullptr) return;
  news_ = false;
  telling_ = loop_.after(telling_pause, [this] {
    telling_.reset();
    tell_soon();
  });
  changed_();
}

void RouterMonitor::solicit(const NetworkView& view) {
  std::set<std::uint32_t> links;
  for (const MainRoute& r : view.routes)
    if (r.destination.length == 0 && r.destination.base.v6 && r.gateway && r.gateway->v6) links.insert(r.link);
  const Descriptor socket(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6));
  if (links.empty() || !socket) return;
  constexpr int hops = 255;
  ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
  icmp6_filter nothing{};
  ICMP6_FILTER_SETBLOCKALL(&nothing);
  ::setsockopt(socket.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &nothing, sizeof nothing);
  nd_router_solicit question{};
  question.nd_rs_type = ND_ROUTER_SOLICIT;
  for (const std::uint32_t link : links) {
    sockaddr_storage to{};
    const socklen_t size = socket_address(all_routers, 0, to);
    reinterpret_cast<sockaddr_in6&>(to).sin6_scope_id = link;
    ::sendto(socket.get(), &question, sizeof question, 0, reinterpret_cast<const sockaddr*>(&to), size);
  }
}

}  // namespace vpn::agent
