#include "compiler/analyse/shadow.h"

#include <algorithm>

#include "compiler/analyse/words.h"
#include "policy/situation.h"

namespace vpn::analyse {

namespace fb = policy::fb;
using policy::Plan;
using policy::Rule;

void Shadows::see(const View& view, const Who& who, const Governed& by) {
  if (plan_ == nullptr) plan_ = view.situation(0).data().plan.get();
  for (const std::uint32_t vpn : by.excluded_from) excludes_.insert(vpn);
  if (who.members.empty() || by.by_per_app == policy::none) return;
  for (const Who::Member& m : who.members)
    if (space_.spawners()[m.spawner].example.empty()) governs_.emplace(m.owner, by.by_per_app);
  governs_.emplace(policy::none, by.by_per_app);
}

void Shadows::see(const Who& who, const policy::Decision& decision) {
  decided_.emplace(decision.rule, decision.source);
  if (decision.rule == Rule::S7 && decision.tunnel != policy::none) tunnels_.insert(decision.tunnel);
  if (decision.rule != Rule::S3a && decision.rule != Rule::S3c) return;
  for (const Who::Member& m : who.members) decided_for_.emplace(decision.rule, m.owner);
}

bool Shadows::decided(Rule rule, std::uint32_t source) const { return decided_.count({rule, source}) != 0; }

void Shadows::add(std::uint32_t source, std::string what, std::string why) {
  out_.push_back({source, std::move(what), std::move(why)});
}

std::string Shadows::name_of(std::uint32_t tunnel) const {
  for (const Tunnel& t : space_.tunnels())
    if (t.index[0] == tunnel) return t.name;
  return {};
}

namespace {

/// Whether some app may send traffic of the service.
bool can_be(const Plan& plan, policy::Services service) {
  std::uint32_t roles = 0;
  for (const Plan::AppClass& c : plan.classes) roles |= c.roles;
  return std::any_of(plan.selectors.begin(), plan.selectors.end(), [&](const Plan::Selector& s) {
    return (s.service & service) != 0 && (s.roles == 0 || (s.roles & roles) != 0);
  });
}

}  // namespace

void Shadows::find_always_on(const Plan& plan) {
  const Plan::AlwaysOn& a = *plan.always_on;
  for (const Plan::AlwaysOnTunnel& t : a.tunnels)
    if (!decided(Rule::S3e, t.source))
      add(t.source, "the tunnel '" + name_of(t.tunnel) + "'",
          "a tunnel configuration before it takes every interface that this one would");
  for (const Plan::ServiceException& s : a.services)
    if (!decided(Rule::S3b, s.source))
      add(s.source, "a service exception",
          can_be(plan, s.service)
              ? "an exception before it takes the same traffic"
              : "only apps with a role make this service, and the policy knows none: the app map can "
                "name one");
  if (a.captive_websheet && !decided(Rule::S3a, a.captive_websheet_source))
    add(a.captive_websheet_source, "AllowCaptiveWebSheet", "no app of the policy is the captive web sheet");
  if (a.captive_all && !decided(Rule::S3a, a.captive_all_source))
    add(a.captive_all_source, "AllowAllCaptiveNetworkPlugins", "no app of the policy is a captive networking app");
  find_app_exceptions(plan);
  for (const Plan::Device& d : plan.devices)
    add(d.source, "the VPN '" + name_of(d.tunnel) + "'", "an always-on VPN decides before it");
  for (const Plan::PerApp& v : plan.per_app)
    add(v.source, "the per-app VPN '" + name_of(v.tunnel) + "'", "an always-on VPN decides before it");
}

void Shadows::find_app_exceptions(const Plan& plan) {
  for (std::uint32_t app = 0; app < plan.app_exceptions.size(); ++app) {
    const Plan::AppExceptions& e = plan.app_exceptions[app];
    if (e.any == policy::none && e.udp == policy::none && e.tcp == policy::none && e.captive_plugin == policy::none)
      continue;
    const std::string name(policy_.apps().name(app));
    const std::uint32_t owner = space_.owner_of(0)[app];
    const bool excepted = decided_for_.count({Rule::S3c, owner}) != 0;
    const std::string what = "the exception of '" + name + "'";
    for (const std::uint32_t source : {e.any, e.udp, e.tcp})
      if (source != policy::none && !excepted)
        add(source, what, "every flow of the app belongs to a service that ServiceExceptions decides");
    if (e.any != policy::none)
      for (const std::uint32_t source : {e.udp, e.tcp})
        if (source != policy::none) add(source, what, "another entry excepts the app whatever the protocol");
    if (e.captive_plugin == policy::none) continue;
    const std::string plugin = "the captive networking app '" + name + "'";
    if (plan.always_on->captive_all)
      add(e.captive_plugin, plugin, "AllowAllCaptiveNetworkPlugins is 1: the list is not read");
    else if (decided_for_.count({Rule::S3a, owner}) == 0)
      add(e.captive_plugin, plugin, "it may talk to the portal without the list");
  }
}

void Shadows::find_per_app(const Plan& plan) {
  for (std::uint32_t v = 0; v < plan.per_app.size(); ++v) {
    const Plan::PerApp& vpn = plan.per_app[v];
    const std::string what = "the per-app VPN '" + name_of(vpn.tunnel) + "'";
    if (governs_.count({policy::none, v}) == 0) {
      add(vpn.source, what, "no app is mapped to it, or another per-app VPN takes all of its apps first");
      continue;
    }
    std::vector<std::string> taken;
    for (std::uint32_t app = 0; app < plan.app_classes.size(); ++app) {
      const auto words = policy::cut(plan.governed_words, plan.class_of(app).governed);
      const bool is_mapped = v / 64 < words.size() && (words[v / 64] >> (v % 64) & 1u) != 0;
      if (is_mapped && governs_.count({space_.owner_of(0)[app], v}) == 0) taken.emplace_back(policy_.apps().name(app));
    }
    if (!taken.empty()) add(vpn.source, what + " for " + listed(taken), "another per-app VPN takes them first");
  }
  for (std::size_t l = 0; l < plan.lists.size(); ++l) {
    const Plan::DomainList& list = plan.lists[l];
    if (list.kind != fb::ListKind::excluded || excludes_.count(list.owner) != 0) continue;
    const fb::DomainList* made = policy_.body().domain_lists()->Get(static_cast<flatbuffers::uoffset_t>(l));
    if (made->count() == 0) continue;
    add(made->source(), "ExcludedDomains of '" + name_of(plan.per_app[list.owner].tunnel) + "'",
        "the VPN governs no flow that could be excluded");
  }
}

void Shadows::find_devices(const Plan& plan) {
  for (const Plan::Device& d : plan.devices) {
    const std::string what = "the VPN '" + name_of(d.tunnel) + "'";
    if (d.include_all) {
      if (!decided(Rule::S5f, d.include_all_source))
        add(d.include_all_source, what, "a VPN before it takes everything");
      struct Key {
        bool is_set;
        Rule rule;
        std::uint32_t source;
        const char *name, *why;
      };
      const Key keys[] = {
          {d.exclude_local, Rule::S5c, d.exclude_local_source, "ExcludeLocalNetworks",
           "a VPN before it takes everything"},
          {d.exclude_cellular, Rule::S5d, d.exclude_cellular_source, "ExcludeCellularServices",
           "no app of the policy has a role in cellular services"},
          {d.exclude_apns, Rule::S5e, d.exclude_apns_source, "ExcludeAPNs", "a VPN before it takes everything"},
          {d.exclude_device, Rule::S5b, d.exclude_device_source, "ExcludeDeviceCommunication",
           "no app of the policy has a role in device communication"}};
      for (const Key& k : keys)
        // A default is nobody's rule: only keys that the profile has are worth a word.
        if (k.is_set && k.source != d.source && !decided(k.rule, k.source)) add(k.source, k.name, k.why);
    } else if (d.enforce_routes) {
      if (!decided(Rule::S6b, d.enforce_source)) add(d.enforce_source, what, "a VPN before it decides for every route");
    } else if (tunnels_.count(d.tunnel) == 0) {
      add(d.source, what, "a VPN before it decides for every route");
    }
  }
}

Result<void> Shadows::find_on_demand(const fb::OnDemand* on_demand) {
  if (on_demand == nullptr || !on_demand->enabled() || on_demand->rules() == nullptr) return {};
  const auto all = networks({&on_demand, 1}, {});
  if (!all) return tl::unexpected(all.error());
  for (std::uint32_t r = 0; r < on_demand->rules()->size(); ++r)
    if (std::none_of(all->begin(), all->end(), [&](const Network& n) { return n.rules[0] == r; }))
      add(on_demand->rules()->Get(r)->source(), "on-demand rule " + std::to_string(r + 1),
          "on every network a rule before it holds, or what it asks for contradicts itself");
  return {};
}

Result<std::vector<Shadowed>> Shadows::find() {
  if (plan_ == nullptr) return std::vector<Shadowed>{};
  if (plan_->always_on) {
    find_always_on(*plan_);
  } else {
    find_per_app(*plan_);
    find_devices(*plan_);
    for (const Plan::PerApp& v : plan_->per_app)
      if (auto done = find_on_demand(v.on_demand); !done) return tl::unexpected(done.error());
    for (const Plan::Device& d : plan_->devices)
      if (auto done = find_on_demand(d.on_demand); !done) return tl::unexpected(done.error());
  }
  std::stable_sort(out_.begin(), out_.end(), [](const Shadowed& a, const Shadowed& b) { return a.source < b.source; });
  return std::move(out_);
}

}  // namespace vpn::analyse
