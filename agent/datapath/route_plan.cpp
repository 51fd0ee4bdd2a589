#include "agent/datapath/route_plan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "agent/datapath/route_cover.h"
#include "policy/kernel/packet.h"
#include "policy/range_table.h"

namespace vpn::agent {
namespace {

using policy::Address;
using policy::KernelTable;
using policy::Prefix;

/// Order of the rules. What arrived for an inner bridge; what is steered alike for all owners; then the marks that have
/// ways of their own: ports with a table for themselves, the way past the rest for those that such a table passes,
/// protocols of which most ports have one, all others, each with the same way for these; then likewise whatever mark is
/// left; then where the way past leads.
enum Step : std::uint32_t {
  step_arrived,
  step_underlay,
  step_first,
  step_port,
  step_port_past,
  step_protocol,
  step_protocol_past,
  step_owner,
  step_owner_past,
  step_rest_port,
  step_rest_port_past,
  step_rest_protocol,
  step_rest_protocol_past,
  step_rest,
  step_end
};

constexpr std::uint32_t most_ports = 1u << 12;  // table numbers have twelve bits for them
constexpr std::size_t most_links = 254;
constexpr std::uint32_t multicast_metric = 1u << 16;  // beyond the metrics of links

/// Where a cell sends a packet, before interfaces are known. Numbers from `by_tunnel` on: that tunnel.
enum Way : std::uint16_t { nowhere, past_us, by_primary, on_link, not_asked, by_tunnel };

/// The kernel's table, read by section.
class Words {
 public:
  explicit Words(const KernelTable& table) : words_(table.words), connected_(table.connected) {}
  std::uint32_t get(std::uint32_t index) const { return static_cast<std::uint32_t>(words_[index]); }
  std::uint64_t at(vpn_word_index section, std::size_t i) const { return words_[words_[section] + i]; }
  std::uint32_t row(std::uint32_t owner, std::uint32_t port, std::uint32_t domain) const {
    const std::size_t i = (std::size_t{owner} * get(VPN_W_PORT_CLASSES) + port) * get(VPN_W_DOMAINS) + domain;
    return static_cast<std::uint32_t>(at(VPN_W_INDEX, i));
  }

  Way way(std::uint32_t row, std::uint32_t destination) const {
    if ((at(VPN_W_PLACES, destination) & VPN_DESTINATION_SELF) != 0) return not_asked;  // the table `local` has it
    std::uint64_t cell = at(VPN_W_ROWS, std::size_t{row} * get(VPN_W_DESTINATIONS) + destination);
    const auto hangs_on = static_cast<std::size_t>(cell >> 16 & 0xff);
    if (hangs_on < connected_.size() && !connected_[hangs_on]) cell >>= 32;
    switch (cell & 0xff) {
      case VPN_TUNNEL:
        return static_cast<Way>(by_tunnel + (cell >> 16 & 0xff));
      case VPN_DIRECT:
        return (cell >> 24 & 0x3f) == VPN_OFF_TUNNEL ? on_link : by_primary;
      case VPN_SYSTEM:
        return past_us;
      default:
        return nowhere;
    }
  }

 private:
  const std::vector<std::uint64_t>& words_;
  const std::vector<bool>& connected_;
};

/// Which links an address is on. One dimension for all links, one for the primary one, one for what IPv6 has
/// for the link alone.
class Links {
 public:
  explicit Links(const NetworkFacts& facts) : facts_(facts) {
    std::vector<policy::RangeEntry> entries{{*Prefix::parse("fe80::/10"), dim_scope, scope_link, 0},
                                            {*Prefix::parse("ff00::/8"), dim_scope, scope_multicast, 0}};
    for (std::size_t i = 0; i < facts.links.size(); ++i) {
      const bool is_primary = facts.links[i].index == facts.primary;
      if (is_primary) primary_ = &facts.links[i];
      const auto number = static_cast<std::uint8_t>(i + 1);
      for (const Prefix& p : facts.links[i].on_link) {
        entries.push_back({p, dim_any, number, static_cast<std::uint8_t>(is_primary ? 0 : 1)});
        if (is_primary) entries.push_back({p, dim_primary, number, 0});
      }
    }
    ranges_ = policy::RangeTable::build(entries, dimensions);
  }

  const policy::RangeTable& ranges() const { return ranges_; }
  /// The table `local` has IPv6 multicast, before ours.
  bool asked(std::uint32_t cls) const { return ranges_.value(cls, dim_scope) != scope_multicast; }

  /// The route for a way, to addresses of this class of ranges().
  Route route(Way way, std::uint32_t cls, bool v6, const Words& words) const {
    Route out;
    switch (way) {
      case past_us:
      case nowhere:  // it fails where it would leave (EPERM); a route that refuses would say EHOSTUNREACH
        out.kind = RouteKind::pass;
        break;
      case on_link:
        if (const std::uint8_t number = ranges_.value(cls, dim_any); number != 0) {
          through(out, facts_.links[number - 1].index);
        } else if (primary_ != nullptr) {
          through(out, primary_->index);  // link-local, multicast
        }
        break;
      case by_primary:
        if (primary_ == nullptr) break;
        if (ranges_.value(cls, dim_primary) != 0) {
          through(out, primary_->index);
        } else {
          through_gateway(out, *primary_, v6);
        }
        break;
      case not_asked:
        break;
      default:
        through(out, static_cast<std::uint32_t>(words.at(VPN_W_TUNNELS, way - std::size_t{by_tunnel})));
        if (v6 && out.kind == RouteKind::interface) out.source = source(out.interface);
    }
    // S1.b goes by the link whatever the owner, and a table cannot tell it from the rest.
    if (out.kind == RouteKind::refuse && ranges_.value(cls, dim_scope) == scope_link) out.kind = RouteKind::pass;
    return out;
  }

  static void through_gateway(Route& route, const NetworkLink& link, bool v6) {
    const auto& gateway = v6 ? link.v6 : link.v4;
    if (!gateway) return;
    through(route, link.index);
    if (!gateway->via) return;
    route.kind = RouteKind::gateway;
    route.via = *gateway->via;
  }

 private:
  std::optional<policy::Address> source(std::uint32_t interface) const {
    const auto it = std::find_if(facts_.sources.begin(), facts_.sources.end(),
                                 [&](const TunnelSource& s) { return s.interface == interface; });
    return it == facts_.sources.end() ? std::nullopt : std::optional(it->address);
  }
  enum : std::uint16_t { dim_any, dim_primary, dim_scope, dimensions };
  enum : std::uint8_t { scope_link = 1, scope_multicast = 2 };
  static void through(Route& route, std::uint32_t interface) {
    if (interface == 0) return;
    route.kind = RouteKind::interface;
    route.interface = interface;
  }

  const NetworkFacts& facts_;
  const NetworkLink* primary_ = nullptr;
  policy::RangeTable ranges_;
};

Error too_many(const char* what, std::size_t count, std::size_t most) {
  return {ErrorKind::invalid_input,
          std::to_string(count) + ' ' + what + " are more than routes can tell apart (" + std::to_string(most) + ")",
          {},
          {}};
}

/// Where the ranges of one family begin, and their classes.
using Starts = std::vector<std::pair<Address, std::uint32_t>>;

class Planner {
 public:
  Planner(const KernelTable& table, const NetworkFacts& facts, const RouteOptions& options)
      : words_(table), facts_(facts), options_(options), links_(facts) {}

  Result<RoutePlan> plan() {
    out_.mark_mask = options_.mark_mask;
    find_contents();
    read_ranges();
    for (std::size_t c = 0; c < contents_.size(); ++c)
      if (!make_table(c)) return tl::unexpected(error_);
    add_direct_table();
    add_underlay_tables();
    add_inner_table();
    keep_multicast_apart();
    std::sort(out_.tables.begin(), out_.tables.end(),
              [](const RouteTable& a, const RouteTable& b) { return a.number < b.number; });
    of_mark_[0] = of_mark_.at(static_cast<std::uint32_t>(words_.at(VPN_W_MARKS, VPN_FORWARDED)));
    for (const bool v6 : {false, true}) add_rules(v6);
    std::sort(out_.rules.begin(), out_.rules.end());
    out_.rules.erase(std::unique(out_.rules.begin(), out_.rules.end()), out_.rules.end());
    return std::move(out_);
  }

 private:
  // --- Which tables there are: rows of the kernel's table that lead to the same places share one ---

  struct Content {
    std::vector<Way> ways;  // for each class of destinations
    std::uint32_t table;
    // By family: whether something in it is not for it to route, and whether anything is.
    std::array<bool, 2> passes{}, routes{};
  };

  void find_contents() {
    std::map<std::vector<Way>, std::size_t> numbers;
    std::vector<std::size_t> of_row(words_.get(VPN_W_ROW_COUNT));
    for (std::uint32_t row = 0; row < of_row.size(); ++row) {
      std::vector<Way> ways(words_.get(VPN_W_DESTINATIONS));
      for (std::uint32_t d = 0; d < ways.size(); ++d) ways[d] = words_.way(row, d);
      of_row[row] = numbers.try_emplace(std::move(ways), numbers.size()).first->second;
    }
    contents_.resize(numbers.size());
    for (const auto& [ways, number] : numbers) contents_[number] = {ways, 0, {}, {}};
    const std::uint32_t ports = words_.get(VPN_W_PORT_CLASSES), domains = words_.get(VPN_W_DOMAINS);
    for (std::uint32_t owner = 0; owner < words_.get(VPN_W_OWNERS); ++owner) {
      for (std::uint32_t domain = 0; domain < domains; ++domain) {
        const auto mark = static_cast<std::uint32_t>(words_.at(VPN_W_MARKS, std::size_t{owner} * domains + domain));
        auto& of_port = of_mark_[mark];
        if (!of_port.empty()) continue;
        for (std::uint32_t port = 0; port < ports; ++port) {
          const std::size_t content = of_row[words_.row(owner, port, domain)];
          of_port.push_back(content);
          // Numbers hang on the policy as far as can be: so that the next state changes few routes.
          if (contents_[content].table == 0) contents_[content].table = options_.first_table + (mark << 12 | port);
        }
      }
    }
  }

  // --- Routes ---

  void read_ranges() {
    for (std::uint32_t i = 0; i < words_.get(VPN_W_V4_COUNT); ++i) {
      const std::uint64_t word = words_.at(VPN_W_V4, i);
      starts_[0].emplace_back(Address::from_v4(static_cast<std::uint32_t>(word >> 32)),
                              static_cast<std::uint32_t>(word));
    }
    const std::size_t n = words_.get(VPN_W_V6_COUNT);
    for (std::size_t i = 0; i < n; ++i)
      starts_[1].emplace_back(Address::from_v6(words_.at(VPN_W_V6, i), words_.at(VPN_W_V6, n + i)),
                              static_cast<std::uint32_t>(words_.at(VPN_W_V6, 2 * n + i)));
    for (const bool v6 : {false, true})
      links_.ranges().for_each_range(
          v6, [&](const Address& first, std::uint32_t cls) { link_starts_[v6 ? 1 : 0].emplace_back(first, cls); });
  }

  bool make_table(std::size_t content) {
    Content& c = contents_[content];
    if (c.table == 0) return true;  // no owner has such a row
    RouteTable table{c.table, {}};
    for (const bool v6 : {false, true})
      if (!add_routes(c, v6, table)) return false;
    if (!table.routes.empty()) out_.tables.push_back(std::move(table));
    return true;
  }

  bool add_routes(Content& content, bool v6, RouteTable& table) {
    const std::size_t family = v6 ? 1 : 0;
    std::vector<Route> choices(1);
    choices[0].kind = RouteKind::pass;  // what no route holds goes on to the next rules
    std::map<std::pair<Way, std::uint32_t>, std::uint8_t> known;
    const auto choice = [&](Way way, std::uint32_t link_class) {
      if (way == not_asked || !links_.asked(link_class)) return any_choice;
      const auto [it, is_new] = known.try_emplace({way, link_class}, std::uint8_t{0});
      if (!is_new) return it->second;
      const Route route = links_.route(way, link_class, v6, words_);
      const auto same = std::find(choices.begin(), choices.end(), route);
      it->second = static_cast<std::uint8_t>(std::min<std::ptrdiff_t>(same - choices.begin(), most_choices));
      if (same == choices.end()) choices.push_back(route);
      if (route.kind == RouteKind::pass) content.passes[family] = true;
      return it->second;
    };
    std::vector<RouteSegment> segments;
    const Starts& ranges = starts_[family];
    const Starts& links = link_starts_[family];
    for (std::size_t r = 0, l = 0; r < ranges.size();) {
      const Address first = std::max(ranges[r].first, links[l].first);
      const std::uint8_t now = choice(content.ways[ranges[r].second], links[l].second);
      if (segments.empty() || segments.back().choice != now) segments.push_back({first, now});
      const bool range_ends = r + 1 < ranges.size(), link_ends = l + 1 < links.size();
      if (!range_ends && !link_ends) break;
      const auto order = !link_ends    ? std::strong_ordering::less
                         : !range_ends ? std::strong_ordering::greater
                                       : ranges[r + 1].first <=> links[l + 1].first;
      if (std::is_lteq(order)) ++r;
      if (std::is_gteq(order)) ++l;
    }
    if (choices.size() > most_choices) {
      error_ = too_many("ways out", choices.size(), most_choices);
      return false;
    }
    for (const auto& [prefix, number] : cover(segments, 0)) {
      content.routes[family] = true;
      table.routes.push_back(choices[number]);
      table.routes.back().destination = prefix;
    }
    return true;
  }

  /// For providers, the agent, and S1.a and S1.b: past every tunnel, by whatever link the socket is bound to, else by
  /// the primary one.
  void add_direct_table() {
    RouteTable table{options_.first_table + (VPN_MARK_DIRECT << 12), {}};
    std::vector<const NetworkLink*> links;
    for (const NetworkLink& l : facts_.links) links.push_back(&l);
    std::stable_partition(links.begin(), links.end(), [&](const NetworkLink* l) { return l->index == facts_.primary; });
    std::uint32_t metric = 1;
    for (const NetworkLink* link : links) {
      std::vector<Prefix> on_link = link->on_link;
      for (const char* p : {"224.0.0.0/4", "255.255.255.255/32", "fe80::/10"}) on_link.push_back(*Prefix::parse(p));
      std::sort(on_link.begin(), on_link.end());
      on_link.erase(std::unique(on_link.begin(), on_link.end()), on_link.end());
      for (const Prefix& p : on_link) table.routes.push_back({p, metric, RouteKind::interface, link->index, {}});
      for (const bool v6 : {false, true}) {
        Route route{*Prefix::parse(v6 ? "::/0" : "0.0.0.0/0"), metric, RouteKind::refuse, 0, {}};
        Links::through_gateway(route, *link, v6);
        if (route.kind != RouteKind::refuse) table.routes.push_back(route);
      }
      ++metric;
    }
    for (const char* p : {"0.0.0.0/0", "::/0"})
      table.routes.push_back({*Prefix::parse(p), metric, RouteKind::refuse, 0, {}});
    std::sort(table.routes.begin(), table.routes.end(), [](const Route& a, const Route& b) {
      return std::pair(a.destination, a.metric) < std::pair(b.destination, b.metric);
    });
    out_.tables.push_back(std::move(table));
  }

  std::uint32_t underlay_table(std::size_t number) const {
    return options_.first_table + (VPN_MARK_DIRECT << 12) + 2 + static_cast<std::uint32_t>(number);
  }

  /// For a tunnel that goes out by another link than the primary one: that link and no other.
  void add_underlay_tables() {
    for (std::size_t i = 0; i < facts_.links.size(); ++i) {
      const NetworkLink& link = facts_.links[i];
      if (link.underlay.empty()) continue;
      RouteTable table{underlay_table(i), {}};
      for (const Prefix& p : link.on_link) table.routes.push_back({p, 1, RouteKind::interface, link.index, {}});
      for (const bool v6 : {false, true}) {
        Route route{*Prefix::parse(v6 ? "::/0" : "0.0.0.0/0"), 2, RouteKind::refuse, 0, {}};
        Links::through_gateway(route, link, v6);
        table.routes.push_back(route);
      }
      std::sort(table.routes.begin(), table.routes.end(), [](const Route& a, const Route& b) {
        return std::pair(a.destination, a.metric) < std::pair(b.destination, b.metric);
      });
      out_.tables.push_back(std::move(table));
    }
  }

  void add_underlay_rules(bool v6) {
    for (std::size_t i = 0; i < facts_.links.size(); ++i) {
      for (const Address& address : facts_.links[i].underlay) {
        if (address.v6 != v6) continue;
        RouteRule own = rule(step_underlay, v6, underlay_table(i));
        own.source = address;
        own.mark = socket_mark(VPN_MARK_DIRECT, options_);
        out_.rules.push_back(own);
        for (const std::uint32_t mark : facts_.kernel_marks) {
          RouteRule outer = own;
          outer.mark = mark;
          outer.whole_mark = true;
          if (mark != 0) out_.rules.push_back(outer);
        }
      }
    }
  }

  /// What arrives for a container, from a tunnel above all, would be sent back into the tunnel by the rows' default
  /// routes. What may arrive there is for the datapath and the gate to say.
  void add_inner_table() {
    RouteTable table{inner_table(), {}};
    const Prefix link_local = *Prefix::parse("fe80::/10"); /* never routed */
    for (const NetworkLink& link : facts_.links) {
      if (!link.inner) continue;
      for (const Prefix& p : link.on_link)
        if (!link_local.contains(p)) table.routes.push_back({p, link.index, RouteKind::interface, link.index, {}});
    }
    std::sort(table.routes.begin(), table.routes.end(), [](const Route& a, const Route& b) {
      return std::pair(a.destination, a.metric) < std::pair(b.destination, b.metric);
    });
    if (!table.routes.empty()) out_.tables.push_back(std::move(table));
  }
  std::uint32_t inner_table() const { return options_.first_table + (VPN_MARK_DIRECT << 12) + 1; }

  /// Routes that are alike but for their destination share what the kernel caches for a next hop (fib_info), and that
  /// has the kind of the destination that was asked for last (__mkroute_output()): after a datagram to 224.0.0.251,
  /// each TCP connection to the network behind the same link would fail as one to a multicast address. Another metric
  /// is another fib_info. IPv6 has no such cache.
  void keep_multicast_apart() {
    const Prefix multicast = *Prefix::parse("224.0.0.0/4");
    for (RouteTable& table : out_.tables) {
      for (Route& route : table.routes)
        if (!route.destination.base.v6 && multicast.contains(route.destination)) route.metric += multicast_metric;
    }
  }

  // --- Rules ---

  RouteRule rule(std::uint32_t step, bool v6, std::uint32_t table) const {
    RouteRule out;
    out.priority = options_.first_priority + step;
    out.v6 = v6;
    out.target = table;
    return out;
  }

  void add_rules(bool v6) {
    const std::uint32_t direct = options_.first_table + (VPN_MARK_DIRECT << 12);
    const auto is_inner = [this](const RouteTable& t) { return t.number == inner_table(); };
    if (std::any_of(out_.tables.begin(), out_.tables.end(), is_inner)) {
      RouteRule arrived = rule(step_arrived, v6, inner_table());
      arrived.arrived = true;
      out_.rules.push_back(arrived);
    }
    add_underlay_rules(v6);
    RouteRule dhcp = rule(step_first, v6, direct);
    dhcp.protocol = VPN_UDP;
    dhcp.first_port = dhcp.last_port = v6 ? 547 : 67;
    dhcp.source_port = v6 ? 546 : 68;
    out_.rules.push_back(dhcp);
    if (!v6) {
      RouteRule membership = rule(step_first, v6, direct);
      membership.protocol = VPN_IGMP;
      out_.rules.push_back(membership);
    }
    RouteRule own = rule(step_first, v6, direct);
    own.mark = socket_mark(VPN_MARK_DIRECT, options_);
    out_.rules.push_back(own);
    for (const std::uint32_t mark : facts_.kernel_marks) {
      RouteRule outer = rule(step_first, v6, direct);
      outer.mark = mark;
      outer.whole_mark = true;
      if (mark != 0) out_.rules.push_back(outer);
    }
    const std::vector<std::size_t>* rest = most_rules();
    for (const auto& [mark, of_port] : of_mark_)
      if (of_port != *rest) add_rules_of(v6, mark, of_port);
    add_rules_of(v6, std::nullopt, *rest);
    RouteRule end = rule(step_end, v6, 0);
    end.action = RouteRule::Action::none;
    out_.rules.push_back(end);
  }

  /// The ports' contents that would take the most rules, were each of the marks named that have them: the kernel goes
  /// through all rules one by one.
  const std::vector<std::size_t>* most_rules() const {
    std::map<std::vector<std::size_t>, std::size_t> marks;
    for (const auto& [mark, of_port] : of_mark_) ++marks[of_port];
    const std::vector<std::size_t>* best = nullptr;
    std::size_t most = 0;
    for (const auto& [mark, of_port] : of_mark_) {
      const std::size_t rules = marks[of_port] * (1 + split(of_port).second.size());
      if (rules <= most) continue;
      most = rules;
      best = &of_port;
    }
    return best;
  }

  /// Protocol and ports, and the content that they take. Ports 0 to 65535: all that no other piece of the protocol
  /// names.
  struct Piece {
    std::uint8_t protocol;
    std::uint16_t first_port, last_port;
    std::size_t content;
    bool all() const { return first_port == 0 && last_port == 0xffff; }
  };

  /// What differs from `usual`. The kernel takes no range of ports that begins at 0 or ends at 65535: where the last
  /// ports differ, the protocol gets a rule as a whole, and ports of other contents get theirs before it.
  std::vector<Piece> pieces(const std::vector<std::size_t>& of_port, std::size_t usual) const {
    std::vector<Piece> out;
    const std::vector<Piece> all = spans(of_port);
    for (auto first = all.begin(); first != all.end();) {
      const auto end = std::find_if(first, all.end(), [&](const Piece& p) { return p.protocol != first->protocol; });
      const std::size_t base = std::prev(end)->content;
      for (auto p = first; p != end; ++p) {
        // No packet has port 0.
        if (p->content != base && p->last_port != 0)
          out.push_back({p->protocol, std::max<std::uint16_t>(p->first_port, 1), p->last_port, p->content});
      }
      if (base != usual) out.push_back({first->protocol, 0, 0xffff, base});
      first = end;
    }
    return out;
  }

  /// All protocols and ports, in order; neighbours differ.
  std::vector<Piece> spans(const std::vector<std::size_t>& of_port) const {
    std::vector<Piece> out;
    const std::uint32_t count = words_.get(VPN_W_PORTS_COUNT);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t word = words_.at(VPN_W_PORTS, i);
      const auto first = static_cast<std::uint32_t>(word >> 32);
      const std::uint32_t last =
          i + 1 < count ? static_cast<std::uint32_t>(words_.at(VPN_W_PORTS, i + 1) >> 32) - 1 : 0xffffff;
      const std::size_t content = of_port[static_cast<std::uint32_t>(word)];
      for (std::uint32_t protocol = first >> 16; protocol <= last >> 16; ++protocol) {
        const auto from = static_cast<std::uint16_t>(protocol == first >> 16 ? first : 0);
        const auto to = static_cast<std::uint16_t>(protocol == last >> 16 ? last : 0xffff);
        if (!out.empty() && out.back().protocol == protocol && out.back().content == content &&
            out.back().last_port + 1 == from) {
          out.back().last_port = to;
        } else {
          out.push_back({static_cast<std::uint8_t>(protocol), from, to, content});
        }
      }
    }
    return out;
  }

  /// The content that the fewest rules need not name, and what differs from it.
  std::pair<std::size_t, std::vector<Piece>> split(const std::vector<std::size_t>& of_port) const {
    std::pair<std::size_t, std::vector<Piece>> best{of_port[0], pieces(of_port, of_port[0])};
    for (const std::size_t candidate : of_port) {
      if (candidate == best.first) continue;
      std::vector<Piece> others = pieces(of_port, candidate);
      if (others.size() < best.second.size()) best = {candidate, std::move(others)};
    }
    return best;
  }

  /// For one mark, or for all that are left.
  void add_rules_of(bool v6, std::optional<std::uint32_t> mark, const std::vector<std::size_t>& of_port) {
    const auto add = [&](RouteRule r, const Content& content, bool falls_through) {
      if (mark) r.mark = socket_mark(*mark, options_);
      if (content.routes[v6 ? 1 : 0]) out_.rules.push_back(r);
      if (!content.passes[v6 ? 1 : 0] || !falls_through) return;
      ++r.priority;
      r.action = RouteRule::Action::go_to;
      r.target = options_.first_priority + step_end;
      out_.rules.push_back(r);
    };
    const auto [usual, others] = split(of_port);
    for (const Piece& piece : others) {
      const Step step = piece.all() ? (mark ? step_protocol : step_rest_protocol) : (mark ? step_port : step_rest_port);
      RouteRule r = rule(step, v6, contents_[piece.content].table);
      r.protocol = piece.protocol;
      r.first_port = piece.first_port;
      r.last_port = piece.last_port;
      add(r, contents_[piece.content], true);
    }
    add(rule(mark ? step_owner : step_rest, v6, contents_[usual].table), contents_[usual], mark.has_value());
  }

  const Words words_;
  const NetworkFacts& facts_;
  const RouteOptions& options_;
  const Links links_;
  std::vector<Content> contents_;
  std::map<std::uint32_t, std::vector<std::size_t>> of_mark_;  // contents by port class
  std::array<Starts, 2> starts_, link_starts_;                 // IPv4, IPv6
  Error error_;
  RoutePlan out_;
};

}  // namespace

Result<RoutePlan> plan_routes(const KernelTable& table, const NetworkFacts& facts, const RouteOptions& options) {
  const std::uint32_t bits = options.mark_mask >> (std::countr_zero(options.mark_mask) % 32);
  if (bits != 0xff) return fail(ErrorKind::usage, "the mask of marks has to be eight bits in a row");
  if (options.first_table > 0xffffffff - (1u << 20)) return fail(ErrorKind::usage, "the first route table is too high");
  if (facts.links.size() > most_links) return tl::unexpected(too_many("interfaces", facts.links.size(), most_links));
  if (table.words[VPN_W_PORT_CLASSES] > most_ports)
    return tl::unexpected(too_many("classes of ports", table.words[VPN_W_PORT_CLASSES], most_ports));
  return Planner(table, facts, options).plan();
}

std::uint32_t socket_mark(std::uint32_t mark, const RouteOptions& options) {
  return mark << std::countr_zero(options.mark_mask);
}

}  // namespace vpn::agent
