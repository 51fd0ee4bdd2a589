#include "compiler/lower/apps.h"

#include <algorithm>
#include <span>

#include "compiler/schema/schema.h"
#include "policy/app_table.h"

namespace vpn::lower {
namespace {

// "The first entry wins" where a profile says a thing twice.
void set_once(std::uint32_t& field, std::uint32_t value) {
  if (field == policy::none) field = value;
}

}  // namespace

Apps::Apps(flatbuffers::FlatBufferBuilder& builder, Sources& sources, const model::Model& model)
    : builder_(builder), sources_(sources), model_(model) {}

std::uint32_t Apps::index(std::string_view identifier) const {
  return numbers_.find(identifier)->second;  // collect_identifiers() has seen it
}

void Apps::collect_identifiers() {
  const auto add = [&](std::string_view identifier) {
    if (!identifier.empty()) identifiers_.push_back(identifier);
  };
  for (const model::App& app : model_.apps) add(app.identifier);
  for (const model::Mapping& mapping : model_.mappings) {
    add(mapping.app);
    for (const model::Tool& tool : mapping.tools) {
      add(tool.signing_identifier);
      add(tool.path);
    }
  }
  if (model_.always_on) {
    for (const model::ApplicationException& exception : model_.always_on->applications) add(exception.app);
    for (const model::Text& plugin : model_.always_on->captive_plugins) add(plugin.text);
  }
  if (!std::is_sorted(identifiers_.begin(), identifiers_.end())) std::sort(identifiers_.begin(), identifiers_.end());
  identifiers_.erase(std::unique(identifiers_.begin(), identifiers_.end()), identifiers_.end());
  entries_.resize(identifiers_.size());
  numbers_.reserve(identifiers_.size());
  for (const std::string_view identifier : identifiers_) numbers_.try_emplace(identifier, numbers_.size());
  for (const model::App& app : model_.apps) {
    Entry& entry = entries_[index(app.identifier)];
    entry.roles = app.roles;
    entry.known = &app;
  }
}

void Apps::collect_paths() {
  const auto names_path = [](const model::Mapping& m) {
    return std::any_of(m.tools.begin(), m.tools.end(), [](const model::Tool& t) { return !t.path.empty(); });
  };
  if (std::none_of(model_.mappings.begin(), model_.mappings.end(), names_path)) return;
  for (const model::App& app : model_.apps) {
    if (app.mapped == nullptr) continue;
    for (const std::string& path : app.mapped->paths) paths_.push_back({path, app.identifier});
  }
  std::sort(paths_.begin(), paths_.end());
}

void Apps::collect_exceptions() {
  if (!model_.always_on) return;
  for (const model::ApplicationException& exception : model_.always_on->applications) {
    if (exception.app.empty()) continue;
    Entry& entry = entries_[index(exception.app)];
    const std::uint32_t source = sources_.of(exception.place);
    // S3.c: without LimitToProtocols any protocol; an empty list exempts nothing.
    if (!exception.limited) set_once(entry.exception_any, source);
    if (exception.limited && exception.udp) set_once(entry.exception_udp, source);
    if (exception.limited && exception.tcp) set_once(entry.exception_tcp, source);
  }
  for (const model::Text& plugin : model_.always_on->captive_plugins) {
    if (!plugin.text.empty()) set_once(entries_[index(plugin.text)].captive_plugin, sources_.of(plugin.place));
  }
}

void Apps::collect_vpns() {
  for (std::uint32_t i = 0; i < model_.per_app.size(); ++i) vpns_.try_emplace(model_.per_app[i].vpn_uuid, i);
}

Result<std::uint32_t> Apps::vpn(std::string_view uuid, std::string_view app) const {
  if (const auto found = vpns_.find(uuid); found != vpns_.end()) return found->second;
  return fail(ErrorKind::invalid_input,
              "the app is mapped to the per-app VPN " + std::string(uuid) + ", which no profile defines",
              std::string(app), "correct the VPNUUID, or add the profile that defines this VPN");
}

// S4.d: a tool is an app of its own, known by its signing identifier, or by its path, which the app map may know other
// apps by.
void Apps::add_tools(std::uint32_t app, std::uint32_t vpn, const std::vector<model::Tool>& tools) {
  for (const model::Tool& tool : tools) {
    if (!tool.signing_identifier.empty()) memberships_.push_back({app, {vpn, index(tool.signing_identifier)}});
    if (tool.path.empty()) continue;
    const std::uint32_t itself = index(tool.path);
    entries_[itself].path = tool.path;
    memberships_.push_back({app, {vpn, itself}});
    for (auto user = std::lower_bound(paths_.begin(), paths_.end(), PathUser{tool.path, {}});
         user != paths_.end() && user->path == tool.path; ++user) {
      memberships_.push_back({app, {vpn, index(user->identifier)}});
    }
  }
}

Result<void> Apps::collect_mappings(bool shared_app_map) {
  for (const model::Mapping& mapping : model_.mappings) {
    if (mapping.app.empty()) continue;
    const auto number = vpn(mapping.vpn_uuid, mapping.app);
    if (!number) return tl::unexpected(number.error());
    const std::uint32_t app = index(mapping.app);
    if (!mapping.path.empty()) entries_[app].path = mapping.path;
    if (mapping.tools.empty()) {
      memberships_.push_back({app, {*number, policy::none}});
    } else {
      add_tools(app, *number, mapping.tools);
    }
  }
  for (const model::App& app : model_.apps) {
    if (app.mapped == nullptr || app.mapped->vpn.empty()) continue;
    auto number = vpn(app.mapped->vpn, app.identifier);
    if (!number && shared_app_map) continue;
    if (!number) {
      number.error().where = "the app map's entry " + std::string(app.identifier);
      return tl::unexpected(std::move(number.error()));
    }
    memberships_.push_back({index(app.identifier), {*number, policy::none}});
  }
  return {};
}

Result<void> Apps::collect(bool shared_app_map) {
  collect_identifiers();
  collect_paths();
  collect_exceptions();
  collect_vpns();
  if (auto ok = collect_mappings(shared_app_map); !ok) return ok;
  classify();
  return {};
}

// Apps with the same roles and memberships share a class. The key: roles, the governing VPNs' bits, then VPN and tool
// pairs.
std::uint32_t Apps::intern(std::uint32_t roles, std::span<const std::pair<std::uint32_t, Membership>> memberships) {
  std::vector<std::uint64_t> governed;
  std::vector<Membership> tools;
  for (const auto& [app, membership] : memberships) {
    const auto [vpn, tool] = membership;
    if (tool != policy::none) {
      tools.push_back(membership);
      continue;
    }
    if (governed.size() <= vpn / 64) governed.resize(vpn / 64 + 1);
    governed[vpn / 64] |= std::uint64_t{1} << (vpn % 64);
  }
  std::vector<std::uint64_t> key{roles, governed.size()};
  key.insert(key.end(), governed.begin(), governed.end());
  for (const auto& [vpn, tool] : tools) key.push_back(std::uint64_t{vpn} << 32 | tool);
  const auto [entry, is_new] = class_numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(classes_.size()));
  if (!is_new) return entry->second;

  std::vector<flatbuffers::Offset<fb::ToolRule>> rules;
  for (auto begin = tools.begin(); begin != tools.end();) {
    const auto end = std::find_if(begin, tools.end(), [&](const Membership& m) { return m.first != begin->first; });
    std::vector<std::uint32_t> indexes;
    for (auto t = begin; t != end; ++t) indexes.push_back(t->second);
    rules.push_back(fb::CreateToolRule(builder_, begin->first, builder_.CreateVector(indexes)));
    begin = end;
  }
  const auto governed_vector = governed.empty() ? 0 : builder_.CreateVector(governed);
  const auto rules_vector = rules.empty() ? 0 : builder_.CreateVector(rules);
  classes_.push_back(fb::CreateAppClass(builder_, roles, governed_vector, rules_vector));
  return entry->second;
}

void Apps::classify() {
  std::sort(memberships_.begin(), memberships_.end());
  memberships_.erase(std::unique(memberships_.begin(), memberships_.end()), memberships_.end());
  intern(0, {});  // class 0
  auto begin = memberships_.begin();
  for (std::uint32_t app = 0; app < entries_.size(); ++app) {
    auto end = begin;
    while (end != memberships_.end() && end->first == app) ++end;
    if (entries_[app].roles != 0 || begin != end) entries_[app].app_class = intern(entries_[app].roles, {begin, end});
    begin = end;
  }
}

Result<flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>>> Apps::names() {
  if (identifiers_.empty()) return 0;
  const auto table = policy::build_app_table(identifiers_);
  if (!table) return tl::unexpected(table.error());
  builder_.ForceVectorAlignment(table->size(), 1, 8);
  return builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(table->data()), table->size());
}

flatbuffers::Offset<fb::AppIdentity> Apps::identity(const Entry& entry) {
  const model::MappedApp* mapped = entry.known == nullptr ? nullptr : entry.known->mapped;
  const schema::KnownApp* known = entry.known == nullptr ? nullptr : entry.known->known;
  std::vector<flatbuffers::Offset<flatbuffers::String>> paths;
  const auto add = [&](std::string_view path) { paths.push_back(builder_.CreateString(path)); };
  if (mapped != nullptr && !mapped->paths.empty()) {
    for (const std::string& path : mapped->paths) add(path);
  } else if (known != nullptr && !known->paths.empty()) {
    for (const std::string_view path : known->paths) add(path);
  } else if (!entry.path.empty()) {
    add(entry.path);
  }
  const auto pick = [&](const std::string* ours, std::string_view theirs) -> flatbuffers::Offset<flatbuffers::String> {
    const std::string_view text = ours != nullptr && !ours->empty() ? std::string_view(*ours) : theirs;
    return text.empty() ? flatbuffers::Offset<flatbuffers::String>{} : builder_.CreateString(text);
  };
  const auto flatpak =
      pick(mapped == nullptr ? nullptr : &mapped->flatpak, known == nullptr ? std::string_view{} : known->flatpak);
  const auto snap =
      pick(mapped == nullptr ? nullptr : &mapped->snap, known == nullptr ? std::string_view{} : known->snap);
  const auto cgroup = pick(mapped == nullptr ? nullptr : &mapped->cgroup, {});
  const auto digest = mapped == nullptr || mapped->digest.empty() ? 0 : builder_.CreateVector(mapped->digest);
  if (paths.empty() && flatpak.IsNull() && snap.IsNull() && cgroup.IsNull() && digest.IsNull()) return 0;
  return fb::CreateAppIdentity(builder_, paths.empty() ? 0 : builder_.CreateVector(paths), flatpak, snap, cgroup,
                               digest);
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::App>>> Apps::apps() {
  std::vector<flatbuffers::Offset<fb::App>> apps;
  apps.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    apps.push_back(fb::CreateApp(builder_, entry.app_class, entry.exception_any, entry.exception_udp,
                                 entry.exception_tcp, entry.captive_plugin, identity(entry)));
  }
  return builder_.CreateVector(apps);
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::AppClass>>> Apps::classes() {
  return builder_.CreateVector(classes_);
}

}  // namespace vpn::lower
