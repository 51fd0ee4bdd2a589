// VP14xx, VP1515: always-on (S3): captive keys, exceptions, tunnels by interface.
#include <algorithm>
#include <unordered_map>

#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

constexpr unsigned cellular = 1, wifi = 2, all_interfaces = cellular | wifi;

/// Names that were seen, and where. Few names need no table.
class Seen {
 public:
  struct Place {
    std::string_view value;
    Span span;
  };
  /// The place of the name's first mention, or null when this is it.
  const Place* add(std::string_view name, Place place) {
    const auto [entry, is_new] = places_.emplace(name, place);
    return is_new ? nullptr : &entry->second;
  }

 private:
  std::unordered_map<std::string_view, Place> places_;
};

void check_captive(Context& context, const Section& settings) {
  const Member* const plugins = array_member(settings, "AllowedCaptiveNetworkPlugins");
  if (plugins == nullptr) return;
  if (plugins->value.size != 0 && is_set(settings, "AllowAllCaptiveNetworkPlugins")) {
    Finding& f = context.at_key(Code::captive_plugins_unread, settings, *plugins,
                                "'AllowedCaptiveNetworkPlugins' is not read beside 'AllowAllCaptiveNetworkPlugins'");
    context.relate(f, settings.find("AllowAllCaptiveNetworkPlugins")->key_span,
                   "lets every captive-networking app out");
    f.help = "set 'AllowAllCaptiveNetworkPlugins' to 0, or remove the list";
  }
  if (plugins->value.size < 2) return;
  Seen seen;
  for_each_dictionary(context, settings, plugins->key, [&](const Section& plugin) {
    const Member* const app = text_member(plugin, "BundleIdentifier");
    if (app == nullptr) return;
    if (const Seen::Place* const first = seen.add(app->value.string(), {{}, app->value.span}))
      context.relate(
          context.at_value(Code::repeated_entry, plugin, *app, quoted(app->value.string()) + " is in the list already"),
          first->span, "first here");
  });
}

void check_services(Context& context, const Section& settings) {
  const Member* const list = array_member(settings, "ServiceExceptions");
  if (list == nullptr || list->value.size < 2) return;
  Seen seen;
  for_each_dictionary(context, settings, list->key, [&](const Section& exception) {
    const Member* const service = text_member(exception, "ServiceName");
    if (service == nullptr) return;
    const std::string_view action = text(exception, "Action");
    const Seen::Place* const first = seen.add(service->value.string(), {action, service->value.span});
    if (first == nullptr) return;
    const bool conflict = first->value != action;
    Finding& f =
        context.at_value(conflict ? Code::conflicting_service_exceptions : Code::repeated_entry, exception, *service,
                         conflict ? quoted(service->value.string()) + " is both allowed and dropped"
                                  : quoted(service->value.string()) + " is in the list already");
    context.relate(f, first->span,
                   first->value.empty() ? "first here" : "first here, with " + std::string(first->value));
    f.help = conflict ? "keep the one that is meant" : "remove one of the two";
  });
}

bool is_browser(std::string_view app) {
  const auto apps = schema::known_apps();
  const auto found = std::lower_bound(apps.begin(), apps.end(), app,
                                      [](const schema::KnownApp& a, std::string_view id) { return a.identifier < id; });
  return found != apps.end() && found->identifier == app && (found->roles & policy::bit(policy::Role::browser)) != 0;
}

void check_applications(Context& context, const Section& settings) {
  const Member* const list = array_member(settings, "ApplicationExceptions");
  if (list == nullptr || list->value.size == 0) return;
  Seen seen;
  for_each_dictionary(context, settings, list->key, [&](const Section& exception) {
    const Member* const app = text_member(exception, "BundleIdentifier");
    if (app == nullptr) return;
    const std::string_view name = app->value.string();
    if (const Seen::Place* const first = seen.add(name, {{}, app->value.span})) {
      Finding& f = context.at_value(Code::repeated_entry, exception, *app, quoted(name) + " is in the list already");
      context.relate(f, first->span, "first here");
      return;
    }
    const Member* const protocols = array_member(exception, "LimitToProtocols");
    const bool applies = protocols == nullptr || protocols->value.size != 0;
    if (!applies || !is_browser(name)) return;
    Finding& f = context.at_value(Code::browser_exception, exception, *app,
                                  quoted(name) + " is a browser: whatever it opens goes around the VPN");
    f.help = "leave out the one app that needs it, not the one that opens everything";
  });
}

unsigned interfaces_of(const Section& tunnel) {
  const Member* const list = tunnel.find("Interfaces");
  if (list == nullptr || !usable(list->value) || !list->value.is(Type::array) || list->value.size == 0)
    return all_interfaces;
  unsigned mask = 0;
  for (const Value& item : list->value.array()) {
    if (!usable(item) || !item.is(Type::string)) return all_interfaces;
    if (item.string() == "Cellular") mask |= cellular;
    if (item.string() == "WiFi") mask |= wifi;
  }
  return mask;
}

void check_tunnels(Context& context, const Section& settings) {
  const Member* const list = array_member(settings, "TunnelConfigurations");
  if (list == nullptr || list->value.size == 0) return;
  unsigned covered = 0;
  for_each_dictionary(context, settings, list->key, [&](const Section& tunnel) {
    const unsigned mask = interfaces_of(tunnel);
    const Member* const interfaces = tunnel.find("Interfaces");
    if (mask != 0 && (mask & ~covered) == 0) {
      std::string message = "the tunnel never carries anything: those before it are for the same interfaces";
      Finding& f = interfaces != nullptr
                       ? context.at_key(Code::shadowed_tunnel, tunnel, *interfaces, std::move(message))
                       : context.at_section(Code::shadowed_tunnel, tunnel, std::move(message));
      f.help = "the first tunnel for the primary interface's type carries the traffic (S3.d)";
    }
    covered |= mask;
  });
  if (covered == all_interfaces || covered == 0) return;
  const std::string missing = (covered & wifi) != 0 ? "cellular" : "Wi-Fi";
  Finding& f = context.at_key(Code::interface_without_tunnel, settings, *list,
                              "no tunnel is for " + missing + ", so nothing leaves the device over it");
  f.help = "add " + std::string((covered & wifi) != 0 ? "Cellular" : "WiFi") + " to 'Interfaces' unless that is meant";
}

}  // namespace

void check_always_on(Context& context, const Section& settings) {
  if (!settings) return;
  check_captive(context, settings);
  check_services(context, settings);
  check_applications(context, settings);
  check_tunnels(context, settings);
}

}  // namespace vpn::lint
