// Asks decide() for every cell, and lays the words out.
#include "policy/kernel_table.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "policy/kernel/packet.h"
#include "policy/situation.h"

namespace vpn::policy {
namespace {

static_assert(VPN_S0 == static_cast<int>(Rule::S0) && VPN_S1A == static_cast<int>(Rule::S1a) &&
              VPN_S1B == static_cast<int>(Rule::S1b) && VPN_S1C == static_cast<int>(Rule::S1c) &&
              VPN_S1D == static_cast<int>(Rule::S1d) && VPN_S1E == static_cast<int>(Rule::S1e) &&
              VPN_S1F == static_cast<int>(Rule::S1f) && VPN_S3 == static_cast<int>(Rule::S3) &&
              VPN_S3A == static_cast<int>(Rule::S3a) && VPN_S3B == static_cast<int>(Rule::S3b) &&
              VPN_S3C == static_cast<int>(Rule::S3c) && VPN_S3D == static_cast<int>(Rule::S3d) &&
              VPN_S3E == static_cast<int>(Rule::S3e) && VPN_S4 == static_cast<int>(Rule::S4) &&
              VPN_S4E == static_cast<int>(Rule::S4e) && VPN_S5 == static_cast<int>(Rule::S5) &&
              VPN_S5A == static_cast<int>(Rule::S5a) && VPN_S5B == static_cast<int>(Rule::S5b) &&
              VPN_S5C == static_cast<int>(Rule::S5c) && VPN_S5D == static_cast<int>(Rule::S5d) &&
              VPN_S5E == static_cast<int>(Rule::S5e) && VPN_S5F == static_cast<int>(Rule::S5f) &&
              VPN_S6B == static_cast<int>(Rule::S6b) && VPN_S7 == static_cast<int>(Rule::S7) &&
              VPN_S8 == static_cast<int>(Rule::S8) && VPN_RULES == static_cast<int>(Rule::S8) + 1);

std::uint32_t verdict_kind(Verdict v) {
  switch (v) {
    case Verdict::tunnel:
      return VPN_TUNNEL;
    case Verdict::direct:
      return VPN_DIRECT;
    case Verdict::proxy:
      return VPN_PROXY;
    case Verdict::system:
      return VPN_SYSTEM;
    case Verdict::accept:
      return VPN_ACCEPT;
    case Verdict::drop:
      break;
  }
  return VPN_DROP;
}

std::uint64_t start_word(std::uint32_t key, std::uint32_t cls) { return std::uint64_t{key} << 32 | cls; }

/// An address of each class of destinations that is not judged as the IPv4 address in it; nothing for a class whose
/// addresses all are.
std::vector<std::optional<Address>> representatives(const RangeTable& ranges, const Prefix* nat64) {
  std::vector<std::optional<Address>> out(ranges.class_count());
  std::uint32_t wanted = ranges.class_count();
  const auto offer = [&](const Address& a, std::uint32_t cls) {
    if (out[cls] || embedded(a, nat64) != a) return;
    out[cls] = a;
    --wanted;
  };
  std::vector<Prefix> embedding(embedding_prefixes.begin(), embedding_prefixes.end());
  if (nat64 != nullptr) embedding.push_back(*nat64);
  for (const bool v6 : {false, true}) {
    ranges.for_each_range(v6, [&](const Address& first, std::uint32_t cls) {
      if (wanted != 0) offer(first, cls);
    });
  }
  // A range that begins among embedded addresses may go on behind them.
  for (const Prefix& p : embedding) {
    Address a = p.last();
    if (++a.low == 0) ++a.high;
    offer(a, ranges.find(a));
  }
  return out;
}

class Builder {
 public:
  Builder(const Situation& situation, const KernelClasses& classes, const InterfaceIndexes& interfaces)
      : situation_(situation), d_(situation.data()), classes_(classes), interfaces_(interfaces) {
    without_.resize(d_.tunnels.size());
  }

  Result<KernelTable> build() {
    const std::size_t v4 = d_.ranges.range_count(false), v6 = d_.ranges.range_count(true);
    constexpr std::size_t most_ranges = std::size_t{1} << VPN_SEARCH_STEPS;
    if (v4 > most_ranges || v6 > most_ranges) return too_large("ranges of addresses", std::max(v4, v6), most_ranges);
    places_ = representatives(d_.ranges, d_.translation());
    judge_rows();
    const std::uint64_t words =
        VPN_W_COUNT + v4 + 3 * v6 + classes_.port_ranges().size() + places_.size() +
        std::uint64_t{classes_.owner_count()} * classes_.domain_count() * (classes_.port_count() + 1) + rows_.size() +
        d_.tunnels.size();
    if (words > VPN_MAX_WORDS) return too_large("words", words, VPN_MAX_WORDS);
    out_.words.reserve(words);
    write();
    add_surroundings();
    return std::move(out_);
  }

 private:
  static tl::unexpected<Error> too_large(const char* what, std::uint64_t count, std::uint64_t most) {
    return fail(
        ErrorKind::invalid_input,
        "the kernel's table would need " + std::to_string(count) + ' ' + what + ", it holds " + std::to_string(most),
        {}, "use fewer routes, or fewer VPNs with routes of their own");
  }

  std::uint32_t interface(std::string_view name) const {
    const auto it = interfaces_.find(name);
    return it == interfaces_.end() ? 0 : it->second;
  }

  // --- Cells ---

  /// One flow for all of a group and of a port class. It trips neither S0 nor S1.a to S1.d, which are not the table's.
  Flow flow(const KernelClasses::Group& group, const KernelClasses::Port& port) const {
    const AppTable& apps = situation_.policy().apps();
    Flow f;
    f.owner = group.owner;
    if (group.app != none) f.app = apps.name(group.app);
    if (group.owner == Owner::app && group.app == none) f.owner = Owner::other;
    if (group.spawner != none) f.spawned_by = apps.name(group.spawner);
    f.domain = group.domain;
    f.protocol = port.protocol;
    f.remote_port = port.port;
    f.hop_limit = 64;
    f.uid = 1;
    return f;
  }

  std::uint32_t place(const Decision& decision, const Flow& f, std::uint32_t cls) const {
    if (decision.verdict == Verdict::tunnel) return VPN_BY_TUNNEL;
    if (decision.verdict != Verdict::direct) return VPN_ANYWHERE;
    const bool local = d_.ranges.value(cls, dim_local) != 0 && f.remote_port != 53 && f.remote_port != 853;
    return local ? VPN_OFF_TUNNEL : VPN_BY_PRIMARY;
  }

  /// Half a cell: the verdict in a situation, and whether a flow with a scope has another.
  std::uint32_t half(const Situation& in, const Flow& f, std::uint32_t cls) const {
    const Decision decision = decide(in, f);
    const std::uint32_t tunnel = decision.tunnel == none ? VPN_NO_TUNNEL : decision.tunnel;
    std::uint32_t out = verdict_kind(decision.verdict) | static_cast<std::uint32_t>(decision.rule) << 8 | tunnel << 16 |
                        place(decision, f, cls) << 24;
    // A rule before S7 does not look at the scope.
    if ((decision.rule == Rule::S7 || decision.rule == Rule::S8) && !in.data().routed.empty()) {
      Flow scoped = f;
      scoped.scope = "scope";
      const Decision other = decide(in, scoped);
      if (other.verdict != decision.verdict || other.rule != decision.rule || other.tunnel != decision.tunnel)
        out |= std::uint32_t{VPN_CELL_SCOPED} << 24;
    }
    return out;
  }

  const Situation& without(std::uint32_t tunnel) {
    if (!without_[tunnel]) without_[tunnel].emplace(situation_.reasserting(tunnel));
    return *without_[tunnel];
  }

  static std::uint64_t cell(std::uint32_t now, std::uint32_t then) { return std::uint64_t{then} << 32 | now; }

  std::uint64_t judge_cell(const Flow& f, std::uint32_t cls) {
    const std::uint32_t now = half(situation_, f, cls);
    const std::uint32_t tunnel = now >> 16 & 0xff;
    if (tunnel != VPN_NO_TUNNEL) return cell(now, d_.tunnels[tunnel].connected() ? half(without(tunnel), f, cls) : now);
    const auto rule = static_cast<Rule>(now >> 8 & 0xff);
    if (rule != Rule::S7 && rule != Rule::S8) return cell(now, now);
    // S7 that says `system`, and what it says of flows with a scope, ends with the VPN whose routes these are.
    for (const RoutePlan& r : d_.routed) {
      const std::uint32_t then = half(without(r.device->tunnel), f, cls);
      if (then == now) continue;
      const std::uint32_t hangs_on = (now & 0xff00ffff) | r.device->tunnel << 16;
      return cell(hangs_on | std::uint32_t{VPN_CELL_UNNAMED} << 24, then);
    }
    return cell(now, now);
  }

  // --- Rows ---

  /// Fills rows_ and row_of_.
  void judge_rows() {
    std::unordered_map<std::string, std::uint32_t> numbers;
    std::vector<std::uint64_t> row(places_.size());
    for (const KernelClasses::Group& group : classes_.groups()) {
      for (const KernelClasses::Port& port : classes_.ports()) {
        Flow f = flow(group, port);
        for (std::uint32_t cls = 0; cls < places_.size(); ++cls) {
          row[cls] = 0;
          if (!places_[cls] || d_.ranges.value(cls, dim_self) != 0) continue;  // S0 is not the table's
          f.remote = *places_[cls];
          row[cls] = judge_cell(f, cls);
        }
        const auto bytes = std::as_bytes(std::span(row));
        const auto [it, is_new] =
            numbers.try_emplace(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                                static_cast<std::uint32_t>(numbers.size()));
        if (is_new) rows_.insert(rows_.end(), row.begin(), row.end());
        row_of_.push_back(it->second);
      }
    }
    row_count_ = static_cast<std::uint32_t>(numbers.size());
  }

  // --- Words ---

  void set(vpn_word_index index, std::uint64_t value) { out_.words[index] = value; }
  void begin(vpn_word_index index) { set(index, out_.words.size()); }
  void add(std::uint64_t word) { out_.words.push_back(word); }

  void write() {
    out_.words.assign(VPN_W_COUNT, 0);
    write_header();
    write_ranges();
    begin(VPN_W_PORTS);
    for (const std::uint64_t word : classes_.port_ranges()) add(word);
    set(VPN_W_PORTS_COUNT, classes_.port_ranges().size());
    begin(VPN_W_PLACES);
    for (std::uint32_t cls = 0; cls < places_.size(); ++cls) add(flags(cls));
    write_index();
    begin(VPN_W_ROWS);
    set(VPN_W_ROW_COUNT, row_count_);
    out_.words.insert(out_.words.end(), rows_.begin(), rows_.end());
    begin(VPN_W_MARKS);
    for (std::uint32_t owner = 0; owner < classes_.owner_count(); ++owner)
      for (std::uint32_t name = 0; name < classes_.domain_count(); ++name) add(classes_.group(owner, name) + 1);
    begin(VPN_W_TUNNELS);
    for (const TunnelInfo& t : d_.tunnels) add(interface(t.interface));
    set(VPN_W_MAGIC, VPN_TABLE_MAGIC);
  }

  std::uint64_t flags(std::uint32_t cls) const {
    std::uint64_t out = 0;
    if (d_.ranges.value(cls, dim_self) != 0) out |= VPN_DESTINATION_SELF;
    if (d_.ranges.value(cls, dim_dhcp) != 0) out |= VPN_DESTINATION_DHCP;
    return out;
  }

  void write_header() {
    if (d_.plan->always_on) {
      set(VPN_W_FLAGS, VPN_TABLE_ALWAYS_ON);
    } else if (d_.engaged != nullptr) {
      set(VPN_W_FLAGS, VPN_TABLE_ENGAGED);
    }
    set(VPN_W_PRIMARY, interface(d_.primary));
    if (d_.nat64 && d_.nat64->base.v6) {
      set(VPN_W_NAT64_LENGTH, d_.nat64->length);
      set(VPN_W_NAT64_HIGH, d_.nat64->base.high);
      set(VPN_W_NAT64_LOW, d_.nat64->base.low);
    }
    set(VPN_W_OWNERS, classes_.owner_count());
    set(VPN_W_PORT_CLASSES, classes_.port_count());
    set(VPN_W_DOMAINS, classes_.domain_count());
    set(VPN_W_DESTINATIONS, places_.size());
    set(VPN_W_TUNNEL_COUNT, d_.tunnels.size());
  }

  void write_ranges() {
    begin(VPN_W_V4);
    d_.ranges.for_each_range(false, [&](const Address& a, std::uint32_t cls) { add(start_word(a.v4(), cls)); });
    set(VPN_W_V4_COUNT, out_.words.size() - out_.words[VPN_W_V4]);
    begin(VPN_W_V6);
    std::vector<std::uint64_t> low, cls6;
    low.reserve(d_.ranges.range_count(true));
    cls6.reserve(d_.ranges.range_count(true));
    d_.ranges.for_each_range(true, [&](const Address& a, std::uint32_t cls) {
      add(a.high);
      low.push_back(a.low);
      cls6.push_back(cls);
    });
    set(VPN_W_V6_COUNT, low.size());
    out_.words.insert(out_.words.end(), low.begin(), low.end());
    out_.words.insert(out_.words.end(), cls6.begin(), cls6.end());
  }

  void write_index() {
    begin(VPN_W_INDEX);
    const std::uint32_t ports = classes_.port_count();
    for (std::uint32_t owner = 0; owner < classes_.owner_count(); ++owner)
      for (std::uint32_t port = 0; port < ports; ++port)
        for (std::uint32_t name = 0; name < classes_.domain_count(); ++name)
          add(row_of_[classes_.group(owner, name) * ports + port]);
  }

  // --- Beside the words ---

  void add_surroundings() {
    for (const TunnelInfo& t : d_.tunnels) out_.connected.push_back(t.connected());
    for (const std::string& name : d_.tunnel_interfaces)
      if (const std::uint32_t index = interface(name); index != 0) out_.tunnel_interfaces.push_back(index);
    auto& all = out_.tunnel_interfaces;
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    for (std::uint32_t t = 0; t < d_.tunnels.size(); ++t)
      for (const Endpoint& e : d_.tunnels[t].endpoints)
        out_.exemptions.push_back({Rule::S1c, t, 0, e.address, e.protocol, e.port});
    for (const std::uint8_t protocol : {std::uint8_t{VPN_UDP}, std::uint8_t{VPN_TCP}}) add_agents(protocol);
  }

  void add_agents(std::uint8_t protocol) {
    if (!d_.plan->servers.empty()) {
      for (const NamedResolvers& r : d_.resolvers)
        for (const Address& a : r.servers)
          out_.exemptions.push_back({Rule::S1d, none, interface(r.interface), a, protocol, 53});
    }
    if (!d_.probing) return;
    for (const Plan::Probe& p : d_.plan->probes)
      if (p.address)
        out_.exemptions.push_back({Rule::S1f, none, 0, embedded(*p.address, d_.translation()), protocol, p.port});
  }

  const Situation& situation_;
  const Situation::Data& d_;
  const KernelClasses& classes_;
  const InterfaceIndexes& interfaces_;
  std::vector<std::optional<Situation>> without_;  // by tunnel, made when a cell asks for it
  std::vector<std::optional<Address>> places_;     // one for each class of destinations
  std::vector<std::uint64_t> rows_;
  std::vector<std::uint32_t> row_of_;  // by group, then port class
  std::uint32_t row_count_ = 0;
  KernelTable out_;
};

}  // namespace

Result<KernelTable> build_kernel_table(const Situation& situation, const KernelClasses& classes,
                                       const InterfaceIndexes& interfaces) {
  return Builder(situation, classes, interfaces).build();
}

DeviceState stale(const DeviceState& state) {
  DeviceState out = state;
  out.captive = false;
  out.probing = false;
  for (InterfaceState& i : out.interfaces)
    for (auto& [address, length] : i.addresses) length = address.v6 ? 128 : 32;
  return out;
}

}  // namespace vpn::policy
