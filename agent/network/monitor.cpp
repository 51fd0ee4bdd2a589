#include "agent/network/monitor.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace vpn::agent {
namespace {

using Kind = NetlinkNews::Item::Kind;
using What = NetlinkRequest::What;
using std::chrono::milliseconds;

// Reading the routes costs as much as there are: a network that floods us with them is read this often at most.
constexpr milliseconds route_pause{50};

}  // namespace

bool NetworkTable::set_link(const LinkMessage& message) {
  Link link = message.link;
  const auto known = links_.find(link.index);
  // The type is asked for once for each name: it costs file accesses.
  link.type = known != links_.end() && known->second.name == link.name ? known->second.type : types_->of(message);
  if (link.kind.empty() && known != links_.end() && known->second.name == link.name) link.kind = known->second.kind;
  if (known != links_.end() && known->second == link) return false;
  links_[link.index] = std::move(link);
  return true;
}

NetworkTable::Changed NetworkTable::apply(const NetlinkNews& news) {
  Changed changed;
  malformed_ += news.malformed;
  for (const NetlinkNews::Item& item : news.items) {
    switch (item.kind) {
      case Kind::link:
        changed.links = set_link(item.link) || changed.links;
        break;
      case Kind::link_gone: {
        const std::uint32_t index = item.link.link.index;
        changed.links = links_.erase(index) != 0 || changed.links;
        std::erase_if(addresses_, [&](const LinkAddress& a) { return a.link == index; });
        changed.routes = true;  // IPv4's go without a message
        break;
      }
      case Kind::address:
        changed.addresses = addresses_.insert(item.address).second || changed.addresses;
        changed.routes = true;
        break;
      case Kind::address_gone:
        changed.addresses = addresses_.erase(item.address) != 0 || changed.addresses;
        changed.routes = true;
        break;
      case Kind::route:
        changed.routes = true;
        break;
      case Kind::own_route:
      case Kind::rule:
        changed.ours = true;
        break;
      case Kind::filter_gone:
        changed.hooks = true;
        break;
    }
  }
  // A link that goes down takes its IPv4 routes with it, and with them ours, without a message.
  changed.routes = changed.routes || changed.links;
  changed.ours = changed.ours || changed.links;
  return changed;
}

void NetworkTable::replace_links(const std::vector<NetlinkNews::Item>& items) {
  std::map<std::uint32_t, Link> old;
  old.swap(links_);
  for (const NetlinkNews::Item& item : items) {
    if (item.kind != Kind::link) continue;
    const auto known = old.find(item.link.link.index);
    if (known != old.end()) links_.insert(*known);
    set_link(item.link);
  }
}

void NetworkTable::replace_addresses(const std::vector<NetlinkNews::Item>& items) {
  addresses_.clear();
  for (const NetlinkNews::Item& item : items)
    if (item.kind == Kind::address) addresses_.insert(item.address);
}

void NetworkTable::replace_routes(const std::vector<NetlinkNews::Item>& items) {
  routes_.clear();
  for (const NetlinkNews::Item& item : items)
    if (item.kind == Kind::route && !item.gone) routes_.insert(routes_.end(), item.routes.begin(), item.routes.end());
  std::sort(routes_.begin(), routes_.end());
  routes_.erase(std::unique(routes_.begin(), routes_.end()), routes_.end());
}

NetworkView NetworkTable::view() const {
  NetworkView out;
  for (const auto& [index, link] : links_) out.links.push_back(link);
  out.addresses.assign(addresses_.begin(), addresses_.end());
  out.routes = routes_;
  return out;
}

Result<std::unique_ptr<Monitor>> Monitor::open(Loop& loop, InterfaceTypes types, Listener listener) {
  constexpr std::array<unsigned, 8> groups{RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                           RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
                                           RTNLGRP_IPV6_RULE,  RTNLGRP_TC};
  auto events = NetlinkSocket::open(groups);
  if (!events) return tl::unexpected(events.error());
  auto requests = NetlinkSocket::open();
  if (!requests) return tl::unexpected(requests.error());
  std::unique_ptr<Monitor> monitor(
      new Monitor(loop, std::move(types), std::move(listener), std::move(*events), std::move(*requests)));
  if (auto read = monitor->refresh(); !read) return tl::unexpected(read.error());
  monitor->waiting_ = loop.readable(monitor->events_.descriptor(), [m = monitor.get()] { m->readable(); });
  return monitor;
}

Monitor::Monitor(Loop& loop, InterfaceTypes types, Listener listener, NetlinkSocket events, NetlinkSocket requests)
    : loop_(loop),
      types_(std::move(types)),
      listener_(std::move(listener)),
      events_(std::move(events)),
      requests_(std::move(requests)),
      table_(types_) {}

Result<void> Monitor::read_routes() {
  routes_read_ = loop_.now();
  auto routes = requests_.dump(What::routes, AF_INET);
  if (!routes) return tl::unexpected(routes.error());
  auto routes6 = requests_.dump(What::routes, AF_INET6);
  if (!routes6) return tl::unexpected(routes6.error());
  routes->insert(routes->end(), std::make_move_iterator(routes6->begin()), std::make_move_iterator(routes6->end()));
  table_.replace_routes(*routes);
  return {};
}

Result<void> Monitor::refresh() {
  auto links = requests_.dump(What::links, AF_UNSPEC);
  if (!links) return tl::unexpected(links.error());
  table_.replace_links(*links);
  auto addresses = requests_.dump(What::addresses, AF_UNSPEC);
  if (!addresses) return tl::unexpected(addresses.error());
  table_.replace_addresses(*addresses);
  if (auto routes = read_routes(); !routes) return routes;
  view_ = table_.view();
  return {};
}

void Monitor::readable() {
  NetworkTable::Changed all;
  const auto drained = events_.drain([&](const NetlinkNews& news) {
    const NetworkTable::Changed changed = table_.apply(news);
    all.links |= changed.links;
    all.addresses |= changed.addresses;
    all.routes |= changed.routes;
    all.ours |= changed.ours;
    all.hooks |= changed.hooks;
  });
  if (drained == NetlinkSocket::Drained::failed)
    return listener_.failed({ErrorKind::environment, "netlink's events cannot be read any more", {}, {}});
  if (drained == NetlinkSocket::Drained::lost) {
    if (auto read = refresh(); !read) return listener_.failed(read.error());
    listener_.changed();
    listener_.hooks_touched();
    return listener_.ours_touched();
  }
  if (all.routes) read_routes_soon();
  publish();
  if (all.hooks) listener_.hooks_touched();
  if (all.ours) listener_.ours_touched();
}

void Monitor::read_routes_soon() {
  if (routes_timer_ != nullptr) return;
  const auto since = std::chrono::duration_cast<milliseconds>(loop_.now() - routes_read_);
  if (since >= route_pause) {
    if (auto read = read_routes(); !read) listener_.failed(read.error());
    return;
  }
  routes_timer_ = loop_.after(route_pause - since, [this] {
    routes_timer_.reset();
    if (auto read = read_routes(); !read) return listener_.failed(read.error());
    publish();
  });
}

void Monitor::publish() {
  NetworkView now = table_.view();
  if (now == view_) return;
  view_ = std::move(now);
  listener_.changed();
}

}  // namespace vpn::agent
