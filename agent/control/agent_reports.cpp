// What the agent tells of what happened: counters, drops, watchers, metrics, the support bundle.
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <set>

#include "agent/control/agent.h"
#include "agent/control/metrics.h"
#include "agent/control/redaction.h"
#include "agent/files/files.h"
#include "agent/tunnel/external_protocol.h"
#include "policy/json/json.h"
#include "policy/kernel/table.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kept_drops = 1000, watched_drops = 20, most_waiting_connections = 4096;
constexpr std::chrono::seconds watch_every{1};

// CLOCK_MONOTONIC's time as seconds since 1970.
double wall_clock(std::chrono::nanoseconds monotonic) {
  timespec wall{}, mono{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  ::clock_gettime(CLOCK_MONOTONIC, &mono);
  const auto seconds = [](const timespec& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  };
  return seconds(wall) - seconds(mono) + static_cast<double>(monotonic.count()) / 1e9;
}

std::string rule_name(std::uint8_t rule) {
  if (rule >= VPN_RULES) return "none";
  return std::string(to_string(static_cast<policy::Rule>(rule)));
}

std::string verdict_name(std::uint8_t verdict) {
  switch (verdict) {
    case VPN_TUNNEL:
      return "tunnel";
    case VPN_DIRECT:
      return "direct";
    case VPN_PROXY:
      return "proxy";
    case VPN_SYSTEM:
      return "system";
    case VPN_ACCEPT:
      return "accept";
    default:
      return "drop";
  }
}

}  // namespace

Result<Json> Agent::counters() const {
  auto all = guard_->datapath().counters();
  if (!all) return tl::unexpected(all.error());
  Json out = Json::array();
  for (const Counter& c : *all) {
    Json one = {{"app", owner_name(c.owner, app_name(c.app))},
                {"spawned_by", app_name(c.spawner)},
                {"verdict", verdict_name(c.verdict)},
                {"rule", rule_name(c.rule)},
                {"direction", c.incoming ? "in" : "out"},
                {"packets", c.packets},
                {"bytes", c.bytes}};
    if (c.tunnel != VPN_NO_TUNNEL) one["tunnel"] = tunnel_name(c.tunnel);
    out.push_back(std::move(one));
  }
  return out;
}

Json Agent::drops_seen() const {
  Json out = Json::array();
  for (const Json& d : drops_) out.push_back(d);
  return out;
}

// On-demand: what was refused, or waits, for want of this tunnel.
bool Agent::needs_tunnel(const DropEvent& e) const {
  return !e.incoming && (e.rule == VPN_S4E || e.rule == VPN_S5F || e.rule == VPN_S6B) && e.tunnel != VPN_NO_TUNNEL;
}

void Agent::note_waiting(const DropEvent& e) {
  const TcpSocket socket{e.remote, e.remote_port, e.local_port, e.cookie};
  // One that comes too late, for it has waited longer than the others: it is told at once.
  if (e.tunnel >= tunnels_.named().size() || !may_wait(tunnels_.on_demand(e.tunnel)))
    return end_connections({&socket, 1});
  std::vector<TcpSocket>& waiting = waiting_[e.tunnel];
  const bool known =
      std::any_of(waiting.begin(), waiting.end(), [&](const TcpSocket& s) { return s.cookie == e.cookie; });
  if (!known && waiting.size() < most_waiting_connections) waiting.push_back(socket);
}

Json Agent::on_demand(std::uint32_t tunnel, const std::string& host) const {
  const OnDemandLife& life = tunnels_.on_demand(tunnel);
  if (!life.terms.enabled) return nullptr;
  Json out = {{"action", std::string(to_string(life.network.action))},
              {"rule", life.network.rule ? Json(*life.network.rule) : Json()},
              {"source", Json::parse(policy::source_json(active_->policy, life.network.source), nullptr, false)},
              {"overridden", life.overridden},
              {"resting", life.resting},
              {"waits", may_wait(life)}};
  if (!life.network.awaits.empty()) out["awaits"] = life.network.awaits;
  if (Json evaluated = evaluation(tunnel, host); !evaluated.is_null()) out["evaluation"] = std::move(evaluated);
  return out;
}

// Which of an evaluating rule's parameters speaks of the host, or spoke of the last one.
Json Agent::evaluation(std::uint32_t tunnel, const std::string& host) const {
  std::optional<HostEvaluations::Seen> seen;
  if (!host.empty())
    seen = hosts_.about(tunnel, host);
  else if (const auto* last = hosts_.last(tunnel); last != nullptr)
    seen = *last;
  if (!seen) return nullptr;
  return {{"host", seen->host},
          {"parameter", seen->parameter},
          {"source", Json::parse(policy::source_json(active_->policy, seen->source), nullptr, false)},
          {"outcome", std::string(to_string(seen->outcome))},
          {"why", seen->why}};
}

// S3: a connection from before gets an error at once, S5.f's connections are not closed. What was refused early was
// none.
bool Agent::is_to_end(const DropEvent& e) const {
  const bool always_on = e.rule >= VPN_S3 && e.rule <= VPN_S3E;
  return always_on && !options_.audit && e.protocol == 6 && !e.early && e.cookie != 0;
}

void Agent::end_connections(std::span<const TcpSocket> connections) {
  const auto done = destroy(connections);
  if (!done && !std::exchange(cannot_end_, true))
    log("connections from before are not ended, only blocked: " + done.error().what + "; " + done.error().help, true);
}

// Which line of which profile says so: by the same decide() as ever. Nothing where the state has moved on since.
Json Agent::source_of(const Json& drop) const {
  if (active_ == nullptr || between_tables_ || drop["rule"] == "none") return {};
  Json flow = {{"remote", drop["remote"]},
               {"remote_port", drop["remote_port"]},
               {"protocol", drop["protocol"]},
               {"uid", drop["uid"]},
               {"direction", drop["direction"]}};
  if (drop["app"] != "other") flow["app"] = drop["app"];
  if (!drop["spawned_by"].get_ref<const std::string&>().empty()) flow["spawned_by"] = drop["spawned_by"];
  if (drop.contains("hostname")) flow["hostname"] = drop["hostname"];
  if (drop["direction"] == "in") flow["arrives_on"] = drop["interface"];
  const auto parsed = policy::parse_flow(flow.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!parsed) return {};
  const policy::Decision decision = policy::decide(active_->situation.in(state_), parsed->flow);
  if (to_string(decision.rule) != drop["rule"].get_ref<const std::string&>()) return {};
  const Json said = Json::parse(policy::verdict_json(active_->policy, decision), nullptr, false);
  return said.value("source", Json());
}

Json Agent::drop_seen(const DropEvent& e) const {
  const Link* link = monitor_->view().link(e.interface);
  Json one = {{"time", wall_clock(e.when)},
              {"app", e.app == 0 ? "other" : app_name(e.app)},
              {"spawned_by", app_name(e.spawner)},
              {"pid", e.pid},
              {"uid", e.uid},
              {"remote", e.remote.to_string()},
              {"remote_port", e.remote_port},
              {"protocol", policy::protocol_name(e.protocol)},
              {"interface", link == nullptr ? "" : link->name},
              {"rule", rule_name(e.rule)},
              {"direction", e.incoming ? "in" : "out"},
              {"early", e.early}};
  if (e.waits) one["waits"] = true;
  if (e.tunnel != VPN_NO_TUNNEL) one["tunnel"] = tunnel_name(e.tunnel);
  if (lookups_ != nullptr) {
    // By whose lookups its names are tied: the app's, or its spawner's.
    std::string name = lookups_->name_of(e.app != 0 ? e.app : e.spawner, e.remote);
    if (!name.empty()) one["hostname"] = std::move(name);
  }
  if (Json source = source_of(one); !source.is_null()) one["source"] = std::move(source);
  return one;
}

// Of what the forwarder refuses no packet is ever made: the app gets an error for its lookup, and tries no connection.
void Agent::report_lookup(const DropEvent& e, const std::string& name) {
  Json one = drop_seen(e);
  one["hostname"] = name;
  std::vector<Json> all;
  all.push_back(std::move(one));
  tell_drops(std::move(all));
}

void Agent::tell_drops(std::vector<Json> fresh) {
  for (Json& one : fresh) {
    control_->each([&](ControlClient& client) {
      if (client.follows_drops) client.send(reply(one));
    });
    drops_.push_back(std::move(one));
    if (drops_.size() > kept_drops) drops_.pop_front();
  }
}

void Agent::read_drops() {
  std::vector<Json> fresh;
  std::vector<TcpSocket> ended;
  std::set<std::uint32_t> used;
  const auto each = [&](const DropEvent& e) {
    if (is_to_end(e)) ended.push_back({e.remote, e.remote_port, e.local_port, e.cookie});
    if (needs_tunnel(e)) used.insert(e.tunnel);
    if (e.waits && e.early) return;  // it was not refused
    if (e.waits && e.cookie != 0) note_waiting(e);
    fresh.push_back(drop_seen(e));
  };
  const auto read = guard_->datapath().read_drops(each);
  end_connections(ended);
  for (const std::uint32_t tunnel : used) tunnels_.used(tunnel);
  if (!read) return;
  tell_drops(std::move(fresh));
}

// What a watcher sees: the status, what passed and what did not, and the last drops.
Json Agent::watched() const {
  Json out = status();
  out["time"] = wall_clock(std::chrono::steady_clock::now().time_since_epoch());
  auto counted = counters();
  out["traffic"] = counted ? std::move(*counted) : Json::array();
  Json last = Json::array();
  for (std::size_t i = drops_.size() - std::min(drops_.size(), watched_drops); i < drops_.size(); ++i)
    last.push_back(drops_[i]);
  out["drops"] = std::move(last);
  return out;
}

// At once when the status changes, and each second as long as somebody watches.
void Agent::tell_followers() {
  watch_timer_.reset();
  if (control_ == nullptr || active_ == nullptr || stopping_) return;
  std::string text;
  control_->each([&](ControlClient& client) {
    if (!client.follows_status) return;
    if (text.empty()) text = reply(watched());
    client.send(text);
  });
  if (!text.empty()) keep_watch();
}

void Agent::keep_watch() {
  if (watch_timer_ == nullptr) watch_timer_ = loop_.after(watch_every, [this] { tell_followers(); });
}

Json Agent::support() const {
  Json interfaces = Json::array();
  const NetworkView& view = monitor_->view();
  for (const Link& l : view.links) {
    Json addresses = Json::array();
    for (const LinkAddress& a : view.addresses)
      if (a.link == l.index) addresses.push_back(a.address.to_string() + "/" + std::to_string(a.length));
    interfaces.push_back({{"index", l.index},
                          {"name", l.name},
                          {"kind", l.kind},
                          {"type", std::string(to_string(type_of(l, resolvers_)))},
                          {"up", l.up},
                          {"mtu", l.mtu},
                          {"addresses", std::move(addresses)}});
  }
  Json settings = Json::object();
  for (const NamedTunnel& t : tunnels_.named()) settings[t.id] = settings_json(t.life->report.settings);
  Json resolvers = Json::object();
  for (const auto& [name, facts] : resolvers_)
    resolvers[name] = {{"servers", facts.dns_servers}, {"search", facts.search_domains}};
  auto counted = counters();
  const Json all = {{"status", status()},
                    {"interfaces", std::move(interfaces)},
                    {"resolvers", std::move(resolvers)},
                    {"settings", std::move(settings)},
                    {"counters", counted ? std::move(*counted) : Json()},
                    {"drops", drops_seen()},
                    {"drops_lost", guard_->datapath().drops_lost()},
                    {"log", log_}};
  Redaction what;
  what.kept = named_by(active_->policy, names_in(all));
  for (std::uint32_t i = 0; i < active_->secrets.size(); ++i)
    if (const auto secret = active_->secrets.find(i)) what.secrets.push_back(*secret);
  utsname system{};
  if (::uname(&system) == 0) what.machine = system.nodename;
  Json out = redacted(all, what);
  out["kernel"] = system.release;
  out["version"] = VPN_VERSION;
  return out;
}

Result<std::string> Agent::metrics() const {
  auto all = guard_->datapath().counters();
  if (!all) return tl::unexpected(all.error());
  MetricsInput input;
  input.in_force = guard_life_.phase == GuardPhase::in_force;
  input.audit = options_.audit;
  input.serial = active_->policy.header().serial;
  input.drops_lost = guard_->datapath().drops_lost();
  for (const NamedTunnel& t : tunnels_.named()) input.tunnels.emplace_back(t.id, t.life->status);
  if (lookups_ != nullptr) {
    const dns::ForwarderCounts asked = lookups_->counts().lookups;
    input.lookups = {{"answered", asked.answered}, {"failed", asked.failed}, {"refused", asked.refused}};
  }
  for (const Counter& c : *all) {
    input.counters.push_back({owner_name(c.owner, app_name(c.app)), verdict_name(c.verdict), rule_name(c.rule),
                              c.tunnel == VPN_NO_TUNNEL ? std::string() : tunnel_name(c.tunnel), c.incoming, c.packets,
                              c.bytes});
  }
  return openmetrics(input);
}

}  // namespace vpn::agent
