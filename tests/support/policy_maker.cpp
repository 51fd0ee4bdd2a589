#include "tests/support/policy_maker.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "policy/app_table.h"
#include "policy/domain_table.h"
#include "policy/file_header.h"

namespace vpn::test {
namespace {

std::vector<std::uint8_t> table(Result<std::vector<std::byte>> bytes) {
  if (!bytes) throw std::runtime_error(bytes.error().what);
  std::vector<std::uint8_t> out;
  for (const std::byte b : *bytes) out.push_back(static_cast<std::uint8_t>(b));
  return out;
}

}  // namespace

using policy::Role;
using policy::Service;

PolicyMaker::PolicyMaker() {
  body.platform = static_cast<std::uint8_t>(policy::Platform::linux);
  body.files = {"made.mobileconfig"};
}

std::uint32_t PolicyMaker::source(std::string path) {
  auto s = std::make_unique<made::SourceT>();
  s->line = static_cast<std::uint32_t>(body.sources.size() + 1);
  s->column = 5;
  s->path = std::move(path);
  body.sources.push_back(std::move(s));
  return static_cast<std::uint32_t>(body.sources.size() - 1);
}

std::uint32_t PolicyMaker::tunnel(const std::string& id, made::VpnKind kind, bool app_proxy) {
  auto t = std::make_unique<made::TunnelT>();
  t->id = id;
  t->kind = kind;
  t->app_proxy = app_proxy;
  t->source = source(id);
  body.tunnels.push_back(std::move(t));
  return static_cast<std::uint32_t>(body.tunnels.size() - 1);
}

made::AlwaysOnT& PolicyMaker::always_on() {
  if (!body.always_on) {
    body.always_on = std::make_unique<made::AlwaysOnT>();
    body.always_on->source = source("AlwaysOn");
    body.always_on->tunnels_source = source("TunnelConfigurations");
    body.always_on->captive_websheet_source = source("AllowCaptiveWebSheet");
    body.always_on->captive_all_source = source("AllowAllCaptiveNetworkPlugins");
  }
  return *body.always_on;
}

std::uint32_t PolicyMaker::always_on_tunnel(const std::string& id, std::uint8_t interfaces) {
  made::AlwaysOnT& a = always_on();
  auto t = std::make_unique<made::AlwaysOnTunnelT>();
  t->tunnel = tunnel(id, made::VpnKind::always_on, false);
  t->interfaces = interfaces;
  t->source = source("TunnelConfigurations[" + std::to_string(a.tunnels.size()) + "]");
  const std::uint32_t number = t->tunnel;
  a.tunnels.push_back(std::move(t));
  return number;
}

void PolicyMaker::service_exception(Service service, bool drop) {
  made::AlwaysOnT& a = always_on();
  auto s = std::make_unique<made::ServiceExceptionT>();
  s->service = static_cast<std::uint8_t>(service);
  s->action = drop ? made::ServiceAction::drop : made::ServiceAction::allow;
  s->source = source("ServiceExceptions[" + std::to_string(a.services.size()) + "]");
  a.services.push_back(std::move(s));
}

std::uint32_t PolicyMaker::per_app(const std::string& id, bool app_proxy) {
  auto v = std::make_unique<made::PerAppT>();
  v->tunnel = tunnel(id, made::VpnKind::per_app, app_proxy);
  v->source = source("PerApp." + id);
  body.per_app.push_back(std::move(v));
  return static_cast<std::uint32_t>(body.per_app.size() - 1);
}

made::DeviceT& PolicyMaker::device(const std::string& id, bool app_proxy) {
  auto d = std::make_unique<made::DeviceT>();
  d->tunnel = tunnel(id, made::VpnKind::device, app_proxy);
  d->source = source(id);
  d->include_all_source = source(id + ".IncludeAllNetworks");
  d->enforce_source = source(id + ".EnforceRoutes");
  d->exclude_local_source = source(id + ".ExcludeLocalNetworks");
  d->exclude_cellular_source = source(id + ".ExcludeCellularServices");
  d->exclude_apns_source = source(id + ".ExcludeAPNs");
  d->exclude_device_source = source(id + ".ExcludeDeviceCommunication");
  body.devices.push_back(std::move(d));
  return *body.devices.back();
}

MadeApp& PolicyMaker::app(const std::string& identifier, std::initializer_list<Role> roles) {
  MadeApp& a = apps_[identifier];
  for (const Role r : roles) a.roles |= policy::bit(r);
  return a;
}

void PolicyMaker::domains(made::ListKind kind, std::uint32_t owner, std::initializer_list<std::string_view> names) {
  auto list = std::make_unique<made::DomainListT>();
  list->kind = kind;
  list->owner = owner;
  list->count = static_cast<std::uint32_t>(names.size());
  list->source = source("Domains");
  const auto number = static_cast<std::uint32_t>(body.domain_lists.size());
  body.domain_lists.push_back(std::move(list));
  for (const std::string_view name : names) {
    const bool below_only = name.starts_with("*.");
    names_.push_back({std::string(below_only ? name.substr(2) : name), number, below_only});
  }
}

void PolicyMaker::probe(std::string host, std::uint16_t port) {
  auto p = std::make_unique<made::ProbeTargetT>();
  p->host = std::move(host);
  p->port = port;
  body.probes.push_back(std::move(p));
  std::sort(body.probes.begin(), body.probes.end(),
            [](const auto& a, const auto& b) { return std::pair(a->host, a->port) < std::pair(b->host, b->port); });
}

void PolicyMaker::services() {
  const auto add = [&](Service service, std::uint8_t protocol, std::vector<std::uint16_t> ports, bool needs_role) {
    auto s = std::make_unique<made::ServiceSelectorT>();
    s->service = static_cast<std::uint8_t>(service);
    s->protocol = protocol;
    s->ports = std::move(ports);
    // Services and the roles that bear their names are numbered alike.
    if (needs_role) s->role = policy::bit(Role::voicemail) << (s->service - 1);
    body.services.push_back(std::move(s));
    return body.services.back().get();
  };
  for (const Service s :
       {Service::voicemail, Service::device_communication, Service::companion, Service::cellular_only})
    add(s, 0, {}, true);
  add(Service::airprint, 17, {5353}, false)->prefixes = {"224.0.0.251/32", "ff02::fb/128"};
  add(Service::airprint, 6, {631}, false)->local_only = true;
  add(Service::cellular_services, 17, {500, 4500}, true);
  add(Service::cellular_services, 6, {80, 443, 8080}, true);
  add(Service::apns, 6, {5223, 2197, 443}, false)->prefixes = {
      "17.249.0.0/16",     "17.252.0.0/16",     "17.57.144.0/22",    "17.188.128.0/18",   "17.188.20.0/23",
      "2620:149:a44::/48", "2403:300:a42::/48", "2403:300:a51::/48", "2a01:b740:a42::/48"};
}

void PolicyMaker::write_apps() {
  for (const auto& app : std::map(apps_))  // tools are apps as well
    for (const auto& [vpn, tools] : app.second.tools)
      for (const std::string& tool : tools) apps_.try_emplace(tool);
  std::vector<std::string_view> names;
  for (const auto& [name, app] : apps_) names.push_back(name);
  const auto number = [&](const std::string& name) {
    return static_cast<std::uint32_t>(std::lower_bound(names.begin(), names.end(), name) - names.begin());
  };
  body.apps.clear();
  body.app_classes.clear();
  body.app_classes.push_back(std::make_unique<made::AppClassT>());
  using Key = std::tuple<std::uint32_t, std::set<std::uint32_t>, std::map<std::uint32_t, std::vector<std::string>>>;
  std::map<Key, std::uint32_t> classes{{Key{}, 0}};
  for (const auto& [name, app] : apps_) {
    auto a = std::make_unique<made::AppT>();
    const auto [known, is_new] =
        classes.try_emplace({app.roles, app.governed, app.tools}, static_cast<std::uint32_t>(body.app_classes.size()));
    a->class_ = known->second;
    a->exception_any = app.exception_any;
    a->exception_udp = app.exception_udp;
    a->exception_tcp = app.exception_tcp;
    a->captive_plugin = app.captive_plugin;
    body.apps.push_back(std::move(a));
    if (!is_new) continue;
    auto cls = std::make_unique<made::AppClassT>();
    cls->roles = app.roles;
    for (const std::uint32_t v : app.governed) {
      cls->governed.resize(std::max<std::size_t>(cls->governed.size(), v / 64 + 1));
      cls->governed[v / 64] |= std::uint64_t{1} << (v % 64);
    }
    for (const auto& [vpn, tools] : app.tools) {
      auto rule = std::make_unique<made::ToolRuleT>();
      rule->per_app = vpn;
      for (const std::string& tool : tools) rule->tools.push_back(number(tool));
      std::sort(rule->tools.begin(), rule->tools.end());
      cls->tools.push_back(std::move(rule));
    }
    body.app_classes.push_back(std::move(cls));
  }
  body.app_names.clear();
  if (!names.empty()) body.app_names = table(policy::build_app_table(names));
}

void PolicyMaker::write_domains() {
  policy::DomainTableBuilder builder;
  for (const Name& n : names_) builder.add(n.text, n.list, n.below_only);
  body.domains = table(builder.finish());
}

std::vector<std::byte> PolicyMaker::bytes() {
  write_apps();
  write_domains();
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(made::Policy::Pack(builder, &body));
  const auto content = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  policy::FileHeader header;
  header.shown.format_version = policy::format_version;
  header.shown.minimum_reader = policy::reader_version;
  header.body_size = content.size();
  if (!policy::sha256(content, header.body_sha256)) throw std::runtime_error("no SHA-256");
  const auto front = policy::encode(header);
  if (!front) throw std::runtime_error(front.error().what);
  std::vector<std::byte> out(front->size() + content.size());
  std::copy(content.begin(), content.end(), std::copy(front->begin(), front->end(), out.begin()));
  return out;
}

policy::Policy PolicyMaker::make() {
  const std::vector<std::byte> file = bytes();
  auto policy = policy::Policy::from_bytes(std::span(file));
  if (!policy) throw std::runtime_error(policy.error().where + ": " + policy.error().what);
  return std::move(*policy);
}

std::unique_ptr<made::OnDemandT> on_demand(made::OnDemandAction action, std::uint32_t source, bool enabled) {
  auto out = std::make_unique<made::OnDemandT>();
  out->enabled = enabled;
  auto rule = std::make_unique<made::OnDemandRuleT>();
  rule->action = action;
  rule->source = source;
  out->rules.push_back(std::move(rule));
  return out;
}

}  // namespace vpn::test
