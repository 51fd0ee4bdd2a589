#include "compiler/lower/writer.h"
#include "policy/domain_table.h"

namespace vpn::lower {
namespace {

constexpr std::uint8_t any_interface = 255;

}  // namespace

// DNSDomainMatch: in the form that search domains are compared in, a leading "*." kept. What no domain can match is
// left out, so that the criterion fails rather than vanishes.
Writer::Strings Writer::search_domains(const std::optional<std::vector<std::string_view>>& list) {
  if (!list) return 0;
  std::vector<String> names;
  std::string storage;
  for (std::string_view entry : *list) {
    const bool below_only = entry.starts_with("*.");
    if (below_only) entry.remove_prefix(2);
    std::string_view normal;
    if (policy::normalise_name(entry, storage, normal) != policy::NameFault::none) continue;
    names.push_back(below_only ? builder_.CreateString("*." + std::string(normal)) : builder_.CreateString(normal));
  }
  return builder_.CreateVector(names);
}

Writer::Offset<fb::OnDemandRule> Writer::rule(std::uint32_t tunnel, const model::OnDemandRule& rule) {
  std::vector<Offset<fb::EvaluateParameter>> parameters;
  for (const model::EvaluateParameter& parameter : rule.parameters) {
    const std::uint32_t domains = lists_.add(parameter.domains, tunnel);
    const auto servers = texts(parameter.dns_servers);
    const auto probe = text(parameter.url_probe);
    const auto source = sources_.of(parameter.place);
    parameters.push_back(fb::CreateEvaluateParameter(builder_, domains, parameter.never, servers, probe, source));
  }
  const auto ssids = texts(rule.ssids);
  const auto domains = search_domains(rule.dns_domains);
  const auto servers = texts(rule.dns_servers);
  const auto probe = rule.url_probe ? builder_.CreateString(*rule.url_probe) : String{};
  const auto parameter_vector = parameters.empty() ? 0 : builder_.CreateVector(parameters);
  const auto interface = rule.interface_type ? static_cast<std::uint8_t>(*rule.interface_type) : any_interface;
  const auto source = sources_.of(rule.place);
  return fb::CreateOnDemandRule(builder_, static_cast<fb::OnDemandAction>(rule.action), interface, ssids, domains,
                                servers, probe, parameter_vector, source);
}

Writer::Offset<fb::OnDemand> Writer::on_demand(std::uint32_t tunnel, const model::OnDemand& on_demand) {
  if (!on_demand.enabled && !on_demand.user_override_disabled && on_demand.rules.empty()) return 0;
  std::vector<Offset<fb::OnDemandRule>> rules;
  rules.reserve(on_demand.rules.size());
  for (const model::OnDemandRule& r : on_demand.rules) rules.push_back(rule(tunnel, r));
  const auto rule_vector = builder_.CreateVector(rules);
  return fb::CreateOnDemand(builder_, on_demand.enabled, on_demand.user_override_disabled, rule_vector);
}

Writer::Offset<fb::AlwaysOn> Writer::always_on() {
  if (!model_.always_on) return 0;
  const model::AlwaysOn& a = *model_.always_on;
  std::vector<Offset<fb::AlwaysOnTunnel>> tunnels;
  for (const model::AlwaysOnTunnel& t : a.tunnels) {
    tunnels.push_back(fb::CreateAlwaysOnTunnel(builder_, t.tunnel, t.interfaces, sources_.of(t.place)));
  }
  std::vector<Offset<fb::ServiceException>> services;
  for (const model::ServiceException& s : a.services) {
    services.push_back(fb::CreateServiceException(builder_, static_cast<std::uint8_t>(s.service),
                                                  s.drop ? fb::ServiceAction::drop : fb::ServiceAction::allow,
                                                  sources_.of(s.place)));
  }
  const auto tunnel_vector = builder_.CreateVector(tunnels);
  const auto service_vector = builder_.CreateVector(services);
  const auto websheet = sources_.of(a.captive_websheet.place);
  const auto all = sources_.of(a.captive_all.place);
  const auto source = sources_.of(a.place);
  const auto tunnels_source = sources_.of(a.tunnels_place);
  return fb::CreateAlwaysOn(builder_, a.user_toggle.value, a.captive_websheet.value, a.captive_all.value, websheet, all,
                            tunnel_vector, service_vector, source, tunnels_source);
}

Writer::Tables<fb::PerApp> Writer::per_app() {
  std::vector<Offset<fb::PerApp>> tables;
  tables.reserve(model_.per_app.size());
  for (std::uint32_t i = 0; i < model_.per_app.size(); ++i) {
    const model::PerApp& vpn = model_.per_app[i];
    for (const model::DomainList& list : vpn.lists) lists_.add(list, i);
    const auto demand = on_demand(vpn.tunnel, vpn.on_demand);
    const auto source = sources_.of(vpn.place);
    tables.push_back(
        fb::CreatePerApp(builder_, vpn.tunnel, demand, vpn.match_app, !vpn.on_demand.user_override_disabled, source));
  }
  return builder_.CreateVector(tables);
}

Writer::Tables<fb::Device> Writer::devices() {
  std::vector<Offset<fb::Device>> tables;
  tables.reserve(model_.devices.size());
  for (const model::Device& vpn : model_.devices) {
    const auto demand = on_demand(vpn.tunnel, vpn.on_demand);
    const auto source = sources_.of(vpn.place);
    const auto include_all = sources_.of(vpn.include_all.place);
    const auto enforce = sources_.of(vpn.enforce_routes.place);
    const auto local = sources_.of(vpn.exclude_local.place);
    const auto cellular = sources_.of(vpn.exclude_cellular.place);
    const auto apns = sources_.of(vpn.exclude_apns.place);
    const auto device = sources_.of(vpn.exclude_device.place);
    fb::DeviceBuilder out(builder_);
    out.add_tunnel(vpn.tunnel);
    out.add_include_all(vpn.include_all.value);
    out.add_enforce_routes(vpn.enforce_routes.value && !vpn.include_all.value);  // S6: void under IncludeAllNetworks
    out.add_exclude_local(vpn.exclude_local.value);
    out.add_exclude_cellular(vpn.exclude_cellular.value);
    out.add_exclude_apns(vpn.exclude_apns.value);
    out.add_exclude_device_communication(vpn.exclude_device.value);
    out.add_override_primary(vpn.override_primary.value);
    out.add_on_demand(demand);
    out.add_source(source);
    out.add_include_all_source(include_all);
    out.add_enforce_source(enforce);
    out.add_exclude_local_source(local);
    out.add_exclude_cellular_source(cellular);
    out.add_exclude_apns_source(apns);
    out.add_exclude_device_source(device);
    tables.push_back(out.Finish());
  }
  return builder_.CreateVector(tables);
}

}  // namespace vpn::lower
