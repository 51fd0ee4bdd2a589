#include "compiler/cli/policy_tree.h"

#include <openssl/evp.h>

#include "compiler/cli/policy_tree_parts.h"

namespace vpn::cli {
namespace {

const char* list_kind(fb::ListKind kind) {
  constexpr const char* names[] = {"excluded",   "safari",           "mail",    "calendar", "contacts", "smb",
                                   "associated", "dns-supplemental", "evaluate"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace

Tree text(const flatbuffers::String* s) { return s == nullptr ? Tree() : Tree(s->str()); }

Tree texts(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* list) {
  if (list == nullptr) return {};
  Tree out = Tree::array();
  for (const flatbuffers::String* s : *list) out.push_back(s->str());
  return out;
}

Tree secret(std::uint32_t number) { return number == policy::none ? Tree() : Tree{{"secret", number}}; }

Tree settings(const flatbuffers::Vector<flatbuffers::Offset<fb::Setting>>* list) {
  if (list == nullptr) return {};
  Tree out = Tree::object();
  for (const fb::Setting* s : *list)
    out[s->key()->str()] = s->secret() == policy::none ? text(s->value()) : secret(s->secret());
  return out;
}

Tree role_names(std::uint32_t roles) {
  Tree out = Tree::array();
  for (std::uint32_t bit = 1; bit <= policy::bit(policy::Role::cellular_only); bit <<= 1) {
    if ((roles & bit) != 0) out.push_back(policy::to_string(static_cast<policy::Role>(bit)));
  }
  return out;
}

std::string base64(std::span<const std::uint8_t> bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t b : bytes) out += {digits[b >> 4], digits[b & 15]};
  return out;
}

void put(Tree& tree, const char* key, Tree value) {
  if (value.is_null() || (value.is_structured() && value.empty())) return;
  tree[key] = std::move(value);
}

Tree PolicyTree::header() const {
  const policy::Header& h = policy_.header();
  return {{"format_version", h.format_version},
          {"minimum_reader", h.minimum_reader},
          {"serial", h.serial},
          {"sha256", hexadecimal(h.sha256)},
          {"key_id", h.is_signed ? Tree(hexadecimal(h.key_id)) : Tree()},
          {"platform", policy::to_string(static_cast<policy::Platform>(body_.platform()))},
          {"compiler", text(body_.compiler())}};
}

Tree PolicyTree::source(std::uint32_t index) const {
  if (index == policy::none) return {};
  const fb::Source& s = *body_.sources()->Get(index);
  return {{"file", body_.files()->Get(s.file())->str()},
          {"line", s.line()},
          {"column", s.column()},
          {"path", s.path()->str()}};
}

Tree PolicyTree::tunnel_id(std::uint32_t index) const { return body_.tunnels()->Get(index)->id()->str(); }

Tree PolicyTree::services() const {
  Tree out = Tree::array();
  if (body_.services() == nullptr) return out;
  for (const fb::ServiceSelector* s : *body_.services()) {
    Tree selector{{"service", policy::to_string(static_cast<policy::Service>(s->service()))}};
    put(selector, "roles", role_names(s->role()));
    if (s->protocol() != 0) selector["protocol"] = s->protocol();
    if (s->ports() != nullptr)
      put(selector, "ports", std::vector<std::uint16_t>(s->ports()->begin(), s->ports()->end()));
    put(selector, "prefixes", texts(s->prefixes()));
    if (s->local_only()) selector["local_only"] = true;
    out.push_back(std::move(selector));
  }
  return out;
}

Tree PolicyTree::domain_lists() const {
  Tree out = Tree::array();
  if (body_.domain_lists() == nullptr) return out;
  std::vector<Tree> names(body_.domain_lists()->size(), Tree::array());
  policy_.domains().for_each([&](std::string_view name, auto whole, auto below) {
    for (const std::uint32_t list : whole) names[list].push_back(name);
    for (const std::uint32_t list : below) names[list].push_back("*." + std::string(name));
  });
  for (std::uint32_t i = 0; i < body_.domain_lists()->size(); ++i) {
    const fb::DomainList& list = *body_.domain_lists()->Get(i);
    const bool of_per_app = list.kind() <= fb::ListKind::associated;
    const std::uint32_t tunnel = of_per_app ? body_.per_app()->Get(list.owner())->tunnel() : list.owner();
    out.push_back({{"kind", list_kind(list.kind())},
                   {"vpn", tunnel_id(tunnel)},
                   {"source", source(list.source())},
                   {"names", std::move(names[i])}});
  }
  return out;
}

Tree PolicyTree::identities() const {
  Tree out = Tree::array();
  if (body_.identities() == nullptr) return out;
  for (const fb::Identity* identity : *body_.identities()) {
    Tree tree{{"uuid", text(identity->uuid())}, {"kind", text(identity->kind())}};
    if (identity->certificate() != nullptr)
      tree["certificate"] = base64({identity->certificate()->data(), identity->certificate()->size()});
    put(tree, "container", secret(identity->secret()));
    put(tree, "password", secret(identity->password()));
    put(tree, "settings", settings(identity->settings()));
    out.push_back(std::move(tree));
  }
  return out;
}

Tree PolicyTree::probes() const {
  Tree out = Tree::array();
  if (body_.probes() == nullptr) return out;
  for (const fb::ProbeTarget* probe : *body_.probes())
    out.push_back({{"host", text(probe->host())}, {"port", probe->port()}});
  return out;
}

Tree PolicyTree::build() {
  const auto each = [](const auto* list, const auto& one) {
    Tree out = Tree::array();
    for (std::uint32_t i = 0; list != nullptr && i < list->size(); ++i) out.push_back(one(i));
    return out;
  };
  Tree out = header();
  out["files"] = texts(body_.files());
  out["always_on"] = always_on();
  out["per_app"] = each(body_.per_app(), [&](std::uint32_t i) { return per_app(i); });
  out["devices"] = each(body_.devices(), [&](std::uint32_t i) { return device(*body_.devices()->Get(i)); });
  out["tunnels"] = each(body_.tunnels(), [&](std::uint32_t i) { return tunnel(*body_.tunnels()->Get(i)); });
  out["apps"] = each(body_.apps(), [&](std::uint32_t i) { return app(i); });
  out["domain_lists"] = domain_lists();
  out["identities"] = identities();
  out["services"] = services();
  out["servers"] = body_.servers() == nullptr ? Tree::array() : texts(body_.servers());
  out["probes"] = probes();
  out["secrets"] = {{"count", body_.secret_count()}, {"sealed", body_.secrets() != nullptr}};
  return out;
}

Tree policy_tree(const policy::Policy& policy) { return PolicyTree(policy).build(); }

}  // namespace vpn::cli
