// VP14xx, VP19xx: the payloads of all documents of a device together.
#include <unordered_map>

#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

/// An item with the context of its document.
struct Placed {
  Context* context = nullptr;
  const Item* item = nullptr;

  Finding& report(Code code, std::string message) const {
    ItemPath path;
    const Section section = item_section(context->document, *item, path);
    return context->at_value(code, section, type_of(section), std::move(message));
  }
  /// The member that says what it is: VPNType, PayloadType or Type.
  const Member& type_of(const Section& section) const {
    const Member* const selector = text_member(section, "VPNType");
    return selector != nullptr ? *selector : *item->type_member;
  }
  Span place() const {
    const Section section{item->dictionary, nullptr, {}};
    return type_of(section).value.span;
  }
};

void relate(Finding& f, const Placed& other, std::string message) {
  f.related.push_back({&other.context->document.source(), other.place(), std::move(message)});
}

bool is_vpn(ItemKind kind) { return kind == ItemKind::device_vpn || kind == ItemKind::per_app_vpn; }

void check_always_on_alone(Contexts& contexts, const Device& device) {
  Placed first;
  for (std::size_t d = 0; d < contexts.size(); ++d) {
    for (const Item& item : device.profiles[d].items) {
      if (item.kind != ItemKind::always_on) continue;
      const Placed placed{&contexts[d], &item};
      if (first.item == nullptr) {
        first = placed;
        continue;
      }
      Finding& f = placed.report(Code::second_always_on, "a second always-on VPN; a device takes one");
      relate(f, first, "the first one");
    }
  }
  if (first.item == nullptr) return;
  for (std::size_t d = 0; d < contexts.size(); ++d) {
    for (const Item& item : device.profiles[d].items) {
      if (!is_vpn(item.kind)) continue;
      Finding& f = Placed{&contexts[d], &item}.report(
          Code::hidden_by_always_on, "this VPN never decides anything while an always-on VPN is installed");
      relate(f, first, "the always-on VPN");
      f.help = "leave out one of the two";
    }
  }
}

/// IncludeAllNetworks of a device-wide VPN, in whichever dictionary it stands.
bool includes_all(const Item& item) {
  Path path, inner_path;
  const Section section{item.dictionary, nullptr, {}};
  if (!item.is_declaration) return is_set(child(section, item.selector, path), "IncludeAllNetworks");
  return is_set(child(child(section, "Payload", path), "NetworkRouting", inner_path), "IncludeAllNetworks");
}

void check_include_all(Contexts& contexts, const Device& device) {
  Placed first;
  for (std::size_t d = 0; d < contexts.size(); ++d) {
    for (const Item& item : device.profiles[d].items) {
      if (item.kind != ItemKind::device_vpn || !includes_all(item)) continue;
      const Placed placed{&contexts[d], &item};
      if (first.item == nullptr) {
        first = placed;
        continue;
      }
      Finding& f = placed.report(
          Code::second_include_all,
          "another VPN before this one includes all networks; while that is engaged, this one decides nothing");
      relate(f, first, "the first one");
    }
  }
}

void check_proxy_order(Contexts& contexts, const Device& device) {
  std::unordered_map<std::int64_t, Placed> orders;
  for (std::size_t d = 0; d < contexts.size(); ++d) {
    for (const Item& item : device.profiles[d].items) {
      if (item.selector != "TransparentProxy") continue;
      ItemPath path;
      Path settings_path;
      const Section section = item_section(contexts[d].document, item, path);
      const Section settings = child(section, "TransparentProxy", settings_path);
      const auto order = integer(settings, "Order");
      if (!order) continue;
      const auto [entry, is_new] = orders.emplace(*order, Placed{&contexts[d], &item});
      if (is_new) continue;
      Finding& f =
          contexts[d].at_value(Code::same_proxy_order, settings, *settings.find("Order"),
                               "another transparent proxy has the 'Order' " + std::to_string(*order) + ", too");
      relate(f, entry->second, "the other one");
      f.help = "number them from 1 in the order that is meant";
    }
  }
}

/// Profiles and declarations by their identifiers: a device keeps one of each.
void check_identifiers(Contexts& contexts, const Device& device) {
  if (contexts.size() < 2) return;
  NameIndex identifiers;
  identifiers.reserve(contexts.size());
  for (const Profile& profile : device.profiles) {
    const bool declared = profile.kind == DocumentKind::declaration;
    const Section root{&profile.document->root(), nullptr, {}};
    const Member* const member = text_member(root, declared ? "Identifier" : "PayloadIdentifier");
    if (member == nullptr || profile.kind == DocumentKind::unknown) continue;
    identifiers.add(
        {member->value.string(), profile.items.empty() ? nullptr : &profile.items.front(), &profile, member});
  }
  identifiers.finish();
  identifiers.for_each_duplicate([&](const Named& first, const Named& again) {
    Context& context = contexts[static_cast<std::size_t>(again.profile - device.profiles.data())];
    const bool declared = again.profile->kind == DocumentKind::declaration;
    Finding& f =
        context.report(declared ? Code::duplicate_declaration : Code::profile_replaced, again.member->value.span,
                       declared ? "another declaration has the 'Identifier' " + quoted(again.name) + " already"
                                : "another file has the 'PayloadIdentifier' " + quoted(again.name) +
                                      "; a device keeps the one that is installed last",
                       nullptr, again.member->key);
    f.related.push_back({&first.profile->document->source(), first.member->value.span, "first here"});
  });
}

}  // namespace

void check_device(Contexts& contexts, const Device& device) {
  check_always_on_alone(contexts, device);
  check_include_all(contexts, device);
  check_proxy_order(contexts, device);
  check_identifiers(contexts, device);
}

}  // namespace vpn::lint
