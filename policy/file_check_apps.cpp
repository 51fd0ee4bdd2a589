#include "policy/address.h"
#include "policy/file_checker.h"

namespace vpn::policy {
namespace {

constexpr std::uint32_t all_roles = (bit(Role::cellular_only) << 1) - 1;

template <class Sequence>
bool strictly_ascending(const Sequence& values) {
  for (std::uint32_t i = 1; i < values.size(); ++i) {
    if (values[i - 1] >= values[i]) return false;
  }
  return true;
}

std::span<const std::byte> bytes_of(const flatbuffers::Vector<std::uint8_t>* v) {
  return v == nullptr ? std::span<const std::byte>{} : std::as_bytes(std::span(v->data(), v->size()));
}

Error inside(Error error, const char* part) {
  error.where = error.where.empty() ? part : std::string(part) + ": " + error.where;
  return error;
}

}  // namespace

bool Checker::services() {
  if (size(policy_.services()) > most_service_selectors)
    return fault({nullptr, "services"}, "there are too many selectors of services");
  for (std::uint32_t i = 0; i < size(policy_.services()); ++i) {
    const Where where{nullptr, "services", i};
    const fb::ServiceSelector& s = *policy_.services()->Get(i);
    if (s.service() == 0 || s.service() >= service_count)
      return fault({&where, "service"}, "no service has this number");
    if ((s.role() & ~all_roles) != 0) return fault({&where, "role"}, "a role is not known");
    for (std::uint32_t k = 0; k < size(s.prefixes()); ++k) {
      if (!Prefix::parse(view(s.prefixes()->Get(k))))
        return fault({&where, "prefixes", k}, "this is no prefix in CIDR form");
    }
  }
  return true;
}

bool Checker::apps(AppTable& names) {
  if (size(policy_.app_names()) != 0) {
    auto table = AppTable::open(bytes_of(policy_.app_names()));
    if (!table) {
      error_ = inside(std::move(table.error()), "app_names");
      return false;
    }
    names = *table;
  }
  if (names.size() != size(policy_.apps())) {
    return fault({nullptr, "apps"}, "there are " + std::to_string(size(policy_.apps())) + " apps, but " +
                                        std::to_string(names.size()) + " names");
  }
  for (std::uint32_t i = 0; i < names.size(); ++i) {
    const Where where{nullptr, "apps", i};
    if (names.name(i).empty() || !valid_utf8(names.name(i)))
      return fault(where, "the app's identifier is empty or not UTF-8");
    if (!app(where, *policy_.apps()->Get(i))) return false;
  }
  return true;
}

bool Checker::app(const Where& where, const fb::App& a) {
  if (!index({&where, "class"}, a.class_(), size(policy_.app_classes()), "app classes")) return false;
  const std::pair<std::uint32_t, const char*> exceptions[] = {{a.exception_any(), "exception_any"},
                                                              {a.exception_udp(), "exception_udp"},
                                                              {a.exception_tcp(), "exception_tcp"},
                                                              {a.captive_plugin(), "captive_plugin"}};
  for (const auto& [value, name] : exceptions) {
    if (value == none) continue;
    if (policy_.always_on() == nullptr)
      return fault({&where, name}, "an exception from an always-on VPN, but there is none");
    if (!source(where, value, name)) return false;
  }
  const fb::AppIdentity* identity = a.identity();
  if (identity == nullptr) return true;
  const Where at{&where, "identity"};
  return texts(at, identity->paths(), "paths") && text(at, identity->flatpak(), "flatpak") &&
         text(at, identity->snap(), "snap") && text(at, identity->cgroup(), "cgroup");
}

bool Checker::app_classes() {
  const Where first{nullptr, "app_classes", 0};
  if (size(policy_.app_classes()) == 0) return fault(first, "the class of apps without role and membership is missing");
  const fb::AppClass& zero = *policy_.app_classes()->Get(0);
  if (zero.roles() != 0 || size(zero.governed()) != 0 || size(zero.tools()) != 0) {
    return fault(first, "the first class must be that of apps without role and membership");
  }
  for (std::uint32_t i = 0; i < size(policy_.app_classes()); ++i) {
    if (!app_class({nullptr, "app_classes", i}, *policy_.app_classes()->Get(i))) return false;
  }
  return true;
}

bool Checker::app_class(const Where& where, const fb::AppClass& c) {
  if ((c.roles() & ~all_roles) != 0) return fault({&where, "roles"}, "a role is not known");
  const std::uint32_t vpns = size(policy_.per_app());
  const std::uint32_t words = size(c.governed());
  if (words > (vpns + 63) / 64) return fault({&where, "governed"}, "a per-app VPN is named that does not exist");
  // FlatBuffers' verifier looks at the alignment of a vector's length only, not at that of its 8-byte elements.
  if (words != 0 && reinterpret_cast<std::uintptr_t>(c.governed()->Data()) % alignof(std::uint64_t) != 0)
    return fault({&where, "governed"}, "the words are not aligned");
  if (words != 0 && words * 64 > vpns && (vpns % 64) != 0 && (c.governed()->Get(words - 1) >> (vpns % 64)) != 0) {
    return fault({&where, "governed"}, "a per-app VPN is named that does not exist");
  }
  std::uint32_t before = none;
  for (std::uint32_t i = 0; i < size(c.tools()); ++i) {
    const Where at{&where, "tools", i};
    const fb::ToolRule& rule = *c.tools()->Get(i);
    if (!index({&at, "per_app"}, rule.per_app(), vpns, "per-app VPNs")) return false;
    if (before != none && before >= rule.per_app())
      return fault(at, "the rules for tools are not sorted, or one is there twice");
    before = rule.per_app();
    if (size(rule.tools()) == 0) return fault({&at, "tools"}, "a rule for tools names none");
    const std::span tools(rule.tools()->data(), rule.tools()->size());
    if (!strictly_ascending(tools)) return fault({&at, "tools"}, "the tools are not sorted, or one is there twice");
    if (!index({&at, "tools"}, tools.back(), size(policy_.apps()), "apps")) return false;
  }
  return true;
}

bool Checker::domains(DomainTable& names) {
  const auto bytes = bytes_of(policy_.domains());
  if (!bytes.empty()) {
    auto table = DomainTable::open(bytes, true);  // the body's SHA-256 holds
    if (!table) {
      error_ = inside(std::move(table.error()), "domains");
      return false;
    }
    names = *table;
  }
  const Where where{nullptr, "domains"};
  for (DomainClass c = 1; c < names.class_count(); ++c) {
    const auto lists = names.lists(c);
    if (lists.empty() || !strictly_ascending(lists))
      return fault(where, "class " + std::to_string(c) + " stands for no list or its lists are not sorted");
    if (!index(where, lists.back(), size(policy_.domain_lists()), "domain lists")) return false;
  }
  return true;
}

}  // namespace vpn::policy
