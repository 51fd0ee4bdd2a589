#include "compiler/lint/profile.h"

#include <algorithm>
#include <array>

#include "compiler/lint/lookup.h"
#include "compiler/lint/name_set.h"
#include "policy/ascii.h"

namespace vpn::lint {
namespace {

constexpr std::string_view vpn_payload = "com.apple.vpn.managed";

constexpr std::array<std::pair<std::string_view, ItemKind>, 19> kinds{{
    {"com.apple.ADCertificate.managed", ItemKind::identity},
    {"com.apple.asset.credential.acme", ItemKind::identity},
    {"com.apple.asset.credential.certificate", ItemKind::certificate},
    {"com.apple.asset.credential.identity", ItemKind::identity},
    {"com.apple.asset.credential.scep", ItemKind::identity},
    {"com.apple.asset.credential.userpassword", ItemKind::credential_asset},
    {"com.apple.configuration.network.vpn.always-on", ItemKind::always_on},
    {"com.apple.configuration.network.vpn.ikev2", ItemKind::device_vpn},
    {"com.apple.configuration.network.vpn.ipsec", ItemKind::device_vpn},
    {"com.apple.configuration.network.vpn.vpn-plugin", ItemKind::device_vpn},
    {"com.apple.security.acme", ItemKind::identity},
    {"com.apple.security.pem", ItemKind::certificate},
    {"com.apple.security.pkcs1", ItemKind::certificate},
    {"com.apple.security.pkcs12", ItemKind::identity},
    {"com.apple.security.root", ItemKind::certificate},
    {"com.apple.security.scep", ItemKind::identity},
    {vpn_payload, ItemKind::device_vpn},
    {"com.apple.vpn.managed.applayer", ItemKind::per_app_vpn},
    {"com.apple.vpn.managed.appmapping", ItemKind::mapping},
}};

}  // namespace

ItemKind item_kind(std::string_view type) {
  const auto found =
      std::lower_bound(kinds.begin(), kinds.end(), type, [](const auto& k, std::string_view t) { return k.first < t; });
  return found != kinds.end() && found->first == type ? found->second : ItemKind::other;
}

bool serves(ItemKind kind, schema::Reference wanted) {
  using schema::Reference;
  switch (wanted) {
    case Reference::none:
      return false;
    case Reference::identity:
    case Reference::identity_asset:
      return kind == ItemKind::identity;
    case Reference::certificate:
    case Reference::certificate_asset:
      return kind == ItemKind::certificate || kind == ItemKind::identity;
    case Reference::per_app_vpn:
      return kind == ItemKind::per_app_vpn;
    case Reference::credential_asset:
      return kind == ItemKind::credential_asset;
  }
  return false;
}

namespace {

/// The selector's value as the schema spells it; a mere difference of case is read as meant.
std::string_view selector_of(const schema::Payload& payload, const Section& section) {
  if (payload.selector.empty()) return {};
  const std::string_view written = text(section, payload.selector);
  const schema::Key* const key = payload.root.find(payload.selector);
  if (key == nullptr) return {};
  for (const auto& list : {key->values, key->obsolete_values})
    for (const std::string_view value : list)
      if (ascii::equal_without_case(value, written)) return value;
  return {};
}

Item read_item(const Value& dictionary, std::uint32_t index, bool is_declaration) {
  const Section section{&dictionary, nullptr, {}};
  Item item;
  item.dictionary = &dictionary;
  item.index = index;
  item.is_declaration = is_declaration;
  item.type_member = text_member(section, is_declaration ? "Type" : "PayloadType");
  if (item.type_member != nullptr) item.type = item.type_member->value.string();
  item.schema = schema::find_payload(item.type);
  // A declaration within a profile, or a payload as a declaration, is neither.
  if (item.schema != nullptr && item.schema->is_declaration != is_declaration) item.schema = nullptr;
  item.kind = item.schema != nullptr || !is_declaration ? item_kind(item.type) : ItemKind::other;
  if (item.schema != nullptr) item.selector = selector_of(*item.schema, section);
  if (item.kind == ItemKind::device_vpn && item.selector == "AlwaysOn") item.kind = ItemKind::always_on;
  return item;
}

bool is_flattened(const Section& root) {
  return !root.has("PayloadContent") && (root.has("VPNType") || text(root, "PayloadType").starts_with(vpn_payload));
}

DocumentKind kind_of(const document::Document& document, const Section& root) {
  if (!root.value->is(Type::dictionary)) return DocumentKind::unknown;
  if (is_flattened(root)) return DocumentKind::flattened;
  if (root.has("PayloadContent") || root.has("PayloadType") || root.has("EncryptedPayloadContent"))
    return DocumentKind::profile;
  const bool declared = root.has("Type") && (root.has("Payload") || root.has("Identifier"));
  if (declared) return DocumentKind::declaration;
  const bool empty_declaration = document.format == document::Format::json && root.has("Payload");
  return empty_declaration ? DocumentKind::declaration : DocumentKind::unknown;
}

}  // namespace

void NameIndex::add(const Named& named) {
  if (!named.name.empty()) entries_.push_back({hash_without_case(named.name), entries_.size(), named});
}

void NameIndex::finish() {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.hash != b.hash ? a.hash < b.hash : a.order < b.order; });
}

const Named* NameIndex::find(std::string_view name) const {
  const std::uint64_t hash = hash_without_case(name);
  auto entry = std::lower_bound(entries_.begin(), entries_.end(), hash,
                                [](const Entry& e, std::uint64_t h) { return e.hash < h; });
  for (; entry != entries_.end() && entry->hash == hash; ++entry)
    if (ascii::equal_without_case(entry->named.name, name)) return &entry->named;
  return nullptr;
}

namespace {

void read_items(Profile& profile) {
  const document::Document& document = *profile.document;
  const Section root{&document.root(), nullptr, {}};
  profile.kind = kind_of(document, root);
  if (profile.kind == DocumentKind::declaration) {
    profile.items.push_back(read_item(document.root(), 0, true));
    profile.identifier = text(root, "Identifier");
    return;
  }
  if (profile.kind != DocumentKind::profile) return;
  profile.identifier = text(root, "PayloadIdentifier");
  const Member* const content = array_member(root, "PayloadContent");
  if (content == nullptr) return;
  profile.items.reserve(content->value.size);
  std::uint32_t index = 0;
  for (const Value& value : content->value.array()) {
    if (value.is(Type::dictionary)) profile.items.push_back(read_item(value, index, false));
    ++index;
  }
}

void index_items(Profile& profile, Device& device) {
  if (profile.kind != DocumentKind::declaration) profile.names.reserve(profile.items.size());
  for (const Item& item : profile.items) {
    const Section section{item.dictionary, nullptr, {}};
    const auto named = [&](std::string_view key) {
      const Member* const member = text_member(section, key);
      return Named{member == nullptr ? std::string_view{} : member->value.string(), &item, &profile, member};
    };
    if (item.is_declaration) {
      device.declarations.add(named("Identifier"));
    } else {
      profile.names.add(named("PayloadUUID"));
    }
    if (item.kind == ItemKind::per_app_vpn) device.per_app_vpns.add(named("VPNUUID"));
  }
  profile.names.finish();
}

}  // namespace

void read_device(std::span<const document::Document* const> documents, Device& device) {
  device.profiles.resize(documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    device.profiles[i].document = documents[i];
    read_items(device.profiles[i]);
    index_items(device.profiles[i], device);
  }
  device.per_app_vpns.finish();
  device.declarations.finish();
}

Section item_section(const document::Document& document, const Item& item, ItemPath& storage) {
  if (item.is_declaration) return {item.dictionary, nullptr, opening(document, *item.dictionary)};
  storage.list = Path{nullptr, "PayloadContent"};
  storage.item = Path{&storage.list, {}, item.index};
  return {item.dictionary, &storage.item, opening(document, *item.dictionary)};
}

}  // namespace vpn::lint
