#include "compiler/lower/writer.h"

#include <unordered_map>

#include "compiler/document/document.h"
#include "compiler/lower/hosts.h"
#include "compiler/model/reader.h"
#include "compiler/schema/schema.h"
#include "policy/ascii.h"
#include "policy/file_header.h"

namespace vpn::lower {
namespace {

constexpr std::size_t most_lists = 65'535;  // policy/domain_table.h

tl::unexpected<Error> too_many(const char* what, std::size_t limit) {
  return fail(ErrorKind::invalid_input,
              std::string("too many ") + what + " for one device: the limit is " + std::to_string(limit), {},
              "split the profiles: one policy is for one device");
}

// For people: file, line and column, key path.
std::string describe(const model::Model& model, model::PlaceId id) {
  if (id == policy::none) return {};
  const model::Place& place = model.places[id];
  std::string out = place.document->source().name();
  if (place.span.known()) {
    const auto position = place.document->source().position(place.span.begin);
    out += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  }
  return place.path == nullptr ? out : out + ": " + place.path->to_string();
}

// Verdicts, states and people name a VPN by its identifier, without regard to case.
Result<void> check_distinct(const model::Model& model) {
  std::unordered_map<std::string, std::uint32_t> seen;
  for (std::uint32_t i = 0; i < model.tunnels.size(); ++i) {
    const auto [entry, is_new] = seen.try_emplace(ascii::upper_case(model.tunnels[i].id), i);
    if (is_new) continue;
    return fail(ErrorKind::invalid_input, "two VPNs have the identifier " + model.tunnels[i].id,
                describe(model, model.tunnels[i].place),
                "give each its own; the other is at " + describe(model, model.tunnels[entry->second].place));
  }
  return {};
}

std::size_t count_lists(const model::OnDemand& on_demand) {
  std::size_t count = 0;
  for (const model::OnDemandRule& rule : on_demand.rules) count += rule.parameters.size();
  return count;
}

}  // namespace

Writer::Writer(flatbuffers::FlatBufferBuilder& builder, const model::Model& model)
    : builder_(builder),
      model_(model),
      sources_(builder, model),
      lists_(builder, sources_),
      apps_(builder, sources_, model) {}

Result<void> Writer::check_limits() const {
  // A class of apps holds a bit for each per-app VPN; a device has a handful.
  if (model_.per_app.size() > policy::most_per_app) return too_many("per-app VPNs", policy::most_per_app);
  if (model_.devices.size() > policy::most_devices) return too_many("device-wide VPNs", policy::most_devices);
  std::size_t lists = 0;
  for (const model::PerApp& vpn : model_.per_app) lists += vpn.lists.size() + count_lists(vpn.on_demand);
  for (const model::Device& vpn : model_.devices) lists += count_lists(vpn.on_demand);
  for (const model::Tunnel& tunnel : model_.tunnels) lists += tunnel.dns && tunnel.dns->supplemental ? 1u : 0u;
  if (lists > most_lists) return too_many("lists of domains", most_lists);
  return {};
}

Writer::Tables<fb::ServiceSelector> Writer::services() {
  std::vector<Offset<fb::ServiceSelector>> selectors;
  for (const schema::ServiceSelector& s : schema::services()) {
    const auto ports = s.ports.empty() ? 0 : builder_.CreateVector(s.ports.data(), s.ports.size());
    std::vector<String> prefixes;
    for (const std::string_view prefix : s.prefixes) prefixes.push_back(builder_.CreateString(prefix));
    const auto prefix_vector = prefixes.empty() ? 0 : builder_.CreateVector(prefixes);
    selectors.push_back(fb::CreateServiceSelector(builder_, static_cast<std::uint8_t>(s.service), s.role, s.protocol,
                                                  ports, prefix_vector, s.local_only));
  }
  return builder_.CreateVector(selectors);
}

Writer::Strings Writer::servers() {
  std::vector<String> names;
  for (const std::string& name : server_names(model_)) names.push_back(builder_.CreateString(name));
  return builder_.CreateVector(names);
}

Writer::Tables<fb::ProbeTarget> Writer::probes() {
  std::vector<Offset<fb::ProbeTarget>> targets;
  for (const auto& [host, port] : probe_targets(model_))
    targets.push_back(fb::CreateProbeTarget(builder_, builder_.CreateString(host), port));
  return builder_.CreateVector(targets);
}

Result<flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>>> Writer::domain_table() {
  const auto table = lists_.table();
  if (!table) return tl::unexpected(table.error());
  if (table->empty()) return 0;
  builder_.ForceVectorAlignment(table->size(), 1, policy::file_alignment);
  return builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(table->data()), table->size());
}

Result<void> Writer::write(std::span<const std::byte> sealed, bool shared_app_map) {
  if (auto ok = check_limits(); !ok) return ok;
  if (auto ok = check_distinct(model_); !ok) return ok;
  // Children come before their parents, and whoever adds domain lists before the table over them.
  if (auto ok = apps_.collect(shared_app_map); !ok) return ok;
  const auto tunnel_vector = tunnels();
  const auto always_on_table = always_on();
  const auto per_app_vector = per_app();
  const auto device_vector = devices();
  const auto identity_vector = identities();
  const auto service_vector = services();
  const auto name_table = apps_.names();
  if (!name_table) return tl::unexpected(name_table.error());
  const auto app_vector = apps_.apps();
  const auto class_vector = apps_.classes();
  const auto server_vector = servers();
  const auto probe_vector = probes();
  const auto list_vector = lists_.lists();
  const auto domains = domain_table();
  if (!domains) return tl::unexpected(domains.error());
  const auto source_vector = sources_.sources();
  const auto file_vector = sources_.files();
  const auto secrets =
      sealed.empty() ? 0 : builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(sealed.data()), sealed.size());
  const auto compiler = builder_.CreateString("vpnprofile " VPN_VERSION);

  fb::PolicyBuilder policy(builder_);
  policy.add_platform(static_cast<std::uint8_t>(model_.platform));
  policy.add_files(file_vector);
  policy.add_sources(source_vector);
  policy.add_tunnels(tunnel_vector);
  policy.add_always_on(always_on_table);
  policy.add_per_app(per_app_vector);
  policy.add_devices(device_vector);
  policy.add_services(service_vector);
  policy.add_app_names(*name_table);
  policy.add_apps(app_vector);
  policy.add_app_classes(class_vector);
  policy.add_domains(*domains);
  policy.add_domain_lists(list_vector);
  policy.add_identities(identity_vector);
  policy.add_servers(server_vector);
  policy.add_probes(probe_vector);
  policy.add_secret_count(static_cast<std::uint32_t>(model_.secrets.size()));
  policy.add_secrets(secrets);
  policy.add_compiler(compiler);
  const auto root = policy.Finish();
  builder_.TrackMinAlign(policy::file_alignment);  // the body begins at a multiple of it, domain table or not
  builder_.Finish(root);
  return {};
}

}  // namespace vpn::lower
