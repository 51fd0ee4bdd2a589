#include "policy_file.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vpn::policy {
namespace {

using flatbuffers::FlatBufferBuilder;
template <class T>
using Offset = flatbuffers::Offset<T>;

std::vector<Offset<fb::Tunnel>> tunnels(FlatBufferBuilder& b, const Ingredients& in) {
  std::vector<Offset<fb::Tunnel>> out;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto id = b.CreateString(in.tunnel_ids[i]);
    const auto name = b.CreateString("name");
    std::vector<Offset<fb::Setting>> settings;
    for (const auto key : in.setting_keys)
      settings.push_back(fb::CreateSetting(b, b.CreateString(key), b.CreateString("v"), in.setting_secret));
    const auto setting_vector = b.CreateVector(settings);
    const auto sa = fb::CreateSecurityAssociation(b, b.CreateString("AES-256"), b.CreateString("SHA2-256"), 14, 60);
    fb::IkeBuilder ike(b);
    ike.add_certificate(in.certificate);
    ike.add_secret(in.ike_secret);
    ike.add_ike_sa(sa);
    const auto ike_table = ike.Finish();
    Offset<fb::Dns> dns = 0;
    if (i == in.supplemental_owner) {
      fb::DnsBuilder dns_builder(b);
      dns_builder.add_supplemental(in.supplemental);
      dns = dns_builder.Finish();
    }
    fb::TunnelBuilder tunnel(b);
    tunnel.add_id(id);
    tunnel.add_kind(in.kinds[i]);
    tunnel.add_provider(in.provider);
    tunnel.add_app_proxy(i == 0 && in.always_on_proxy);
    tunnel.add_name(name);
    tunnel.add_ike(ike_table);
    tunnel.add_settings(setting_vector);
    tunnel.add_dns(dns);
    tunnel.add_source(in.tunnel_source);
    out.push_back(tunnel.Finish());
  }
  return out;
}

Offset<fb::AlwaysOn> always_on(FlatBufferBuilder& b, const Ingredients& in) {
  if (!in.has_always_on) return 0;
  const std::vector tunnel{fb::CreateAlwaysOnTunnel(b, in.always_on_tunnel, in.interfaces, 0)};
  const std::vector service{
      fb::CreateServiceException(b, in.exception_service, static_cast<fb::ServiceAction>(in.exception_action), 0)};
  const auto tunnels_vector = b.CreateVector(tunnel);
  const auto services = b.CreateVector(service);
  return fb::CreateAlwaysOn(b, false, false, false, 0, 0, tunnels_vector, services, 0, 0);
}

Offset<fb::OnDemand> on_demand(FlatBufferBuilder& b, const Ingredients& in) {
  const std::vector parameters{fb::CreateEvaluateParameter(b, in.parameter_domains, false, 0, 0, 0)};
  const auto parameter_vector = b.CreateVector(parameters);
  std::vector rules{fb::CreateOnDemandRule(b, static_cast<fb::OnDemandAction>(in.rule_action), in.rule_interface, 0, 0,
                                           0, 0, parameter_vector, 0)};
  if (in.shared_rules > 0) {
    const auto name = b.CreateString(std::string(in.shared_name_length, 'a'));
    const auto names = b.CreateVector(std::vector(in.shared_names, name));
    for (std::uint32_t i = 0; i < in.shared_rules; ++i)
      rules.push_back(fb::CreateOnDemandRule(b, fb::OnDemandAction::connect, 255, names, names, names));
  }
  return fb::CreateOnDemand(b, true, false, b.CreateVector(rules));
}

Offset<flatbuffers::Vector<std::uint8_t>> bytes_vector(FlatBufferBuilder& b, const std::vector<std::byte>& bytes,
                                                       std::size_t alignment) {
  b.PreAlign(bytes.size(), alignment);
  return b.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

void seal_again(Bytes& file) {
  FileHeader header;
  const std::span<const std::byte> body = std::span<const std::byte>(file).subspan(header_bytes);
  header.shown.format_version = format_version;
  header.shown.minimum_reader = reader_version;
  header.shown.serial = 1;
  header.body_size = body.size();
  ASSERT_TRUE(sha256(body, header.body_sha256));
  const auto encoded = encode(header);
  ASSERT_TRUE(encoded.has_value());
  std::memcpy(file.data(), encoded->data(), encoded->size());
}

Bytes write_policy(const Ingredients& in, std::uint64_t serial) {
  FlatBufferBuilder b;
  const std::vector sources{
      fb::CreateSource(b, in.source_file, in.source_line, in.source_column, b.CreateString(in.path))};
  const auto source_vector = b.CreateVector(sources);
  const std::vector files{b.CreateString("a.mobileconfig")};
  const auto file_vector = b.CreateVector(files);
  const auto tunnel_vector = b.CreateVector(tunnels(b, in));
  const auto always_on_table = always_on(b, in);
  const std::vector per_app{fb::CreatePerApp(b, in.per_app_tunnel, 0, false, false, 0)};
  const auto per_app_vector = b.CreateVector(per_app);
  const auto demand = on_demand(b, in);
  fb::DeviceBuilder device(b);
  device.add_tunnel(in.device_tunnel);
  device.add_include_all(in.include_all);
  device.add_enforce_routes(in.enforce);
  device.add_on_demand(demand);
  std::vector<Offset<fb::Device>> devices{device.Finish()};
  if (in.second_device) devices.push_back(fb::CreateDevice(b, 0));
  const auto device_vector = b.CreateVector(devices);
  const std::vector prefixes{b.CreateString(in.prefix)};
  const auto prefix_vector = b.CreateVector(prefixes);
  const std::vector services{
      fb::CreateServiceSelector(b, in.selector_service, in.selector_role, 6, 0, prefix_vector, false)};
  const auto service_vector = b.CreateVector(services);

  const auto app_table = build_app_table(in.apps);
  const auto app_names = bytes_vector(b, app_table.value(), 8);
  std::vector<Offset<fb::App>> apps;
  for (std::size_t i = 0; i < in.app_count; ++i) apps.push_back(fb::CreateApp(b, in.app_class, in.exception_any));
  const auto app_vector = b.CreateVector(apps);
  const auto tools = b.CreateVector(in.tools);
  const std::vector tool_rules{fb::CreateToolRule(b, in.tool_per_app, tools)};
  const auto tool_vector = b.CreateVector(tool_rules);
  const std::vector governed{in.governed};
  const auto governed_vector = b.CreateVector(governed);
  const std::vector classes{fb::CreateAppClass(b, in.first_class_empty ? 0 : 1),
                            fb::CreateAppClass(b, in.class_roles, governed_vector, tool_vector)};
  const auto class_vector = b.CreateVector(classes);

  DomainTableBuilder domains;
  domains.add("example.com", in.domain_list, false);
  const auto domain_bytes = domains.finish();
  const auto domain_table = bytes_vector(b, domain_bytes.value(), file_alignment);
  std::vector<Offset<fb::DomainList>> lists{fb::CreateDomainList(b, in.list_kind, in.list_owner, 1, in.list_source)};
  for (int i = 0; i < 2; ++i) lists.push_back(fb::CreateDomainList(b, fb::ListKind::safari, 0, 0, 0));
  lists.push_back(fb::CreateDomainList(b, fb::ListKind::dns_supplemental, 2, 0, 0));
  lists.push_back(fb::CreateDomainList(b, fb::ListKind::evaluate, 2, 0, 0));
  const auto list_vector = b.CreateVector(lists);

  const std::vector identities{fb::CreateIdentity(b, b.CreateString("I"), b.CreateString("root"))};
  const auto identity_vector = b.CreateVector(identities);
  std::vector<Offset<flatbuffers::String>> servers;
  for (const auto server : in.servers) servers.push_back(b.CreateString(server));
  const auto server_vector = b.CreateVector(servers);
  const std::vector probes{fb::CreateProbeTarget(b, b.CreateString("probe.example"), in.probe_port)};
  const auto probe_vector = b.CreateVector(probes);
  const auto compiler = b.CreateString("test");

  fb::PolicyBuilder policy(b);
  policy.add_platform(in.platform);
  policy.add_files(file_vector);
  policy.add_sources(source_vector);
  policy.add_tunnels(tunnel_vector);
  policy.add_always_on(always_on_table);
  policy.add_per_app(per_app_vector);
  policy.add_devices(device_vector);
  policy.add_services(service_vector);
  policy.add_app_names(app_names);
  policy.add_apps(app_vector);
  policy.add_app_classes(class_vector);
  policy.add_domains(domain_table);
  policy.add_domain_lists(list_vector);
  policy.add_identities(identity_vector);
  policy.add_servers(server_vector);
  policy.add_probes(probe_vector);
  policy.add_secret_count(in.secret_count);
  policy.add_compiler(compiler);
  b.Finish(policy.Finish());

  std::vector<std::byte> file(header_bytes);
  const auto body = std::as_bytes(std::span(b.GetBufferPointer(), b.GetSize()));
  file.insert(file.end(), body.begin(), body.end());
  FileHeader header;
  header.shown.format_version = format_version;
  header.shown.minimum_reader = reader_version;
  header.shown.serial = serial;
  header.body_size = body.size();
  EXPECT_TRUE(sha256(body, header.body_sha256));
  const auto encoded = encode(header);
  EXPECT_TRUE(encoded.has_value());
  std::memcpy(file.data(), encoded->data(), encoded->size());
  return Bytes::copy(file);
}

}  // namespace vpn::policy
