#include "policy/plan.h"

#include <algorithm>

#include "policy/ascii.h"

namespace vpn::policy {
namespace {

// Each element of a FlatBuffer's vector; an absent one has none.
template <class T, class Visit>
void each(const flatbuffers::Vector<T>* v, const Visit& visit) {
  if (v == nullptr) return;
  for (const auto& item : *v) visit(item);
}

template <class T>
std::uint32_t length(const std::vector<T>& v) {
  return static_cast<std::uint32_t>(v.size());
}

// The services that some rule of this policy asks for; nothing else of S2 needs to be found out.
Services asked_for(const Plan& plan) {
  Services all = service_bit(Service::cellular_only);  // S1.e
  if (plan.always_on) {
    for (const Plan::ServiceException& s : plan.always_on->services) all = static_cast<Services>(all | s.service);
    return all;  // nothing after S3 is reached
  }
  const bool include_all =
      std::any_of(plan.devices.begin(), plan.devices.end(), [](const Plan::Device& d) { return d.include_all; });
  if (!include_all) return all;
  for (const Service s : {Service::companion, Service::device_communication, Service::cellular_services,
                          Service::voicemail, Service::apns})
    all = static_cast<Services>(all | service_bit(s));
  return all;
}

}  // namespace

int compare_ids(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i)
    if (const int order = ascii::lower(a[i]) - ascii::lower(b[i]); order != 0) return order;
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

std::uint32_t Plan::tunnel(std::string_view id) const {
  const auto it =
      std::lower_bound(tunnels_by_id_.begin(), tunnels_by_id_.end(), id,
                       [&](std::uint32_t t, std::string_view x) { return compare_ids(tunnels[t].id, x) < 0; });
  return it != tunnels_by_id_.end() && compare_ids(tunnels[*it].id, id) == 0 ? *it : none;
}

bool Plan::may_be_bypassed(const PerApp& vpn) {
  if (vpn.on_demand == nullptr || !vpn.on_demand->enabled() || vpn.on_demand->rules() == nullptr) return false;
  const auto& rules = *vpn.on_demand->rules();
  return std::any_of(rules.begin(), rules.end(),
                     [](const fb::OnDemandRule* r) { return r->action() == fb::OnDemandAction::disconnect; });
}

void Plan::read_tunnels(const fb::Policy& body) {
  each(body.tunnels(), [&](const fb::Tunnel* t) { tunnels.push_back({t->id()->string_view(), t->app_proxy()}); });
  for (std::uint32_t i = 0; i < tunnels.size(); ++i) tunnels_by_id_.push_back(i);
  std::sort(tunnels_by_id_.begin(), tunnels_by_id_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return compare_ids(tunnels[a].id, tunnels[b].id) < 0; });
}

void Plan::read_apps(const fb::Policy& body) {
  each(body.app_classes(), [&](const fb::AppClass* c) {
    AppClass& out = classes.emplace_back();
    out.roles = c->roles();
    out.governed.begin = length(governed_words);
    each(c->governed(), [&](std::uint64_t word) { governed_words.push_back(word); });
    out.governed.size = length(governed_words) - out.governed.begin;
    out.tools.begin = length(tools);
    each(c->tools(), [&](const fb::ToolRule* rule) {
      each(rule->tools(), [&](std::uint32_t app) { tools.push_back({rule->per_app(), app}); });
    });
    out.tools.size = length(tools) - out.tools.begin;
  });
  if (body.apps() == nullptr) return;
  app_classes.reserve(body.apps()->size());
  for (const fb::App* a : *body.apps()) app_classes.push_back(a->class_());
  if (body.always_on() == nullptr) return;
  app_exceptions.reserve(body.apps()->size());
  for (const fb::App* a : *body.apps())
    app_exceptions.push_back({a->exception_any(), a->exception_udp(), a->exception_tcp(), a->captive_plugin()});
}

void Plan::read_always_on(const fb::Policy& body) {
  const fb::AlwaysOn* a = body.always_on();
  if (a == nullptr) return;
  always_on = AlwaysOn{a->captive_websheet(),
                       a->captive_all(),
                       a->captive_websheet_source(),
                       a->captive_all_source(),
                       a->source(),
                       a->tunnels_source(),
                       {},
                       {}};
  each(a->tunnels(), [&](const fb::AlwaysOnTunnel* t) {
    always_on->tunnels.push_back({t->tunnel(), t->interfaces(), t->source()});
  });
  each(a->services(), [&](const fb::ServiceException* s) {
    always_on->services.push_back(
        {service_bit(static_cast<Service>(s->service())), s->action() == fb::ServiceAction::drop, s->source()});
  });
}

void Plan::read_vpns(const fb::Policy& body) {
  each(body.per_app(), [&](const fb::PerApp* v) { per_app.push_back({v->tunnel(), v->source(), v->on_demand()}); });
  words = (per_app.size() + 63) / 64;
  each(body.devices(), [&](const fb::Device* d) {
    Device& out = devices.emplace_back();
    out.tunnel = d->tunnel();
    out.source = d->source();
    out.include_all_source = d->include_all_source();
    out.enforce_source = d->enforce_source();
    out.exclude_local_source = d->exclude_local_source();
    out.exclude_cellular_source = d->exclude_cellular_source();
    out.exclude_apns_source = d->exclude_apns_source();
    out.exclude_device_source = d->exclude_device_source();
    out.include_all = d->include_all();
    out.enforce_routes = d->enforce_routes();
    out.exclude_local = d->exclude_local();
    out.exclude_cellular = d->exclude_cellular();
    out.exclude_apns = d->exclude_apns();
    out.exclude_device = d->exclude_device_communication();
    out.override_primary = d->override_primary();
    out.on_demand = d->on_demand();
  });
  each(body.domain_lists(), [&](const fb::DomainList* l) { lists.push_back({l->kind(), l->owner()}); });
}

void Plan::read_services(const fb::Policy& body) {
  const Services wanted = asked_for(*this);
  each(body.services(), [&](const fb::ServiceSelector* s) {
    Selector out{service_bit(static_cast<Service>(s->service())), s->protocol(), s->local_only(), s->role(), 0, {}};
    if ((out.service & wanted) == 0) return;
    out.ports.begin = length(ports);
    each(s->ports(), [&](std::uint16_t port) { ports.push_back(port); });
    out.ports.size = length(ports) - out.ports.begin;
    if (s->prefixes() != nullptr) {
      out.dimension = dimensions++;
      // The reader has parsed them already.
      each(s->prefixes(), [&](const flatbuffers::String* p) {
        selector_ranges.push_back({Prefix::parse(p->string_view()).value_or(Prefix{}), out.dimension, 1, 0});
      });
    }
    selectors.push_back(out);
    selector_roles |= out.roles;
  });
  const auto closed =
      std::stable_partition(selectors.begin(), selectors.end(), [](const Selector& s) { return s.roles == 0; });
  open_selectors = static_cast<std::size_t>(closed - selectors.begin());
}

void Plan::read_hosts(const fb::Policy& body) {
  each(body.servers(), [&](const flatbuffers::String* s) { servers.push_back(s->string_view()); });
  each(body.probes(), [&](const fb::ProbeTarget* p) {
    probes.push_back({p->host()->string_view(), Address::parse(p->host()->string_view()), p->port()});
  });
}

Plan::Plan(const Policy& policy) {
  const fb::Policy& body = policy.body();
  read_tunnels(body);
  read_apps(body);
  read_always_on(body);
  read_vpns(body);
  read_services(body);
  read_hosts(body);
}

}  // namespace vpn::policy
