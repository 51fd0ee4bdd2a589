#include "agent/control/tunnels.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "agent/files/files.h"
#include "agent/network/lookup.h"
#include "policy/ascii.h"
#include "policy/flat_text.h"
#include "policy/plan.h"
#include "policy_generated.h"

namespace vpn::agent {

namespace act = tunnel_action;
namespace ev = tunnel_event;
namespace demand_act = on_demand_action;
namespace demand_ev = on_demand_event;

struct Tunnels::Entry {
  std::uint32_t index = 0;
  std::string id, name, server;
  TunnelConfiguration configuration;
  TunnelLife life;
  std::unique_ptr<Provider> provider;
  InterfaceProvider* watched = nullptr;  // of `provider`, where it is one
  ClientProvider* client = nullptr;      // likewise
  bool demanded = false;                 // by an always-on VPN
  OnDemandLife on_demand;
  std::string underlay, underlay_facts;
  std::map<std::string, std::vector<policy::Address>> found;  // by the last look-ups
  std::vector<std::string> to_find;                           // names, the next one last
  std::unique_ptr<Waiting> retry, lookup, on_demand_patience, count;
  std::optional<ExternalTunnel> external;  ///< what the configuration says of it
  policy::fb::Provider kind = policy::fb::Provider::external;
  // Of one that was dropped.
  bool leaving = false;
  std::shared_ptr<const void> keep;
  std::unique_ptr<Waiting> patience, sweep;
};

namespace {

constexpr std::size_t most_names = 16;

// What a roam changes: the interface, its addresses, its gateway.
std::string facts_of(const NetworkView& view, const std::string& interface) {
  const Link* link = view.link(interface);
  if (link == nullptr) return {};
  std::string out = std::to_string(link->index);
  for (const LinkAddress& a : view.addresses)
    if (a.link == link->index) out += " " + a.address.to_string();
  for (const MainRoute& r : view.routes)
    if (r.link == link->index && r.destination.length == 0 && r.gateway) out += " via " + r.gateway->to_string();
  return out;
}

// A folder's name from an identifier that may hold anything.
std::string folder_name(const std::string& id) {
  std::string out;
  for (const char c : id) {
    const bool plain = ascii::is_letter(c) || ascii::is_digit(c) || c == '-';
    out += plain ? c : '_';
  }
  return out;
}

std::optional<ExternalTunnel> external_of(const Config& config, const std::string& id) {
  for (const auto& [name, external] : config.external)
    if (policy::compare_ids(name, id) == 0) return external;
  return std::nullopt;
}

// A charon is given three seconds to end by itself.
constexpr std::chrono::milliseconds leave_limit{6000};

}  // namespace

Tunnels::Tunnels(Loop& loop, std::vector<ProviderFactory> factories, Hooks hooks)
    : loop_(loop), factories_(std::move(factories)), hooks_(std::move(hooks)) {}

Tunnels::~Tunnels() = default;

void Tunnels::drop(const policy::Policy& next, const Config& config, const std::shared_ptr<const void>& keep) {
  const auto stays = [&](const Entry& entry) {
    const auto* tunnels = next.body().tunnels();
    for (std::uint32_t i = 0; tunnels != nullptr && i < tunnels->size(); ++i) {
      const auto* t = tunnels->Get(i);
      if (policy::compare_ids(t->id()->string_view(), entry.id) != 0) continue;
      const auto external = external_of(config, entry.id);
      const auto source = [](const auto& e) { return !e ? 0 : e->watched ? 1 : 2; };
      return t->provider() == entry.kind && source(external) == source(entry.external);
    }
    return false;
  };
  for (auto& entry : entries_)
    if (!stays(*entry)) take_down(std::move(entry), keep);
  std::erase(entries_, nullptr);
  named_.clear();
  for (const auto& e : entries_) named_.push_back({e->id, &e->life});
}

void Tunnels::take_down(std::unique_ptr<Entry> entry, std::shared_ptr<const void> keep) {
  entry->retry.reset();
  entry->lookup.reset();
  entry->on_demand_patience.reset();
  entry->count.reset();
  if (entry->provider == nullptr) return;
  hooks_.tell("tunnel " + printable(entry->id) + ": no longer in the policy, taken down");
  Entry* const e = entry.get();
  e->leaving = true;
  e->keep = std::move(keep);
  e->patience = loop_.after(leave_limit, [this, e] {
    hooks_.tell("tunnel " + printable(e->id) + ": its provider does not say that it has ended");
    gone(*e);
  });
  leaving_.push_back(std::move(entry));
  e->provider->disconnect();
}

// Not within a call of its provider.
void Tunnels::gone(const Entry& entry) {
  const std::string id = entry.id;
  std::erase_if(leaving_, [&](const auto& e) { return e.get() == &entry; });
  for (const auto& e : entries_)
    if (e->provider == nullptr && policy::compare_ids(e->id, id) == 0) make_provider(*e);
}

void Tunnels::set(const policy::Policy& policy, const Secrets& secrets, const Config& config,
                  const std::string& state_dir, const RememberedTunnels& remembered) {
  std::vector<std::unique_ptr<Entry>> before;
  before.swap(entries_);
  named_.clear();
  for (const auto& e : before) e->provider.reset();  // one provider at a time has a tunnel
  policy_ = &policy;
  const auto* tunnels = policy.body().tunnels();
  const std::vector<OnDemandTerms> terms = on_demand_terms(policy);
  for (std::uint32_t i = 0; tunnels != nullptr && i < tunnels->size(); ++i) {
    const auto* t = tunnels->Get(i);
    auto entry = std::make_unique<Entry>();
    entry->index = i;
    entry->id = t->id()->str();
    entry->name = policy::copy(t->name());
    entry->server = policy::copy(t->server());
    entry->kind = t->provider();
    entry->external = external_of(config, entry->id);
    entry->on_demand.terms = terms[i];
    entry->configuration = {&policy, i, &secrets, state_dir + "/tunnels/" + folder_name(entry->id), config.enrolment};
    const auto same = std::find_if(before.begin(), before.end(),
                                   [&](const auto& e) { return policy::compare_ids(e->id, entry->id) == 0; });
    if (same != before.end()) {
      entry->life = std::move((*same)->life);
      entry->life.retry_pending = entry->life.attempting = false;
      entry->life.configured = true;
      entry->found = std::move((*same)->found);
      // The rules of the new policy are looked at anew; what is up is up.
      entry->on_demand.starting = entry->life.wanted;
      entry->on_demand.up = entry->life.status == policy::TunnelStatus::connected;
    } else if (const auto kept = remembered.find(entry->id); kept != remembered.end()) {
      entry->life.wanted = entry->on_demand.starting = true;
      entry->life.was_up = kept->second.was_up;
      entry->life.report.settings = kept->second.settings;
      entry->life.report.process = kept->second.process;
      entry->life.status = entry->life.was_up ? policy::TunnelStatus::reasserting : policy::TunnelStatus::connecting;
    }
    entries_.push_back(std::move(entry));
  }
  for (const auto& e : entries_) named_.push_back({e->id, &e->life});
  for (const auto& e : entries_) {
    // One that is still ending has its files, its cgroup and its interface: it is waited for.
    const bool busy = std::any_of(leaving_.begin(), leaving_.end(),
                                  [&](const auto& l) { return policy::compare_ids(l->id, e->id) == 0; });
    if (!busy) make_provider(*e);
  }
}

void Tunnels::make_provider(Entry& entry) {
  Entry* const e = &entry;
  const auto listener = [this, e](const ProviderReport& report) {
    if (!e->leaving) {
      const bool asks_else = e->life.report.question != report.question;
      dispatch(*e, ev::Reported{report, present(report)});
      if (asks_else) hooks_.settings_changed();  // who follows the status sees it
      return;
    }
    const bool ended =
        report.status == policy::TunnelStatus::disconnected || report.status == policy::TunnelStatus::invalid;
    if (ended && e->sweep == nullptr) e->sweep = loop_.after(std::chrono::milliseconds(0), [this, e] { gone(*e); });
  };
  if (entry.external && entry.external->watched) {
    auto watched = std::make_unique<InterfaceProvider>(entry.external->options, listener);
    entry.watched = watched.get();
    entry.provider = std::move(watched);
  } else if (!entry.external) {
    for (const ProviderFactory& make : factories_)
      if (entry.provider == nullptr) entry.provider = make(loop_, entry.configuration, listener);
  }
  if (entry.provider == nullptr && (entry.external || entry.kind == policy::fb::Provider::external)) {
    auto client =
        std::make_unique<ClientProvider>(entry.external ? entry.external->options : ExternalOptions{}, listener);
    entry.client = client.get();
    entry.provider = std::move(client);
  }
  Result<void> ready = make_folder(entry.configuration.state_dir, 0700);
  if (entry.provider == nullptr) {
    ready = fail(ErrorKind::environment, "there is no provider for this kind of tunnel", {},
                 "give it an external client in agent.yaml");
  }
  if (ready) ready = entry.provider->configure(entry.configuration);
  if (ready) {
    if (entry.watched != nullptr) entry.watched->network_changed(view_);
    return;
  }
  ProviderReport unusable;
  unusable.status = policy::TunnelStatus::invalid;
  unusable.reason = ready.error().what + (ready.error().help.empty() ? "" : "; " + ready.error().help);
  listener(unusable);
}

std::uint32_t Tunnels::present(const ProviderReport& report) const {
  const Link* link = view_.link(report.settings.interface);
  return link == nullptr || report.settings.interface.empty() ? 0 : link->index;
}

void Tunnels::dispatch(Entry& entry, const TunnelEvent& event) {
  TunnelStep next = step(entry.life, event);
  entry.life = std::move(next.state);
  for (const TunnelAction& action : next.actions) {
    if (const auto* status = std::get_if<act::StatusChanged>(&action)) {
      hooks_.status_changed(entry.index, status->from, status->to);
      dispatch(entry, demand_ev::StatusSeen{status->to});
    } else if (std::holds_alternative<act::SettingsChanged>(action)) {
      hooks_.settings_changed();
    } else if (const auto* tell = std::get_if<act::Tell>(&action)) {
      hooks_.tell("tunnel " + printable(entry.id) + ": " + printable(tell->text));
    } else if (const auto* retry = std::get_if<act::StartRetry>(&action)) {
      entry.retry = loop_.after(retry->after, [this, e = &entry] { dispatch(*e, ev::RetryDue{}); });
    } else if (std::holds_alternative<act::StopRetry>(action)) {
      entry.retry.reset();
    } else if (std::holds_alternative<act::Disconnect>(action)) {
      entry.lookup.reset();
      if (entry.provider != nullptr) entry.provider->disconnect();
    } else {
      connect(entry);
    }
  }
}

void Tunnels::dispatch(Entry& entry, const OnDemandEvent& event) {
  OnDemandStep next = step(std::move(entry.on_demand), event);
  entry.on_demand = std::move(next.state);
  for (const OnDemandAct& action : next.actions) {
    if (const auto* hold = std::get_if<demand_act::Hold>(&action)) {
      hooks_.waits_changed(entry.index, hold->on);
    } else if (const auto* patience = std::get_if<demand_act::StartPatience>(&action)) {
      entry.on_demand_patience =
          loop_.after(patience->time, [this, e = &entry] { dispatch(*e, demand_ev::PatienceEnded{}); });
    } else if (std::holds_alternative<demand_act::StopPatience>(action)) {
      entry.on_demand_patience.reset();
    } else if (const auto* count = std::get_if<demand_act::StartCount>(&action)) {
      entry.count = loop_.after(count->after, [this, e = &entry] {
        const auto packets = hooks_.packets_sent(e->life.report.settings.interface);
        dispatch(*e, demand_ev::Counted{packets.value_or(0)});
      });
    } else if (std::holds_alternative<demand_act::StopCount>(action)) {
      entry.count.reset();
    } else if (const auto* tell = std::get_if<demand_act::Tell>(&action)) {
      hooks_.tell("tunnel " + printable(entry.id) + ": " + tell->text);
    } else if (std::holds_alternative<demand_act::Want>(action)) {
      dispatch(entry, ev::Want{});
    } else {
      dispatch(entry, ev::Unwant{});
    }
  }
}

// S1.d: names of servers are asked at the resolvers of the interface by which the tunnel goes out.
void Tunnels::connect(Entry& entry) {
  if (entry.provider == nullptr) return;
  entry.to_find = entry.provider->server_names();
  if (entry.to_find.empty() && !entry.server.empty()) entry.to_find.push_back(entry.server);
  if (entry.to_find.size() > most_names) entry.to_find.resize(most_names);
  find_servers(entry);
}

void Tunnels::find_servers(Entry& entry) {
  while (!entry.to_find.empty() && policy::Address::parse(entry.to_find.back())) {
    entry.found[entry.to_find.back()] = {*policy::Address::parse(entry.to_find.back())};
    entry.to_find.pop_back();
  }
  if (entry.to_find.empty()) {
    const auto servers = entry.found.find(entry.server);
    return entry.provider->connect(
        {entry.underlay, servers == entry.found.end() ? std::vector<policy::Address>() : servers->second, entry.found});
  }
  LookupRequest request{entry.to_find.back(), entry.underlay, {}};
  const auto known = resolvers_.find(entry.underlay);
  if (known != resolvers_.end()) {
    for (const std::string& server : known->second.dns_servers)
      if (const auto address = policy::Address::parse(server)) request.servers.push_back(*address);
  }
  entry.lookup = look_up(loop_, std::move(request), [this, e = &entry](LookupResult result) {
    e->lookup.reset();
    const std::string name = e->to_find.back();
    e->to_find.pop_back();
    // Nobody knows it at the moment: where it was before.
    if (!result.addresses.empty()) e->found[name] = std::move(result.addresses);
    if (e->to_find.empty() && e->found.empty())
      return dispatch(*e, ev::ProviderLost{"the server's name " + name + " cannot be looked up"});
    find_servers(*e);
  });
}

void Tunnels::network_changed(const NetworkView& view, const policy::DeviceState& state, const Resolvers& resolvers) {
  view_ = view;
  resolvers_ = resolvers;
  const std::vector<bool> wishes = demands(*policy_, state);
  for (const auto& e : entries_) {
    if (e->watched != nullptr) e->watched->network_changed(view_);
    dispatch(*e, ev::InterfaceSeen{present(e->life.report)});
    const std::string by = underlay(*policy_, e->index, view_, state);
    const std::string facts = facts_of(view_, by);
    if (by != e->underlay || facts != e->underlay_facts) {
      e->underlay = by;
      e->underlay_facts = facts;
      dispatch(*e, ev::UnderlayChanged{!by.empty()});
    }
    // Once for each time that its interface appears: where a user may switch it off, it stays off.
    if (std::exchange(e->demanded, wishes[e->index]) != wishes[e->index] && e->demanded) dispatch(*e, ev::Want{});
  }
  evaluate(state);
}

void Tunnels::wake() {
  for (const auto& e : entries_) {
    dispatch(*e, ev::UnderlayChanged{!e->underlay.empty()});
    check(e->index);
  }
}

void Tunnels::evaluate(const policy::DeviceState& state) {
  if (asleep_) return;
  const std::vector<NetworkDecision> decisions = network_decisions(*policy_, state, network_name(view_, state));
  for (const auto& e : entries_) dispatch(*e, demand_ev::NetworkSeen{decisions[e->index]});
}

std::vector<std::string> Tunnels::awaited() const {
  std::vector<std::string> out;
  for (const auto& e : entries_)
    if (!e->on_demand.network.awaits.empty()) out.push_back(e->on_demand.network.awaits);
  return out;
}

void Tunnels::used(std::uint32_t tunnel) {
  if (!asleep_ && tunnel < entries_.size()) dispatch(*entries_[tunnel], demand_ev::Used{});
}

void Tunnels::needed(std::uint32_t tunnel, const std::string& why) {
  if (!asleep_ && tunnel < entries_.size()) dispatch(*entries_[tunnel], demand_ev::HostNeedsIt{why});
}

void Tunnels::check(std::uint32_t tunnel) {
  if (tunnel < entries_.size() && entries_[tunnel]->provider != nullptr) entries_[tunnel]->provider->check();
}

const OnDemandLife& Tunnels::on_demand(std::uint32_t tunnel) const { return entries_[tunnel]->on_demand; }

Tunnels::Entry* Tunnels::find(std::string_view id) const {
  for (const auto& e : entries_)
    if (policy::compare_ids(e->id, id) == 0) return e.get();
  for (const auto& e : entries_)
    if (e->name == id && !id.empty()) return e.get();
  return nullptr;
}

Result<void> Tunnels::want(std::string_view id) {
  Entry* e = find(id);
  if (e == nullptr) return fail(ErrorKind::usage, "the policy has no such tunnel");
  if (const std::string no = refusal(e->on_demand, true); !no.empty()) return fail(ErrorKind::usage, no);
  dispatch(*e, demand_ev::UserAsked{true});
  dispatch(*e, ev::Want{});
  return {};
}

Result<void> Tunnels::unwant(std::string_view id) {
  Entry* e = find(id);
  if (e == nullptr) return fail(ErrorKind::usage, "the policy has no such tunnel");
  if (const std::string no = refusal(e->on_demand, false); !no.empty()) return fail(ErrorKind::usage, no);
  dispatch(*e, demand_ev::UserAsked{false});
  dispatch(*e, ev::Unwant{});
  return {};
}

Result<void> Tunnels::answer(std::string_view id, std::uint64_t question, WipedBytes answer) {
  Entry* e = find(id);
  if (e == nullptr) return fail(ErrorKind::usage, "the policy has no such tunnel");
  const auto& open = e->life.report.question;
  if (e->provider == nullptr || !open || open->number != question || !e->provider->answer(question, std::move(answer)))
    return fail(ErrorKind::usage, "the tunnel does not ask that any more", {},
                "'vpnagentctl status' shows what it asks");
  e->life.report.question.reset();
  return {};
}

std::string_view Tunnels::provider_kind(std::uint32_t tunnel) const {
  const Provider* p = entries_[tunnel]->provider.get();
  return p == nullptr ? std::string_view("none") : p->kind();
}

RememberedTunnels Tunnels::remember() const {
  RememberedTunnels out;
  for (const auto& e : entries_)
    if (e->life.wanted) out[e->id] = {e->life.was_up, e->life.report.settings, e->life.report.process};
  return out;
}

ClientProvider* Tunnels::client(const std::string& id) const {
  for (const auto& e : entries_)
    if (policy::compare_ids(e->id, id) == 0) return e->client;
  return nullptr;
}

}  // namespace vpn::agent
