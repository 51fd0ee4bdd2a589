#include <algorithm>

#include "compiler/model/builder.h"
#include "compiler/schema/schema.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

using policy::Role;
namespace fb = policy::fb;

std::uint32_t service_roles() {
  std::uint32_t roles = 0;
  for (const schema::ServiceSelector& selector : schema::services()) roles |= selector.role;
  return roles;
}

std::uint32_t role_of(std::uint8_t list_kind) {
  switch (static_cast<fb::ListKind>(list_kind)) {
    case fb::ListKind::safari:
      return bit(Role::browser);
    case fb::ListKind::mail:
      return bit(Role::mail);
    case fb::ListKind::calendar:
      return bit(Role::calendar);
    case fb::ListKind::contacts:
      return bit(Role::contacts);
    case fb::ListKind::smb:
      return bit(Role::smb);
    default:
      return 0;
  }
}

// The roles that some rule of the model looks at. Well-known apps with others would make every policy larger for
// nothing.
std::uint32_t roles_that_matter(const Model& model) {
  std::uint32_t roles = bit(Role::cellular_only);  // S1.e
  const bool includes_all =
      std::any_of(model.devices.begin(), model.devices.end(), [](const Device& d) { return d.include_all.value; });
  if (model.always_on || includes_all)
    roles |= bit(Role::captive_websheet) | bit(Role::captive_plugin) | service_roles();
  for (const PerApp& vpn : model.per_app) {
    for (const DomainList& list : vpn.lists) roles |= role_of(list.kind);
  }
  return roles;
}

}  // namespace

std::vector<App> collect_apps(const Model& model, std::span<const MappedApp> app_map) {
  const std::uint32_t roles = roles_that_matter(model);
  const auto known = schema::known_apps();
  std::vector<App> apps;
  apps.reserve(app_map.size());
  auto mapped = app_map.begin();
  const auto add_mapped = [&](const schema::KnownApp* same) {
    const std::uint32_t its_roles = mapped->has_roles || same == nullptr ? mapped->roles : same->roles;
    apps.push_back({mapped->identifier, its_roles, &*mapped, same});
    ++mapped;
  };
  for (const schema::KnownApp& app : known) {
    while (mapped != app_map.end() && mapped->identifier < app.identifier) add_mapped(nullptr);
    if (mapped != app_map.end() && mapped->identifier == app.identifier) {
      add_mapped(&app);
    } else if ((app.roles & roles) != 0) {
      apps.push_back({app.identifier, app.roles, nullptr, &app});
    }
  }
  while (mapped != app_map.end()) add_mapped(nullptr);
  return apps;
}

}  // namespace vpn::model
