// VP14xx: IncludeAllNetworks, EnforceRoutes and the exclusions (S5, S6).
#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

/// `usual`: what the absence of the key means.
struct Exclusion {
  std::string_view key;
  bool usual;
};
constexpr Exclusion exclusions[] = {
    {"ExcludeLocalNetworks", false},
    {"ExcludeCellularServices", true},
    {"ExcludeAPNs", true},
    {"ExcludeDeviceCommunication", true},
};

void check_exclusions(Context& context, const Section& settings, bool enforced) {
  for (const Exclusion& exclusion : exclusions) {
    const bool is_local = exclusion.key == "ExcludeLocalNetworks";
    if (is_local && enforced) continue;
    const auto value = flag(settings, exclusion.key);
    if (!value) continue;
    Finding& f = context.at_key(Code::exclusion_without_effect, settings, *settings.find(exclusion.key),
                                quoted(exclusion.key) + " has no effect without 'IncludeAllNetworks'" +
                                    (is_local ? " or 'EnforceRoutes'" : ""));
    // Nobody expects anything of a key that says what is so anyway.
    if (*value == exclusion.usual) f.severity = Severity::note;
    f.help = "set 'IncludeAllNetworks', or remove the key";
  }
}

}  // namespace

void check_routing(Context& context, const Section& settings, bool per_app) {
  constexpr std::string_view include = "IncludeAllNetworks", enforce = "EnforceRoutes";
  if (!settings || is_open(settings, include)) return;
  const bool includes_all = is_set(settings, include);
  const bool enforces = is_set(settings, enforce);
  if (per_app) {
    for (const std::string_view key : {include, enforce}) {
      if (!is_set(settings, key)) continue;
      Finding& f = context.at_key(Code::key_without_effect, settings, *settings.find(key),
                                  quoted(key) + " counts for device-wide VPNs only, not for a per-app VPN");
      f.severity = Severity::warning;
    }
    return;
  }
  if (!includes_all) return check_exclusions(context, settings, enforces || is_open(settings, enforce));
  if (!enforces) return;
  Finding& f = context.at_key(Code::enforce_routes_void, settings, *settings.find(enforce),
                              "'EnforceRoutes' is void beside 'IncludeAllNetworks'");
  context.relate(f, settings.find(include)->key_span, "takes everything");
  f.help = "remove one of the two";
}

}  // namespace vpn::lint
