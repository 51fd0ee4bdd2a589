// VP1308, VP14xx: per-app VPNs of all documents together: their names, apps and domains.
#include <unordered_map>

#include "compiler/lint/checks.h"
#include "compiler/lint/domain_list.h"
#include "compiler/lint/lookup.h"
#include "policy/ascii.h"

namespace vpn::lint {
namespace {

std::size_t number_of(const Device& device, const Profile* profile) {
  return static_cast<std::size_t>(profile - device.profiles.data());
}

void check_vpn_names(Contexts& contexts, const Device& device) {
  device.per_app_vpns.for_each_duplicate([&](const Named& first, const Named& again) {
    Context& context = contexts[number_of(device, again.profile)];
    ItemPath path;
    const Section section = item_section(context.document, *again.item, path);
    Finding& f = context.at_value(Code::duplicate_vpn_uuid, section, *again.member,
                                  "another per-app VPN has the 'VPNUUID' " + quoted(again.name) + " already");
    f.related.push_back({&first.profile->document->source(), first.member->value.span, "first here"});
  });
}

constexpr std::uint32_t none = 0xffffffff;

/// One app of a mapping.
struct Mapped {
  Context* context = nullptr;
  std::string_view vpn;
  Span span;
  const Value* tools = nullptr;  ///< MatchTools; null: the app and all that it starts
  std::uint32_t next = none;     ///< number of the app's next mapping
};

std::string_view tool_name(const Value& tool) {
  const Section section{&tool, nullptr, {}};
  const std::string_view path = text(section, "Path");
  return path.empty() ? text(section, "SigningIdentifier") : path;
}

/// Whether both mappings govern some process.
bool overlap(const Mapped& a, const Mapped& b) {
  if (a.tools == nullptr || b.tools == nullptr) return a.tools == b.tools;
  constexpr std::size_t most_compared = 100;
  if (a.tools->size > most_compared || b.tools->size > most_compared) return false;
  for (const Value& tool : a.tools->array())
    for (const Value& other : b.tools->array())
      if (tool.is(Type::dictionary) && other.is(Type::dictionary) && tool_name(tool) == tool_name(other)) return true;
  return false;
}

/// The mappings of each app, in order; no more than some of each. There may be a million apps, nearly all mapped once.
class AppTable {
 public:
  void expect(std::size_t mappings) {
    apps_.reserve(apps_.size() + mappings);
    all_.reserve(all_.size() + mappings);
  }

  /// The first earlier mapping of the app that `is_wanted`, or null; then adds this one. Valid until the next call.
  template <class Wanted>
  const Mapped* find_and_add(std::string_view app, const Mapped& mapped, Wanted is_wanted) {
    const auto [entry, is_new] = apps_.try_emplace(app, static_cast<std::uint32_t>(all_.size()));
    if (is_new) {
      all_.push_back(mapped);
      return nullptr;
    }
    std::uint32_t last = entry->second, count = 0;
    const Mapped* found = nullptr;
    for (std::uint32_t i = last; i != none; i = all_[i].next, ++count) {
      if (found == nullptr && is_wanted(all_[i])) found = &all_[i];
      last = i;
    }
    if (count == most_of_an_app) return found;
    const std::ptrdiff_t at = found == nullptr ? 0 : found - all_.data();
    all_[last].next = static_cast<std::uint32_t>(all_.size());
    all_.push_back(mapped);
    return found == nullptr ? nullptr : all_.data() + at;
  }

 private:
  static constexpr std::uint32_t most_of_an_app = 16;
  std::unordered_map<std::string_view, std::uint32_t> apps_;  ///< number of the first mapping
  std::vector<Mapped> all_;
};

void check_app(AppTable& apps, Context& context, const Section& mapping) {
  const Member* const app = text_member(mapping, "Identifier");
  const std::string_view vpn = text(mapping, "VPNUUID");
  if (app == nullptr || vpn.empty()) return;
  const Member* const tools = array_member(mapping, "MatchTools");
  const Mapped mapped{&context, vpn, app->value.span,
                      tools != nullptr && tools->value.size != 0 ? &tools->value : nullptr, none};
  const Mapped* const first =
      apps.find_and_add(app->value.string(), mapped, [&](const Mapped& other) { return overlap(mapped, other); });
  if (first == nullptr) return;
  const bool same = ascii::equal_without_case(first->vpn, vpn);
  Finding& f =
      context.at_value(same ? Code::repeated_entry : Code::app_in_two_vpns, mapping, *app,
                       same ? quoted(app->value.string()) + " is mapped to this VPN already"
                            : quoted(app->value.string()) + " is mapped to two per-app VPNs; the first governs it");
  f.related.push_back({&first->context->document.source(), first->span, "first here"});
}

void check_apps(Contexts& contexts, const Device& device) {
  AppTable apps;
  for (std::size_t d = 0; d < contexts.size(); ++d) {
    for (const Item& item : device.profiles[d].items) {
      if (item.kind != ItemKind::mapping) continue;
      ItemPath path;
      const Section section = item_section(contexts[d].document, item, path);
      if (const Member* const list = array_member(section, "AppLayerVPNMapping")) apps.expect(list->value.size);
      for_each_dictionary(contexts[d], section, "AppLayerVPNMapping",
                          [&](const Section& mapping) { check_app(apps, contexts[d], mapping); });
    }
  }
}

/// Names that send the same app's traffic into two VPNs.
class DomainTable {
 public:
  void add(Context& context, const Section& payload, const Member& list, const Item& item) {
    const Path path{payload.path, list.key};
    std::uint32_t count = 0, index = 0;
    for (const Value& value : list.value.array()) {
      const Path at{&path, {}, index++};
      if (!usable(value) || !value.is(Type::string)) continue;
      bool below_only = false;
      std::string storage;
      const std::string_view name = compared_name(value.string(), storage, below_only);
      // Names in another form are left out: the table views into the documents.
      if (name.empty() || name.data() == storage.data()) continue;
      const auto [entry, is_new] = places_.emplace(value.string(), Place{&context, &item, value.span});
      if (is_new || entry->second.item == &item || ++count > most_in_a_list) continue;
      Finding& f = context.report(
          Code::domain_in_two_vpns, value.span,
          quoted(value.string()) + " is in " + quoted(list.key) + " of another per-app VPN, which comes first", &at);
      f.related.push_back({&entry->second.context->document.source(), entry->second.span, "first here"});
    }
    if (count <= most_in_a_list) return;
    context.at_key(Code::domain_in_two_vpns, payload, list,
                   "and " + std::to_string(count - most_in_a_list) + " more names like this in " + quoted(list.key));
  }

 private:
  struct Place {
    Context* context;
    const Item* item;
    Span span;
  };
  std::unordered_map<std::string_view, Place> places_;
};

void check_domains(Contexts& contexts, const Device& device) {
  for (const std::string_view key :
       {"SafariDomains", "MailDomains", "CalendarDomains", "ContactsDomains", "SMBDomains"}) {
    DomainTable table;
    for (std::size_t d = 0; d < contexts.size(); ++d) {
      for (const Item& item : device.profiles[d].items) {
        if (item.kind != ItemKind::per_app_vpn) continue;
        ItemPath path;
        const Section section = item_section(contexts[d].document, item, path);
        if (const Member* const list = array_member(section, key)) table.add(contexts[d], section, *list, item);
      }
    }
  }
}

bool has_two_per_app_vpns(const Device& device) {
  int count = 0;
  for (const Profile& profile : device.profiles)
    for (const Item& item : profile.items) count += item.kind == ItemKind::per_app_vpn ? 1 : 0;
  return count > 1;
}

}  // namespace

void check_device_apps(Contexts& contexts, const Device& device) {
  check_apps(contexts, device);
  if (!has_two_per_app_vpns(device)) return;
  check_vpn_names(contexts, device);
  check_domains(contexts, device);
}

}  // namespace vpn::lint
