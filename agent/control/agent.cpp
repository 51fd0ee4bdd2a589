#include "agent/control/agent.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <set>
#include <utility>

#include "agent/control/network_facts.h"
#include "agent/control/publication.h"
#include "agent/control/resident.h"
#include "agent/control/users.h"
#include "agent/files/files.h"
#include "agent/network/counters.h"
#include "agent/network/resolvers.h"
#include "agent/proxy/provider.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds beat_every{5000};
// A publication costs the kernel some 20 ms: a network that changes all the time gets one after the other, no more.
constexpr milliseconds publish_pause{30};
constexpr milliseconds check_pause{20};
constexpr unsigned most_races = 20;
constexpr std::size_t kept_log_lines = 200;

std::optional<std::uint32_t> group_number(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::array<char, 16384> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return found->gr_gid;
}

}  // namespace

Agent::Agent(Loop& loop, AgentOptions options, std::vector<ProviderFactory> factories, Outside outside)
    : loop_(loop),
      options_(std::move(options)),
      outside_(std::move(outside)),
      store_(options_.state_dir),
      tunnels_(loop, with_proxies(std::move(factories)),
               {[this](std::uint32_t tunnel, policy::TunnelStatus from, policy::TunnelStatus to) {
                  // What leaves `connected` has to be told at once; what reaches it needs another table.
                  if (from == policy::TunnelStatus::connected && guard_) {
                    guard_->set_disconnected(tunnel);
                    if (lookups_ != nullptr) lookups_->tunnel_went();
                    if (proxies_ != nullptr) proxies_->tunnel_went(tunnel);
                  }
                  log("tunnel " + printable(tunnel_name(tunnel)) + ": " + std::string(to_string(to)), false,
                      {{"VPN_TUNNEL", tunnel_name(tunnel)}, {"VPN_STATUS", std::string(to_string(to))}});
                  const bool was_up = from == policy::TunnelStatus::connected;
                  const bool is_up = to == policy::TunnelStatus::connected;
                  if (was_up != is_up) probes_.tunnel_changed(is_up);
                  publish_soon();
                },
                [this] {
                  // Before its daemon makes its first socket, which has its owner for good.
                  if (guard_ && owners_ != nullptr && active_ != nullptr) owners_changed();
                  publish_soon();
                },
                [this](const std::string& text) { log(text); },
                [this](std::uint32_t tunnel, bool waits) { waits_changed(tunnel, waits); },
                [](const std::string& interface) { return packets_sent(interface); }}),
      probes_(loop, {[this] {
                       const auto done = guard_ ? guard_->exempt_probes(probes_.exemptions()) : Result<void>();
                       if (!done) guard(guard_event::Failed{part_programs, done.error().what, false});
                     },
                     [this] { probes_changed(); }, [this](const std::string& text) { log(text); }}),
      hosts_(loop, {[this](std::uint32_t tunnel) -> const OnDemandLife& { return tunnels_.on_demand(tunnel); },
                    [this](const std::string& url, auto callback) { return probes_.prober().ask({url}, callback); },
                    [this](const policy::Address& server, const std::string& name, auto callback) {
                      return probes_.prober().ask_resolver(server, name, callback);
                    }}),
      lookup_holds_({[this](std::uint32_t tunnel) {
                       return tunnel < tunnels_.named().size() && may_wait(tunnels_.on_demand(tunnel));
                     },
                     [this](std::uint32_t tunnel) { tunnels_.used(tunnel); },
                     [this](std::uint32_t tunnel, const std::string& why) { tunnels_.needed(tunnel, why); }},
                    hosts_) {}

Agent::~Agent() = default;

std::vector<ProviderFactory> Agent::with_proxies(std::vector<ProviderFactory> factories) {
  factories.push_back(proxy_factory({[this](int socket, std::uint32_t tunnel) {
    return guard_ && tunnel < tunnel_numbers_.size() &&
           guard_->datapath().provide_for(socket, tunnel_numbers_[tunnel]).has_value();
  }}));
  return factories;
}

void Agent::log(const std::string& text, bool loud, const LogFields& fields) {
  log_.push_back(text);
  if (log_.size() > kept_log_lines) log_.pop_front();
  outside_.log(text, loud, fields);
}

Result<std::unique_ptr<Agent>> Agent::start(Loop& loop, AgentOptions options, std::vector<ProviderFactory> factories,
                                            Outside outside) {
  std::unique_ptr<Agent> agent(new Agent(loop, std::move(options), std::move(factories), std::move(outside)));
  if (auto opened = agent->open(); !opened) return tl::unexpected(opened.error());
  return agent;
}

Result<void> Agent::open() {
  started_ = loop_.now();
  const std::string mount = cgroup_mount();
  if (mount.empty())
    return fail(ErrorKind::environment, "cgroup v2 is not mounted", "/proc/self/mounts",
                "mount -t cgroup2 none /sys/fs/cgroup");
  if (options_.cgroup.empty()) options_.cgroup = mount;
  if (cgroup_id(options_.cgroup) == 0)
    return fail(ErrorKind::usage, "this is no folder of cgroup v2", options_.cgroup,
                "cgroup v2 is mounted at " + mount);
  auto config = read_config(options_.config_dir);
  if (!config) return tl::unexpected(config.error());
  config_ = std::move(*config);
  place_enrolment();
  // A disk that takes nothing is no reason to guard nothing.
  if (auto ready = store_.prepare(); !ready) log(ready.error().where + ": " + ready.error().what, true);
  remembered_ = store_.tunnels();
  if (auto ready = open_first_policy(); !ready) return ready;
  if (auto ready = open_network(); !ready) return ready;
  if (auto ready = open_guard(); !ready) return ready;
  activate(std::move(candidate_));
  if (auto ready = open_sockets(); !ready) return ready;
  publish();
  keep_policy();  // now that it is in force: the disk takes its time
  beat();
  return {};
}

void Agent::keep_policy() {
  if (auto kept = store_.keep(active_->policy, active_->secrets_file); !kept)
    log("the policy cannot be kept: " + kept.error().where + ": " + kept.error().what, true);
  if (auto kept = guard_->keep_sysctls(); !kept)
    log("the sysctls from before cannot be kept: " + kept.error().where + ": " + kept.error().what, true);
}

// The file that was named, or, where that one is older or cannot be used, the policy that was in force last.
Result<void> Agent::open_first_policy() {
  auto lowest = store_.lowest_serial();
  if (!lowest) return tl::unexpected(lowest.error());
  policy_life_.lowest_serial = *lowest;
  auto named = open_policy(options_.policy, config_, *lowest);
  if (named) {
    candidate_ = std::move(*named);
  } else {
    auto kept = open_policy(store_.policy_path(), config_, *lowest);
    if (!kept) return tl::unexpected(named.error());
    log(named.error().where + ": " + named.error().what + "; the policy that was in force before stays in force", true);
    candidate_ = std::move(*kept);
  }
  if (!candidate_->secrets_fault.empty())
    log("without secrets, tunnels that need them stay down: " + candidate_->secrets_fault, true);
  PolicyStep next = step(policy_life_, policy_event::Apply{candidate_->stamp(), std::chrono::seconds(0)});
  policy_life_ = next.state;
  return {};
}

Result<void> Agent::open_network() {
  auto monitor = Monitor::open(loop_, InterfaceTypes(config_.interfaces),
                               {[this] { network_changed(); },
                                [this] {
                                  if (guard_ && !guard_->routes_in_place()) publish_soon();
                                },
                                [this] { check_soon(); },
                                [this](const Error& e) {
                                  guard(guard_event::Failed{part_network, e.what, false});
                                }});
  if (!monitor) return tl::unexpected(monitor.error());
  monitor_ = std::move(*monitor);
  auto wifi = WifiNetworks::open(loop_, [this] { network_changed(); });
  if (wifi)
    wifi_ = std::move(*wifi);
  else
    log("the names of Wi-Fi networks are not known: " + wifi.error().what, true);
  auto routers = RouterMonitor::open(loop_, [this] { network_changed(); });
  if (!routers) {
    log("what routers advertise is not heard of: " + routers.error().what, true);
    return {};
  }
  routers_ = std::move(*routers);
  RouterMonitor::solicit(monitor_->view());
  return {};
}

Result<void> Agent::open_guard() {
  Guard::Settings settings;
  settings.datapath.bpf_dir = options_.bpf_dir;
  settings.datapath.cgroup = options_.cgroup;
  settings.datapath.mark_mask = config_.mark_mask;
  settings.datapath.audit = options_.audit;
  // systemd-networkd asks for leases as a user of its own. Of files alone: no other service is to be asked before the
  // guard is in force.
  settings.datapath.network_uid = user_number(read_file("/etc/passwd").value_or(""), "systemd-network").value_or(0);
  settings.sysctl_backup = options_.state_dir + "/sysctls";
  auto opened = Guard::open(settings, interfaces_of(monitor_->view(), {}, config_.inner_bridges),
                            [this] { log("nothing leaves until every hook is in place"); });
  if (!opened) {
    guard(guard_event::Failed{part_programs, opened.error().what, true});
    return tl::unexpected(opened.error());
  }
  guard_.emplace(std::move(*opened));
  if (guard_->datapath().adopted()) log("an earlier agent's guard is in force; it is taken over");
  // An audit changes nothing of what apps ask whom.
  if (options_.audit) log("AUDIT: verdicts are counted, and nothing is blocked", true);
  if (!options_.audit) {
    lookups_ = std::make_unique<Names>(
        loop_, *guard_, [this](const std::string& text, bool loud) { log(text, loud); },
        [this](const DropEvent& event, const std::string& name) { report_lookup(event, name); });
    lookups_->set_gate(&lookup_holds_);
    proxies_ = std::make_unique<Proxies>(loop_, *guard_, *lookups_,
                                         Proxies::Hooks{[this](std::uint32_t tunnel) { tunnels_.check(tunnel); },
                                                        [this](const std::string& text, bool loud) { log(text, loud); },
                                                        [this](const Error& e) {
                                                          guard(guard_event::Failed{part_programs, e.what, false});
                                                        }});
  }
  hide_resolved();
  owners_ = std::make_unique<OwnerWatch>(loop_, options_.cgroup, [this] { owners_changed(); });
  drops_waiting_ = loop_.readable(guard_->datapath().drops_fd(), [this] { read_drops(); });
  gate_waiting_ = loop_.readable(guard_->gate().changes_fd(), [this] {
    guard_->gate().drain();
    check_soon();
  });
  pins_waiting_ = loop_.readable(guard_->pins_fd(), [this] {
    guard_->drain_pins();
    check_soon();
  });
  guard(guard_event::Done{part_programs | part_network});
  return {};
}

Result<void> Agent::open_sockets() {
  const std::string folder = std::filesystem::path(options_.control).parent_path().string();
  std::error_code ignored;
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  const auto group = group_number(config_.control_group);
  if (!group && !config_.control_group.empty())
    log("there is no group '" + printable(config_.control_group) + "': only root may give commands", true);
  auto external = ExternalServer::open(loop_, (folder.empty() ? "." : folder) + "/clients",
                                       [this](const std::string& tunnel) { return tunnels_.client(tunnel); });
  if (!external) return tl::unexpected(external.error());
  external_ = std::move(*external);
  auto control = ControlServer::open(loop_, options_.control, group,
                                     [this](ControlClient& client, const ControlRequest& r) { handle(client, r); });
  if (!control) return tl::unexpected(control.error());
  control_ = std::move(*control);
  return {};
}

// --- Policies --------------------------------------------------------------------------------------------------------

void Agent::activate(std::shared_ptr<ActivePolicy> policy) {
  std::shared_ptr<ActivePolicy> old = std::exchange(active_, std::move(policy));
  if (old != nullptr) tunnels_.drop(active_->policy, config_, old);
  between_tables_ = true;
  if (lookups_ != nullptr) lookups_->policy_changes(*active_);
  waiting_.clear();
  lookup_holds_.forget();
  if (external_ != nullptr) external_->close_all();  // they speak for tunnels that go now, and come back
  identities_ = identities(active_->policy, config_.apps);
  if (auto numbered = set_numbers(); !numbered) guard(guard_event::Failed{part_programs, numbered.error().what, false});
  if (proxies_ != nullptr) proxies_->set(active_, tunnel_numbers_);
  tunnels_.set(active_->policy, active_->secrets, config_, options_.state_dir, remembered_);
  hosts_.set(active_);
  probes_.set(captive_used(active_->policy), config_.captive_probe, std::chrono::seconds(config_.captive_seconds));
  owners_->set(identities_);
  network_changed();
  owners_changed();
  log("policy with serial " + std::to_string(active_->policy.header().serial) + ", " +
          std::to_string(tunnels_.named().size()) + " tunnels",
      false, {{"VPN_POLICY_SERIAL", std::to_string(active_->policy.header().serial)}});
  if (policy_life_.before && old != nullptr && old->stamp() == *policy_life_.before) before_ = std::move(old);
}

bool Agent::policy(const PolicyEvent& event, std::string* refusal) {
  PolicyStep next = step(policy_life_, event);
  policy_life_ = next.state;
  bool accepted = true;
  for (const PolicyAction& action : next.actions) {
    if (const auto* activating = std::get_if<policy_action::Activate>(&action)) {
      auto& from = candidate_ != nullptr && candidate_->stamp() == activating->policy ? candidate_ : before_;
      if (from != nullptr) activate(std::move(from));
      publish();
    } else if (std::holds_alternative<policy_action::Keep>(action)) {
      before_.reset();
      keep_policy();
    } else if (const auto* start = std::get_if<policy_action::StartConfirm>(&action)) {
      confirm_timer_ = loop_.after(start->time, [this] { policy(policy_event::ConfirmExpired{}); });
    } else if (std::holds_alternative<policy_action::StopConfirm>(action)) {
      confirm_timer_.reset();
    } else if (const auto* refuse = std::get_if<policy_action::Refuse>(&action)) {
      accepted = false;
      if (refusal != nullptr) *refusal = refuse->what;
    } else if (const auto* tell = std::get_if<policy_action::Tell>(&action)) {
      log(tell->text, true);
    }
  }
  tell_followers();
  return accepted;
}

void Agent::reload() {
  if (auto done = reloaded(); !done) log("cannot reload: " + done.error().where + ": " + done.error().what, true);
}

// --- The network and the tables --------------------------------------------------------------------------------------

void Agent::network_changed() {
  if (active_ == nullptr || !guard_) return;
  const NetworkView& view = monitor_->view();
  const std::uint32_t primary = primary_link(view, tunnels_.named());
  if (wifi_ != nullptr) wifi_->read();  // rtnetlink may have been the first to tell
  resolvers_ = known_networks(view, read_resolvers(view, primary, {}), machine_.networks,
                              routers_ == nullptr ? RouterFacts{} : routers_->facts(), config_.resolvers,
                              wifi_ == nullptr ? WifiNames{} : wifi_->names());
  state_ = seen();
  tell_probes(primary);
  state_ = seen();  // what another network has answered counts no more
  tunnels_.network_changed(view, state_, resolvers_);
  hosts_.rules_changed();
  if (!machine_.asleep) probes_.want(tunnels_.awaited());
  publish_soon();
}

// A device that sleeps asks nothing, and everything again when it wakes up.
void Agent::tell_probes(std::uint32_t primary) {
  if (machine_.asleep) return probes_.sleep();
  Prober::Network network{state_.primary_interface, primary, {}};
  for (const policy::InterfaceState& i : state_.interfaces)
    if (i.name == network.interface) network.resolvers = i.dns_servers;
  const auto facts = resolvers_.find(network.interface);
  probes_.network_changed(network_name(monitor_->view(), state_), std::move(network),
                          facts == resolvers_.end() ? std::string() : facts->second.captive_portal);
}

policy::DeviceState Agent::seen() const {
  policy::DeviceState out = device_state(monitor_->view(), resolvers_, tunnels_.named());
  out.url_probes = probes_.results();
  out.captive = probes_.captive();
  out.probing = probes_.running();
  // About to sleep: what is open because of this network is closed before the device may wake up in another.
  return machine_.asleep ? policy::stale(out) : out;
}

// A later one takes the place of an earlier one; what one has told goes with him.
void Agent::machine_tells(ControlClient& client, const MachineFacts& facts) {
  if (teller_ != nullptr && teller_ != &client) teller_->gone = nullptr;
  teller_ = &client;
  client.gone = [this] {
    teller_ = nullptr;
    machine_told({});
  };
  machine_told(facts);
}

// In force when it returns.
void Agent::machine_told(MachineFacts facts) {
  for (auto& [name, network] : facts.networks)  // the administrator knows better
    if (std::any_of(config_.interfaces.begin(), config_.interfaces.end(),
                    [&, &link = name](const InterfaceTypeOverride& o) { return matches(o.name, link); }))
      network.type.reset();
  if (facts == machine_ || stopping_) return;
  const MachineFacts before = std::exchange(machine_, std::move(facts));
  const bool woken = before.asleep && !machine_.asleep;
  tunnels_.rest(machine_.asleep);
  if (before.asleep != machine_.asleep)
    log(machine_.asleep ? "the machine goes to sleep: what this network alone opens is closed"
                        : "the machine is awake");
  // A lifetime stands still meanwhile, and the next network may come without a link that goes down.
  if (routers_ != nullptr && !before.asleep && machine_.asleep) routers_->forget();
  if (woken)
    if (auto seen = monitor_->refresh(); !seen) guard(guard_event::Failed{part_network, seen.error().what, false});
  network_changed();
  if (woken) tunnels_.wake();
  if (woken && routers_ != nullptr) RouterMonitor::solicit(monitor_->view());
  if (before.portal != machine_.portal && machine_.portal != MachineFacts::Portal::unknown) probes_.portal_hinted();
  publish_timer_.reset();
  publish();
}

void Agent::probes_changed() {
  if (active_ == nullptr || !guard_ || stopping_) return;
  state_ = seen();
  tunnels_.evaluate(state_);
  hosts_.rules_changed();
  if (!machine_.asleep) probes_.want(tunnels_.awaited());
  publish_soon();
}

void Agent::publish_soon() {
  if (publish_timer_ != nullptr || !guard_ || active_ == nullptr || stopping_) return;
  const auto since = std::chrono::duration_cast<milliseconds>(loop_.now() - published_);
  const auto wait = std::clamp(publish_pause - since, milliseconds(0), publish_pause);
  publish_timer_ = loop_.after(wait, [this] {
    publish_timer_.reset();
    publish();
  });
}

// A connection is handed to a proxy when it is made, or never.
bool Agent::connections_wait(std::uint32_t tunnel) const {
  return !active_->policy.body().tunnels()->Get(tunnel)->app_proxy();
}

// Those that have waited in vain get their error now, and not when TCP gives up.
void Agent::waits_changed(std::uint32_t tunnel, bool waits) {
  if (guard_ && !between_tables_) guard_->set_waits(tunnel, waits && connections_wait(tunnel));
  const auto waiting = waiting_.extract(tunnel);
  if (waits || tunnels_.on_demand(tunnel).up) return;
  lookup_holds_.release(tunnel);
  if (!waiting.empty()) end_connections(waiting.mapped());
}

Result<Desired> Agent::desired(const policy::DeviceState& state) {
  const NetworkView& view = monitor_->view();
  const policy::InterfaceIndexes indexes = interface_indexes(view);
  auto fresh = build_kernel_table(active_->situation.in(state), active_->classes, indexes);
  if (!fresh) return tl::unexpected(fresh.error());
  auto stale = build_kernel_table(active_->situation.in(policy::stale(state)), active_->classes, indexes);
  if (!stale) return tl::unexpected(stale.error());
  const std::uint32_t primary = primary_link(view, tunnels_.named());
  RouteOptions route_options;
  route_options.mark_mask = config_.mark_mask;
  route_options.first_table = config_.first_table;
  route_options.first_priority = config_.first_priority;
  std::vector<std::uint32_t> underlays;
  for (std::uint32_t t = 0; t < tunnels_.named().size(); ++t)
    if (const Link* link = view.link(underlay(active_->policy, t, view, state))) underlays.push_back(link->index);
  std::sort(underlays.begin(), underlays.end());
  auto routes = plan_routes(
      *fresh, route_facts(view, primary, fresh->tunnel_interfaces, tunnels_.named(), config_.inner_bridges, underlays),
      route_options);
  if (!routes) return tl::unexpected(routes.error());
  Desired out;
  out.interfaces = interfaces_of(view, fresh->tunnel_interfaces, config_.inner_bridges);
  out.tunnel_addresses = tunnel_addresses(view, fresh->tunnel_interfaces, tunnels_.named());
  out.sources = tunnel_sources(view, tunnels_.named());
  out.unanswered = unanswered_addresses(view, out.tunnel_addresses);
  out.exemptions = exemptions(fresh->exemptions, tunnel_numbers_, tunnels_.named());
  out.outer = outer_packets(tunnels_.named());
  for (const auto& [app, number] : app_numbers_)
    out.tables.apps.push_back({number, active_->classes.as_owner()[app], active_->classes.as_spawner()[app]});
  const auto pairs = active_->classes.pairs();
  out.tables.pairs.assign(pairs.begin(), pairs.end());
  if (lookups_ != nullptr) lookups_->plan({active_, &state_, tunnels_.named(), &resolvers_, names_}, out.tables.pairs);
  if (proxies_ != nullptr) out.tables.proxies = proxies_->plan(tunnels_.named());
  out.tables.spawners = active_->classes.spawners();
  out.tables.policy = active_->number();
  for (std::uint32_t t = 0; t < fresh->connected.size(); ++t)
    out.tables.connected.push_back(fresh->connected[t]                                      ? tunnel_connected
                                   : may_wait(tunnels_.on_demand(t)) && connections_wait(t) ? tunnel_awaited
                                                                                            : tunnel_down);
  out.tables.fresh = std::move(fresh->words);
  out.tables.stale = std::move(stale->words);
  // An audit leaves the system's routes alone: ours refuse what has no way, and steer the rest.
  if (!options_.audit) out.routes = std::move(*routes);
  return out;
}

void Agent::publish() {
  if (stopping_) return;
  published_ = loop_.now();
  quiet_beats_ = 0;
  state_ = seen();
  auto all = desired(state_);
  if (!all) {
    guard(guard_event::Failed{part_table, all.error().what, false});
    policy(policy_event::ActivationFailed{all.error().what});
    return;
  }
  owners_changed();
  put(std::move(*all));
  remember();
  tell_followers();
}

void Agent::put(Desired all) {
  const std::vector<PartFailure> failures = guard_->put(std::move(all));
  std::uint8_t failed = 0;
  bool race = !failures.empty();
  for (const PartFailure& f : failures) {
    failed = static_cast<std::uint8_t>(failed | f.parts);
    race = race && f.error.kind == ErrorKind::environment;
  }
  // An interface went while we wrote of it: look again, at once. What is there blocks by itself what it does not know.
  if (race && ++races_ <= most_races && monitor_->refresh()) {
    publish_timer_.reset();
    return network_changed();  // the monitor will not tell of what it has read for us
  }
  races_ = 0;
  for (const PartFailure& f : failures)
    guard(guard_event::Failed{f.parts, (f.error.where.empty() ? "" : f.error.where + ": ") + f.error.what, false});
  if (between_tables_ && (failed & part_table) == 0) {
    between_tables_ = false;
    owners_changed();
  }
  if (lookups_ != nullptr && (failed & part_table) == 0) {
    lookups_->in_force();
    proxies_->in_force();
    if (resolved_) lookups_->steers() ? resolved_->hide() : resolved_->show();
  }
  for (std::uint32_t t = 0; (failed & part_table) == 0 && t < tunnels_.named().size(); ++t)
    if (tunnels_.on_demand(t).up) lookup_holds_.release(t);
  constexpr std::uint8_t parts = part_programs | part_gate | part_table | part_routes;
  guard(guard_event::Done{static_cast<std::uint8_t>(parts & ~failed)});
}

void Agent::remember() {
  RememberedTunnels now = tunnels_.remember();
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.was_up == b.second.was_up && a.second.settings == b.second.settings;
  };
  if (now.size() == remembered_.size() && std::equal(now.begin(), now.end(), remembered_.begin(), same)) return;
  remembered_ = std::move(now);
  if (auto kept = store_.keep(remembered_); !kept) log("what was wanted cannot be kept: " + kept.error().what, true);
}

// --- The guard -------------------------------------------------------------------------------------------------------

void Agent::guard(const GuardEvent& event) {
  GuardStep next = step(guard_life_, event);
  guard_life_ = std::move(next.state);
  for (const GuardAction& action : next.actions) {
    if (std::holds_alternative<guard_action::Block>(action)) {
      if (guard_) guard_->block();
    } else if (std::holds_alternative<guard_action::Repair>(action)) {
      if (auto seen = monitor_->refresh(); !seen) {
        guard(guard_event::Failed{part_network, seen.error().what, false});
        continue;
      }
      guard(guard_event::Done{part_network});
      network_changed();
      publish();
    } else if (const auto* retry = std::get_if<guard_action::StartRetry>(&action)) {
      retry_timer_ = loop_.after(retry->after, [this] { guard(guard_event::RetryDue{}); });
    } else if (std::holds_alternative<guard_action::AnnounceReady>(action)) {
      outside_.notify("READY=1\nSTATUS=in force");
    } else if (const auto* tell = std::get_if<guard_action::Tell>(&action)) {
      log(tell->text, tell->loud, {{"VPN_GUARD", std::string(to_string(guard_life_.phase))}});
    } else if (const auto* end = std::get_if<guard_action::GiveUp>(&action)) {
      log("cannot guard this machine: " + end->what, true);
    }
  }
}

void Agent::beat() {
  if (stopping_) return;
  check();  // first: what the beat writes is then compared with itself
  if (auto failure = guard_->beat()) guard(guard_event::Failed{failure->parts, failure->error.what, false});
  if (resolved_) resolved_->look();
  outside_.notify("WATCHDOG=1");
  if (++quiet_beats_ == 2) give_back_memory();  // since a publication: once
  beat_timer_ = loop_.after(beat_every, [this] { beat(); });
}

// The socket is the whole machine's: an agent that guards a part of it leaves it alone, unless it is told which one.
void Agent::hide_resolved() {
  std::string path = config_.resolved_socket;
  if (path.empty() && options_.cgroup == cgroup_mount()) path = "/run/systemd/resolve/io.systemd.Resolve";
  if (path.empty()) return;
  resolved_.emplace(loop_, path,
                    [this](const Error& error) { log(error.where + " " + error.what + "; " + error.help, true); });
  if (lookups_ != nullptr)
    lookups_->resolved_is_away();
  else
    resolved_->show();  // an agent before this audit may have hidden it
}

void Agent::check() {
  if (stopping_ || !guard_) return;
  for (const PartFailure& f : guard_->check()) guard(guard_event::Failed{f.parts, f.error.what, false});
}

void Agent::check_soon() {
  if (check_timer_ != nullptr) return;
  check_timer_ = loop_.after(check_pause, [this] {
    check_timer_.reset();
    check();
  });
}

}  // namespace vpn::agent
