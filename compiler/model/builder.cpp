#include "compiler/model/builder.h"

#include <algorithm>
#include <limits>

#include "policy/ascii.h"

namespace vpn::model {
namespace {

using document::Type;

constexpr std::string_view vpn_declarations = "com.apple.configuration.network.vpn.";
constexpr std::string_view credential_assets = "com.apple.asset.credential.";

/// "pkcs12" of com.apple.security.pkcs12 and so on; empty: no certificate and no identity.
std::string_view security_kind(std::string_view type) {
  constexpr std::string_view prefix = "com.apple.security.";
  if (!type.starts_with(prefix)) return {};
  const std::string_view kind = type.substr(prefix.size());
  for (const std::string_view known : {"pkcs12", "pkcs1", "root", "pem", "scep", "acme"}) {
    if (kind == known) return known;
  }
  return {};
}

bool is_vpn(std::string_view type) {
  return type == "com.apple.vpn.managed" || type == "com.apple.vpn.managed.applayer";
}

}  // namespace

Builder::Builder(std::span<const document::Document* const> documents, const BuildOptions& options)
    : documents_(documents), options_(options), identities_(model_) {}

void Builder::collect_declaration(const document::Document& document, Dict root) {
  Reader reader(model_, document);
  const std::string_view type = reader.text(root, "Type");
  if (type.starts_with(credential_assets)) identities_.add_asset(document, root, type.substr(credential_assets.size()));
  if (type.starts_with(vpn_declarations))
    items_.push_back({&document, root, type.substr(vpn_declarations.size()), Form::declaration});
}

void Builder::collect_profile(const document::Document& document, Dict root) {
  Reader reader(model_, document);
  // A VPN payload that was flattened into the dictionary of the profile.
  if (Reader::find(root, "VPNType") != nullptr) {
    const bool per_app = Reader::find(root, "VPNUUID") != nullptr;
    items_.push_back(
        {&document, root, per_app ? "com.apple.vpn.managed.applayer" : "com.apple.vpn.managed", Form::payload});
  }
  const List payloads = reader.list(root, "PayloadContent");
  for (std::uint32_t i = 0; i < payloads.size(); ++i) {
    const Dict payload = reader.dict(payloads, i);
    if (!payload) continue;
    const std::string_view type = reader.text(payload, "PayloadType");
    if (const auto kind = security_kind(type); !kind.empty()) identities_.add_payload(document, payload, kind);
    if (is_vpn(type) || type == "com.apple.vpn.managed.appmapping")
      items_.push_back({&document, payload, type, Form::payload});
  }
}

void Builder::collect(const document::Document& document) {
  const document::Value& root = document.root();
  if (root.is(Type::array)) {  // several declarations in one file
    const List list{&root, nullptr};
    Reader reader(model_, document);
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      if (const Dict declaration = reader.dict(list, i)) collect_declaration(document, declaration);
    }
    return;
  }
  if (!root.is(Type::dictionary)) return;
  const Dict dict{&root, nullptr};
  const bool is_declaration = Reader::find(dict, "Type") != nullptr && Reader::find(dict, "PayloadType") == nullptr;
  if (is_declaration) {
    collect_declaration(document, dict);
  } else {
    collect_profile(document, dict);
  }
}

void Builder::read_mappings(Reader& reader, Dict payload) {
  const List list = reader.list(payload, "AppLayerVPNMapping");
  model_.mappings.reserve(model_.mappings.size() + list.size());
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const Dict dict = reader.dict(list, i);
    Mapping mapping;
    mapping.app = reader.text(dict, "Identifier");
    mapping.vpn_uuid = ascii::upper_case(reader.text(dict, "VPNUUID"));
    mapping.path = reader.text(dict, "Path");
    mapping.place = reader.place(list, i);
    const List tools = reader.list(dict, "MatchTools");
    for (std::uint32_t k = 0; k < tools.size(); ++k) {
      const Dict tool = reader.dict(tools, k);
      mapping.tools.push_back({reader.text(tool, "SigningIdentifier"), reader.text(tool, "Path")});
    }
    if (!mapping.app.empty()) model_.mappings.push_back(std::move(mapping));
  }
}

void Builder::read(const Item& item) {
  Reader reader(model_, *item.document);
  if (item.form == Form::declaration) {
    read_vpn_declaration(reader, item.dict, item.type);
  } else if (item.type == "com.apple.vpn.managed.appmapping") {
    read_mappings(reader, item.dict);
  } else {
    read_vpn_payload(reader, item.dict, item.type == "com.apple.vpn.managed.applayer");
  }
}

std::string Builder::fallback_id(std::string_view id) const {
  // Without a name a VPN could not be told from others; lint has reported it.
  return id.empty() ? "VPN-" + std::to_string(model_.tunnels.size()) : std::string(id);
}

std::uint32_t Builder::add_tunnel(Tunnel tunnel) {
  model_.tunnels.push_back(std::move(tunnel));
  return static_cast<std::uint32_t>(model_.tunnels.size() - 1);
}

void Builder::add_device(Vpn vpn) {
  vpn.device.tunnel = add_tunnel(std::move(vpn.tunnel));
  vpn.device.on_demand = std::move(vpn.on_demand);
  model_.devices.push_back(std::move(vpn.device));
}

void Builder::read_routing(Reader& reader, Dict dict, PlaceId owner, Device& device) {
  // S5.c: where ExcludeLocalNetworks is absent, the platform decides.
  const bool is_mac_or_linux = model_.platform == policy::Platform::macos || model_.platform == policy::Platform::linux;
  device.include_all = reader.flag(dict, "IncludeAllNetworks", false, owner);
  device.enforce_routes = reader.flag(dict, "EnforceRoutes", false, owner);
  device.exclude_local = reader.flag(dict, "ExcludeLocalNetworks", !is_mac_or_linux, owner);
  device.exclude_cellular = reader.flag(dict, "ExcludeCellularServices", true, owner);
  device.exclude_apns = reader.flag(dict, "ExcludeAPNs", true, owner);
  device.exclude_device = reader.flag(dict, "ExcludeDeviceCommunication", true, owner);
}

// "Order" of docs/semantics.md: transparent proxies change places among themselves only.
void Builder::sort_transparent_proxies() {
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < model_.devices.size(); ++i) {
    if (model_.devices[i].transparent) slots.push_back(i);
  }
  if (slots.size() < 2) return;
  std::vector<Device> proxies;
  proxies.reserve(slots.size());
  for (const std::size_t slot : slots) proxies.push_back(std::move(model_.devices[slot]));
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  std::stable_sort(proxies.begin(), proxies.end(),
                   [&](const Device& a, const Device& b) { return a.order.value_or(last) < b.order.value_or(last); });
  for (std::size_t i = 0; i < slots.size(); ++i) model_.devices[slots[i]] = std::move(proxies[i]);
}

Model Builder::build() {
  model_.platform = options_.platform;
  model_.places.reserve(32);
  for (const document::Document* document : documents_) collect(*document);
  for (const Item& item : items_) read(item);
  const document::Document* last = nullptr;
  for (const Item& item : items_) {
    if (item.document != last) identities_.add_certificates(*item.document);
    last = item.document;
  }
  sort_transparent_proxies();
  model_.apps = collect_apps(model_, options_.app_map);
  return std::move(model_);
}

Model build(std::span<const document::Document* const> documents, const BuildOptions& options) {
  return Builder(documents, options).build();
}

}  // namespace vpn::model
