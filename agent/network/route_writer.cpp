#include "agent/network/route_writer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <tuple>

namespace vpn::agent {
namespace {

using What = NetlinkRequest::What;

std::string described(const RouteChanges::Entry& e) {
  return "table " + std::to_string(e.table) + ", " + e.route.destination.to_string() + " metric " +
         std::to_string(e.route.metric);
}

std::string described(const RouteRule& r) {
  return "priority " + std::to_string(r.priority) + (r.v6 ? ", IPv6" : ", IPv4") + ", mark " +
         (r.mark ? std::to_string(*r.mark) : "any");
}

// What is still to be done; empty: nothing.
std::string first_difference(const RouteChanges& c) {
  if (!c.set_routes.empty()) return "this route is missing: " + described(c.set_routes.front());
  if (!c.add_rules.empty()) return "this rule is missing: " + described(c.add_rules.front());
  if (!c.remove_rules.empty()) return "this rule is too much: " + described(c.remove_rules.front());
  if (!c.remove_routes.empty()) return "this route is too much: " + described(c.remove_routes.front());
  return {};
}

}  // namespace

RoutePlan plan_of(const std::vector<NetlinkNews::Item>& items, std::uint32_t mark_mask) {
  RoutePlan plan;
  plan.mark_mask = mark_mask;
  std::map<std::uint32_t, std::vector<Route>> tables;
  for (const NetlinkNews::Item& item : items) {
    if (item.kind == NetlinkNews::Item::Kind::own_route) tables[item.own_route.table].push_back(item.own_route.route);
    if (item.kind == NetlinkNews::Item::Kind::rule) plan.rules.push_back(item.rule);
  }
  const auto by_place = [](const Route& r) { return std::tuple(r.destination, r.metric); };
  for (auto& [number, routes] : tables) {
    std::sort(routes.begin(), routes.end(), [&](const Route& a, const Route& b) { return by_place(a) < by_place(b); });
    plan.tables.push_back({number, std::move(routes)});
  }
  std::sort(plan.rules.begin(), plan.rules.end());
  return plan;
}

Result<RouteWriter> RouteWriter::open() {
  auto socket = NetlinkSocket::open();
  if (!socket) return tl::unexpected(socket.error());
  return RouteWriter(std::move(*socket));
}

Result<RoutePlan> RouteWriter::read() {
  std::vector<NetlinkNews::Item> all;
  for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    for (const What what : {What::routes, What::rules}) {
      auto items = socket_.dump(what, family, true);
      if (!items) return tl::unexpected(items.error());
      all.insert(all.end(), std::make_move_iterator(items->begin()), std::make_move_iterator(items->end()));
    }
  }
  return plan_of(all, 0);
}

Result<void> RouteWriter::write(const RouteChanges& changes, std::uint32_t mark_mask) {
  const auto never = [](int) { return false; };
  const auto is_gone = [](int e) { return e == ESRCH || e == ENOENT || e == ENODEV; };
  for (const auto& e : changes.set_routes) {
    const auto message = [&](std::uint32_t n) { return NetlinkRequest::route({e.table, e.route}, false, n); };
    if (auto r = socket_.change(message, never, "cannot set the route to " + e.route.destination.to_string()); !r)
      return r;
  }
  for (const RouteRule& rule : changes.add_rules) {
    const auto message = [&](std::uint32_t n) { return NetlinkRequest::rule(rule, mark_mask, false, n); };
    if (auto r = socket_.change(message, never, "cannot add a rule of routing"); !r) return r;
  }
  for (const RouteRule& rule : changes.remove_rules) {
    const auto message = [&](std::uint32_t n) { return NetlinkRequest::rule(rule, mark_mask, true, n); };
    if (auto r = socket_.change(message, is_gone, "cannot remove a rule of routing"); !r) return r;
  }
  for (const auto& e : changes.remove_routes) {
    const auto message = [&](std::uint32_t n) { return NetlinkRequest::route({e.table, e.route}, true, n); };
    if (auto r = socket_.change(message, is_gone, "cannot remove the route to " + e.route.destination.to_string()); !r)
      return r;
  }
  return {};
}

Result<void> RouteWriter::apply(const RoutePlan& plan) {
  auto now = read();
  if (!now) return tl::unexpected(now.error());
  if (auto written = write(route_changes(*now, plan), plan.mark_mask); !written) return written;
  auto then = read();
  if (!then) return tl::unexpected(then.error());
  if (const std::string difference = first_difference(route_changes(*then, plan)); !difference.empty()) {
    return fail(ErrorKind::environment, "the kernel's routes are not what was written: " + difference, {},
                "does something else change routes with protocol " + std::to_string(own_route_protocol) + "?");
  }
  return {};
}

Result<bool> RouteWriter::in_place(const RoutePlan& plan) {
  auto now = read();
  if (!now) return tl::unexpected(now.error());
  return first_difference(route_changes(*now, plan)).empty();
}

Result<void> RouteWriter::remove_all() {
  auto now = read();
  if (!now) return tl::unexpected(now.error());
  RoutePlan none;
  return write(route_changes(*now, none), 0);
}

}  // namespace vpn::agent
