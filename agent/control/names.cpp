#include "agent/control/names.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "agent/dns/hidden.h"
#include "agent/files/files.h"
#include "policy/kernel/packet.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

// Ports without a service, below 1024: while the agent is away nobody but root can take its place there. The first that
// is free.
constexpr std::uint16_t first_port = 1010, last_port = 1017;

std::vector<ForwarderPlace> places() {
  std::vector<ForwarderPlace> out;
  for (std::uint16_t port = last_port; port >= first_port; --port) out.push_back({own_address, port});
  return out;
}

// CLOCK_MONOTONIC, as the kernel's.
dns::Ties::Time monotonic_time() { return Loop::Clock::now().time_since_epoch(); }

constexpr std::size_t most_told = 1024;
constexpr std::uint16_t usual_port = 443;  // of what follows a lookup

std::vector<policy::Address> resolvers_of_network(const Names::Facts& facts) {
  std::vector<policy::Address> out;
  const auto known = facts.resolvers->find(facts.state->primary_interface);
  if (known == facts.resolvers->end()) return out;
  for (const std::string& text : known->second.dns_servers)
    if (const auto address = policy::Address::parse(text)) out.push_back(*address);
  return out;
}

}  // namespace

Names::Names(Loop& loop, Guard& guard, Log log, Refused refused)
    : loop_(loop),
      guard_(guard),
      log_(std::move(log)),
      refused_(std::move(refused)),
      ties_([this](const dns::TieOwner& owner, const policy::Address& address, policy::DomainClass a,
                   policy::DomainClass b) { return stricter(owner, address, a, b); },
            [this](const dns::TieOwner& owner, const policy::Address& address, const std::string& holds,
                   const std::string& loses) {
              ++shared_;
              log_(printable(std::string(identifier(owner.key()))) + " knows " + address.to_string() + " as " +
                       printable(holds) + " and as " + printable(loses) +
                       ", for which the policy says different things: the stricter holds",
                   false);
            }),
      inventions_(std::random_device()()) {
  auto opened = dns::Forwarder::open(loop_, places(), *this);
  if (!opened) {
    log_("names cannot decide: " + opened.error().what, true);
    return;
  }
  forwarder_ = std::move(*opened);
  guard_.datapath().set_forwarder(forwarder_->place());
}

Names::~Names() = default;

Names::Counts Names::counts() const {
  Counts out;
  if (forwarder_ != nullptr) {
    out.place = forwarder_->place();
    out.lookups = forwarder_->counts();
  }
  out.ties = ties_.size();
  out.shared = shared_;
  return out;
}

// --- What is in force ------------------------------------------------------------------------------------------------

void Names::policy_changes(const ActivePolicy& next) {
  in_force_ = false;
  if (forwarder_ != nullptr) forwarder_->cancel_all();
  trust_.clear();
  if (guard_.datapath().policy() == next.number()) {
    if (ties_.size() == 0) take_over(next);
    return;
  }
  other_policy_ = true;
  if (auto done = guard_.datapath().untie_all_names(); !done)
    log_("names of another policy cannot be taken away: " + done.error().what, true);
}

void Names::plan(Facts facts, std::vector<std::uint32_t>& pairs) {
  facts_ = std::move(facts);
  situation_.emplace(facts_.active->situation.in(*facts_.state));
  std::vector<const NetworkSettings*> settings;
  std::vector<bool> connected;
  for (const NamedTunnel& t : facts_.tunnels) {
    settings.push_back(&t.life->report.settings);
    connected.push_back(t.life->status == policy::TunnelStatus::connected);
  }
  plan_ = dns::plan_names(facts_.active->policy, settings, connected, resolvers_of_network(facts_));
  const policy::KernelClasses& classes = facts_.active->classes;
  by_name_.assign(classes.owner_count(), false);
  std::vector<bool> goes_here(classes.owner_count(), false);
  std::map<std::uint32_t, bool> by_group;
  const bool everybody = gate_ != nullptr && gate_->wants_all();
  for (std::uint32_t owner = VPN_OTHER; owner < classes.owner_count(); ++owner) {
    const std::uint32_t group = classes.group(owner, 0);
    for (std::uint32_t d = 1; d < classes.domain_count() && !by_name_[owner]; ++d)
      by_name_[owner] = classes.group(owner, d) != group;
    const policy::KernelClasses::Group& one = classes.groups()[group];
    const policy::AppTable& apps = facts_.active->policy.apps();
    const auto name = [&](std::uint32_t app) { return app == policy::none ? std::string_view() : apps.name(app); };
    const auto [it, fresh] = by_group.try_emplace(group, false);
    if (fresh) it->second = dns::is_steered(*situation_, plan_, {name(one.app), name(one.spawner)}, false);
    goes_here[owner] = everybody || by_name_[owner] || it->second;
  }
  look_for_hidden_services();
  steers_ = forwarder_ != nullptr && std::find(goes_here.begin(), goes_here.end(), true) != goes_here.end();
  if (forwarder_ == nullptr) return;
  for (std::uint32_t& pair : pairs)
    if (pair < goes_here.size() && goes_here[pair]) pair |= steered;
}

// Said once for each finding: an administrator can change it, and nobody else.
void Names::look_for_hidden_services() {
  std::string found;
  if (std::find(by_name_.begin(), by_name_.end(), true) != by_name_.end()) {
    const auto text = read_file("/etc/nsswitch.conf", 65536);
    for (const std::string& service : dns::hidden_services(text ? *text : std::string()))
      if (service != "resolve" || !resolved_is_away_) found += (found.empty() ? "" : ", ") + service;
  }
  if (!found.empty())
    found = "names decide, but apps may look them up past the agent: 'hosts:' in /etc/nsswitch.conf has " + found +
            " (docs/dns.md)";
  if (found == fault_) return;
  fault_ = found;
  if (!fault_.empty()) log_(fault_, true);
}

// From the earlier agent, which knew their names: of those that share a class, any one stands for them.
void Names::take_over(const ActivePolicy& policy) {
  for (const NameTie& tie : guard_.datapath().tied_names())
    for (policy::DomainClass c = 0; c < policy.policy.domains().class_count(); ++c)
      if (policy.classes.domain(c) == tie.domain) {
        ties_.remember(tie.app, tie.address, c, tie.expires);
        break;
      }
  wait_for_expiry();
}

void Names::in_force() {
  in_force_ = true;
  if (std::exchange(other_policy_, false)) {
    const policy::DomainTable& domains = facts_.active->policy.domains();
    ties_.reclassify([&](const std::string& name) { return domains.lookup(name); });
  }
  if (ties_.size() != 0) tell(ties_.again(monotonic_time()));
  wait_for_expiry();
}

void Names::tunnel_went() {
  if (forwarder_ != nullptr) forwarder_->cancel_all();
}

// --- What lookups ask ------------------------------------------------------------------------------------------------

std::string_view Names::identifier(Number number) const {
  const auto it = facts_.identifiers.find(number);
  return it == facts_.identifiers.end() ? std::string_view() : std::string_view(it->second);
}

dns::Questioner Names::questioner(std::uint32_t app, std::uint32_t spawner) const {
  return {identifier(app), identifier(spawner)};
}

bool Names::names_decide(const Asker& asker) const {
  const policy::AppTable& apps = facts_.active->policy.apps();
  const dns::Questioner who = questioner(asker.owner.app, asker.owner.spawner);
  const auto index = [&](std::string_view id) { return id.empty() ? policy::none : apps.find(id); };
  const std::uint32_t owner = facts_.active->classes.owner(index(who.app), index(who.spawned_by));
  return owner < by_name_.size() && by_name_[owner];
}

std::optional<Asker> Names::asker(std::uint8_t protocol, const policy::Address& address, std::uint16_t port) {
  return guard_.datapath().asker(protocol, address, port);
}

void Names::questions_read(std::chrono::nanoseconds before) { guard_.datapath().questions_read(before); }

dns::Choice Names::choose(const Asker& asker, const dns::Query& query) {
  if (!in_force_) return {{}, std::nullopt, "another policy is on its way"};
  return dns::choose(*situation_, plan_, questioner(asker.owner.app, asker.owner.spawner), query.name, asker.resolver);
}

std::optional<policy::Address> Names::invent(const dns::Query& query) {
  return inventions_.address_of(query.name, monotonic_time());
}

dns::Standing Names::standing(const Asker& asker, const dns::Query& query) {
  const policy::DomainClass domain = facts_.active->policy.domains().lookup(query.name);
  return {asker.owner.app, asker.owner.spawner, facts_.active->classes.domain(domain)};
}

Result<void> Names::ask_for(int socket, const Asker& asker, const dns::Query& query) {
  return guard_.datapath().ask_for(socket, asker.owner, standing(asker, query).name_class);
}

LookupAsked Names::describe(const Asker& asker, const dns::Query& query, const dns::Choice& choice) {
  const dns::Questioner who = questioner(asker.owner.app, asker.owner.spawner);
  return {std::string(who.app), std::string(who.spawned_by), query.name, query.type, choice.decision};
}

// As the kernel does: one event a second for each app and tunnel.
void Names::refused(const Asker& asker, const dns::Query& query, const dns::Choice& choice) {
  if (!in_force_ || choice.decision.verdict != policy::Verdict::drop) return;
  const dns::Ties::Time now = monotonic_time();
  if (told_.size() > most_told) told_.clear();
  const auto [it, fresh] = told_.try_emplace({asker.owner.app, choice.decision.tunnel}, now);
  if (!fresh && now - it->second < std::chrono::seconds(1)) return;
  it->second = now;
  DropEvent event;
  event.when = now;
  event.app = asker.owner.app;
  event.spawner = asker.owner.spawner;
  event.uid = asker.uid;
  event.remote = asker.resolver.value_or(own_address);
  event.remote_port = asker.resolver_port;
  event.protocol = IPPROTO_UDP;
  event.rule = static_cast<std::uint8_t>(choice.decision.rule);
  event.tunnel = static_cast<std::uint8_t>(choice.decision.tunnel < VPN_NO_TUNNEL ? choice.decision.tunnel
                                                                                  : std::uint32_t{VPN_NO_TUNNEL});
  event.early = true;
  refused_(event, query.name);
}

std::shared_ptr<TlsTrust> Names::trust(const dns::Resolver& resolver) {
  const auto [it, fresh] = trust_.try_emplace(resolver.identity);
  if (!fresh) return it->second;
  auto made = trust_of(facts_.active->policy.body(), resolver.identity,
                       [this](std::uint32_t number) { return facts_.active->secrets.find(number); });
  // Without it the resolver might answer something else, so it is not asked. Tried again with the next policy.
  if (!made) log_("lookups of " + printable(resolver.name) + " fail: " + made.error().what, true);
  if (made) it->second = std::move(*made);
  return it->second;
}

// --- Ties ------------------------------------------------------------------------------------------------------------

bool Names::stricter(const dns::TieOwner& owner, const policy::Address& address, policy::DomainClass a,
                     policy::DomainClass b) const {
  const auto how = [&](policy::DomainClass domain) {
    return dns::verdict_for(*situation_, questioner(owner.app, owner.spawner), domain, address, IPPROTO_TCP,
                            usual_port);
  };
  return is_stricter(how(a), how(b));
}

bool Names::tie(const Asker& asker, const dns::Query& query, std::span<const dns::AddressAnswer> addresses) {
  if (!in_force_) return false;
  if (addresses.empty()) return true;
  const policy::DomainClass domain = facts_.active->policy.domains().lookup(query.name);
  // A proxy is asked for the name, not for the address.
  const auto verdict = dns::verdict_for(*situation_, questioner(asker.owner.app, asker.owner.spawner), domain,
                                        addresses.front().address, IPPROTO_TCP, usual_port);
  if (verdict.verdict != policy::Verdict::proxy && !names_decide(asker)) return true;
  const auto changes =
      ties_.add({asker.owner.app, asker.owner.spawner}, query.name, domain, addresses, monotonic_time());
  if (!changes && !std::exchange(full_said_, true))
    log_("an app knows too many addresses by their names: further lookups of it fail until some have run out", true);
  const bool told = changes && tell(*changes);
  wait_for_expiry();
  return told;
}

std::string Names::host_of(const Handed& handed) {
  if (std::string name = inventions_.name_of(handed.remote, monotonic_time()); !name.empty()) return name;
  return ties_.name_of(handed.owner.app != 0 ? handed.owner.app : handed.owner.spawner, handed.remote);
}

std::optional<std::uint32_t> Names::proxy_of(const Handed& handed) {
  if (!in_force_ || !situation_) return std::nullopt;
  const policy::DomainClass domain = facts_.active->policy.domains().lookup(host_of(handed));
  policy::Flow flow =
      dns::flow_of(questioner(handed.owner.app, handed.owner.spawner), domain, handed.remote, IPPROTO_TCP, handed.port);
  if (handed.owner.uncertain) flow.owner = policy::Owner::unattributed;
  const policy::Decision decision = policy::decide(*situation_, flow);
  if (decision.verdict != policy::Verdict::proxy) return std::nullopt;
  return decision.tunnel;
}

bool Names::tell(const std::vector<dns::TieChange>& changes) {
  if (changes.empty()) return true;
  std::vector<NameTie> ties;
  ties.reserve(changes.size());
  for (const dns::TieChange& c : changes)
    ties.push_back({c.app, c.address, facts_.active->classes.domain(c.domain), c.expires});
  const auto done = guard_.datapath().tie_names(ties);
  if (!done) log_("names cannot be tied to addresses: " + done.error().what, true);
  return done.has_value();
}

void Names::expire() {
  if (in_force_) tell(ties_.expire(monotonic_time()));
  wait_for_expiry();
}

void Names::wait_for_expiry() {
  const auto next = ties_.next();
  if (next == expiry_ && (expiry_timer_ != nullptr || !next)) return;
  expiry_ = next;
  expiry_timer_.reset();
  if (!next) return;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - monotonic_time());
  expiry_timer_ = loop_.after(std::max(wait, std::chrono::milliseconds(1)), [this] {
    expiry_timer_.reset();
    expire();
  });
}

}  // namespace vpn::agent
