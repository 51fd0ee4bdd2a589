#include "compiler/cli/policy_tree_parts.h"

namespace vpn::cli {
namespace {

const char* action_name(fb::OnDemandAction action) {
  constexpr const char* names[] = {"ignore", "connect", "disconnect", "evaluate", "allow"};
  return names[static_cast<std::size_t>(action)];
}

Tree interface_names(std::uint8_t mask) {
  if (mask == 0) return Tree::array({"all"});
  Tree out = Tree::array();
  if ((mask & 1) != 0) out.push_back("wifi");
  if ((mask & 2) != 0) out.push_back("cellular");
  return out;
}

bool has_bit(const flatbuffers::Vector<std::uint64_t>* words, std::uint32_t bit) {
  return words != nullptr && bit / 64 < words->size() && (words->Get(bit / 64) >> (bit % 64) & 1) != 0;
}

}  // namespace

Tree PolicyTree::always_on() const {
  const fb::AlwaysOn* a = body_.always_on();
  if (a == nullptr) return {};
  Tree tunnels = Tree::array();
  for (const fb::AlwaysOnTunnel* t : *a->tunnels())
    tunnels.push_back({{"vpn", tunnel_id(t->tunnel())},
                       {"interfaces", interface_names(t->interfaces())},
                       {"source", source(t->source())}});
  Tree services = Tree::array();
  for (std::uint32_t i = 0; a->services() != nullptr && i < a->services()->size(); ++i) {
    const fb::ServiceException& s = *a->services()->Get(i);
    services.push_back({{"service", policy::to_string(static_cast<policy::Service>(s.service()))},
                        {"action", s.action() == fb::ServiceAction::allow ? "allow" : "drop"},
                        {"source", source(s.source())}});
  }
  return {{"user_toggle", a->user_toggle()},
          {"captive_websheet", a->captive_websheet()},
          {"captive_all", a->captive_all()},
          {"tunnels", std::move(tunnels)},
          {"service_exceptions", std::move(services)},
          {"sources",
           {{"always_on", source(a->source())},
            {"tunnels", source(a->tunnels_source())},
            {"captive_websheet", source(a->captive_websheet_source())},
            {"captive_all", source(a->captive_all_source())}}}};
}

Tree PolicyTree::on_demand(const fb::OnDemand* on_demand) const {
  if (on_demand == nullptr) return {};
  Tree rules = Tree::array();
  for (std::uint32_t i = 0; on_demand->rules() != nullptr && i < on_demand->rules()->size(); ++i) {
    const fb::OnDemandRule& r = *on_demand->rules()->Get(i);
    Tree rule{{"action", action_name(r.action())}};
    if (r.interface_type() != 255)
      rule["interface_type"] = policy::to_string(static_cast<policy::InterfaceType>(r.interface_type()));
    // An empty list is a criterion that never holds, and must be seen.
    for (const auto& [key, list] :
         {std::pair{"ssids", r.ssids()}, {"dns_domains", r.dns_domains()}, {"dns_servers", r.dns_servers()}}) {
      if (list != nullptr) rule[key] = texts(list);
    }
    if (r.url_probe() != nullptr) rule["url_probe"] = text(r.url_probe());
    for (std::uint32_t k = 0; r.parameters() != nullptr && k < r.parameters()->size(); ++k) {
      const fb::EvaluateParameter& p = *r.parameters()->Get(k);
      Tree parameter{{"domain_list", p.domains()}, {"action", p.never() ? "never-connect" : "connect-if-needed"}};
      put(parameter, "dns_servers", texts(p.dns_servers()));
      put(parameter, "url_probe", text(p.url_probe()));
      parameter["source"] = source(p.source());
      rule["parameters"].push_back(std::move(parameter));
    }
    rule["source"] = source(r.source());
    rules.push_back(std::move(rule));
  }
  return {{"enabled", on_demand->enabled()},
          {"user_override_disabled", on_demand->user_override_disabled()},
          {"rules", std::move(rules)}};
}

Tree PolicyTree::per_app(std::uint32_t index) const {
  const fb::PerApp& v = *body_.per_app()->Get(index);
  Tree out{{"vpn", tunnel_id(v.tunnel())}, {"match_app", v.match_app()}, {"user_toggle", v.user_toggle()}};
  put(out, "on_demand", on_demand(v.on_demand()));
  Tree lists = Tree::array();
  for (std::uint32_t i = 0; body_.domain_lists() != nullptr && i < body_.domain_lists()->size(); ++i) {
    const fb::DomainList& list = *body_.domain_lists()->Get(i);
    if (list.kind() <= fb::ListKind::associated && list.owner() == index) lists.push_back(i);
  }
  put(out, "domain_lists", std::move(lists));
  out["source"] = source(v.source());
  return out;
}

Tree PolicyTree::device(const fb::Device& d) const {
  Tree out{{"vpn", tunnel_id(d.tunnel())},
           {"include_all_networks", d.include_all()},
           {"enforce_routes", d.enforce_routes()},
           {"exclude_local_networks", d.exclude_local()},
           {"exclude_cellular_services", d.exclude_cellular()},
           {"exclude_apns", d.exclude_apns()},
           {"exclude_device_communication", d.exclude_device_communication()},
           {"override_primary", d.override_primary()}};
  put(out, "on_demand", on_demand(d.on_demand()));
  out["sources"] = {{"vpn", source(d.source())},
                    {"include_all_networks", source(d.include_all_source())},
                    {"enforce_routes", source(d.enforce_source())},
                    {"exclude_local_networks", source(d.exclude_local_source())},
                    {"exclude_cellular_services", source(d.exclude_cellular_source())},
                    {"exclude_apns", source(d.exclude_apns_source())},
                    {"exclude_device_communication", source(d.exclude_device_source())}};
  return out;
}

Tree PolicyTree::exceptions(const fb::App& a) const {
  Tree out = Tree::object();
  put(out, "any", source(a.exception_any()));
  put(out, "udp", source(a.exception_udp()));
  put(out, "tcp", source(a.exception_tcp()));
  put(out, "captive_plugin", source(a.captive_plugin()));
  return out;
}

Tree PolicyTree::app(std::uint32_t index) const {
  const fb::App& a = *body_.apps()->Get(index);
  const fb::AppClass& c = *body_.app_classes()->Get(a.class_());
  Tree out{{"identifier", policy_.apps().name(index)}};
  put(out, "roles", role_names(c.roles()));
  Tree governed = Tree::array();
  for (std::uint32_t v = 0; body_.per_app() != nullptr && v < body_.per_app()->size(); ++v) {
    if (has_bit(c.governed(), v)) governed.push_back(tunnel_id(body_.per_app()->Get(v)->tunnel()));
  }
  put(out, "governed_by", std::move(governed));
  Tree tools = Tree::array();
  for (std::uint32_t i = 0; c.tools() != nullptr && i < c.tools()->size(); ++i) {
    const fb::ToolRule& rule = *c.tools()->Get(i);
    Tree names = Tree::array();
    for (const std::uint32_t tool : *rule.tools()) names.push_back(policy_.apps().name(tool));
    tools.push_back({{"vpn", tunnel_id(body_.per_app()->Get(rule.per_app())->tunnel())}, {"tools", std::move(names)}});
  }
  put(out, "governed_tools", std::move(tools));
  put(out, "exceptions", exceptions(a));
  if (const fb::AppIdentity* identity = a.identity()) {
    put(out, "paths", texts(identity->paths()));
    put(out, "flatpak", text(identity->flatpak()));
    put(out, "snap", text(identity->snap()));
    put(out, "cgroup", text(identity->cgroup()));
    if (identity->digest() != nullptr)
      out["sha256"] = hexadecimal({identity->digest()->data(), identity->digest()->size()});
  }
  return out;
}

}  // namespace vpn::cli
