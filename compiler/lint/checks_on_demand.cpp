// VP14xx, VP1513: on-demand rules that are dead, never reached or never fit, and those that rest on a name anybody can
// bear.
#include <algorithm>
#include <array>

#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

constexpr std::array<std::string_view, 5> criteria{"InterfaceTypeMatch", "SSIDMatch", "DNSDomainMatch",
                                                   "DNSServerAddressMatch", "URLStringProbe"};
/// Rules are compared with each other up to here; a list that is longer is not written by hand.
constexpr std::size_t most_compared = 64;

/// A network name has at most so many bytes (IEEE 802.11).
constexpr std::size_t longest_ssid = 32;

struct Rule {
  const Value* value = nullptr;
  std::uint32_t index = 0;

  Section section() const { return {value, nullptr, {}}; }
};

bool fits_always(const Rule& rule) {
  return std::none_of(criteria.begin(), criteria.end(), [&](std::string_view key) { return rule.section().has(key); });
}

bool contains(const Value& list, std::string_view text) {
  for (const Value& item : list.array())
    if (item.is(Type::string) && item.string() == text) return true;
  return false;
}

/// Whether all that fits `narrow` fits `wide`, as far as one criterion goes.
bool is_within(const Value& narrow, const Value& wide) {
  if (!usable(narrow) || !usable(wide) || narrow.type != wide.type) return false;
  if (narrow.is(Type::string)) return narrow.string() == wide.string();
  if (!narrow.is(Type::array) || narrow.size == 0 || narrow.size > most_compared || wide.size > most_compared)
    return false;
  const auto items = narrow.array();
  return std::all_of(items.begin(), items.end(),
                     [&](const Value& item) { return item.is(Type::string) && contains(wide, item.string()); });
}

/// Whether `earlier` fits wherever `later` does.
bool covers(const Rule& earlier, const Rule& later) {
  for (const std::string_view key : criteria) {
    const Member* const wide = earlier.section().find(key);
    if (wide == nullptr) continue;
    const Member* const narrow = later.section().find(key);
    if (narrow == nullptr || !is_within(narrow->value, wide->value)) return false;
  }
  return true;
}

/// What is underlined for a rule: its action, else its opening tag.
Span place_of(const Context& context, const Rule& rule) {
  const Member* const action = rule.section().find("Action");
  return action != nullptr ? action->value.span : opening(context.document, *rule.value);
}

std::string number(const Rule& rule) { return std::to_string(rule.index + 1); }

void report_unreachable(Context& context, const Path& list, const Rule& rule, const Rule& earlier,
                        std::string message) {
  const Path path{&list, {}, rule.index};
  Finding& f = context.report(Code::unreachable_rule, place_of(context, rule), std::move(message), &path);
  context.relate(f, place_of(context, earlier), "rule " + number(earlier));
  f.help = "the first rule that fits decides; move the rule up, or remove it";
}

void check_reachability(Context& context, const Path& list, const std::vector<Rule>& rules) {
  const auto always = std::find_if(rules.begin(), rules.end(), fits_always);
  const std::size_t reached =
      always == rules.end() ? rules.size() : static_cast<std::size_t>(always - rules.begin()) + 1;
  for (std::size_t later = 1; later < std::min(reached, most_compared); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (!covers(rules[earlier], rules[later])) continue;
      report_unreachable(context, list, rules[later], rules[earlier],
                         "rule " + number(rules[later]) + " is never reached: rule " + number(rules[earlier]) +
                             " fits wherever it does");
      break;
    }
  }
  if (reached == rules.size()) return;
  const bool several = rules.size() - reached > 1;
  report_unreachable(context, list, rules[reached], *always,
                     (several ? "rules " + number(rules[reached]) + " to " + number(rules.back()) + " are"
                              : "rule " + number(rules[reached]) + " is") +
                         " never reached: rule " + number(*always) + " always fits");
}

void check_ssids(Context& context, const Section& rule) {
  const Member* const ssids = array_member(rule, "SSIDMatch");
  if (ssids == nullptr || ssids->value.size == 0) return;
  const Path list{rule.path, ssids->key};
  std::uint32_t index = 0;
  for (const Value& item : ssids->value.array()) {
    const Path path{&list, {}, index++};
    if (usable(item) && item.is(Type::string) && item.string().size() > longest_ssid)
      context.report(Code::invalid_ssid, item.span,
                     quoted(item.string()) + " has more than 32 bytes, so no network bears it", &path);
  }
  const std::string_view interface = text(rule, "InterfaceTypeMatch");
  if (!interface.empty() && interface != "WiFi") {
    const Member* const member = rule.find("InterfaceTypeMatch");
    Finding& f =
        context.at_value(Code::rule_never_fits, rule, *member,
                         "the rule never fits: no " + std::string(interface) + " interface is in a Wi-Fi network");
    context.relate(f, ssids->key_span, "only Wi-Fi has names");
    return;
  }
  const std::string_view action = text(rule, "Action");
  const bool lets_out = action == "Disconnect" || action == "Ignore" || action == "Allow";
  const bool proven = rule.has("DNSDomainMatch") || rule.has("DNSServerAddressMatch") || rule.has("URLStringProbe");
  if (!lets_out || proven) return;
  Finding& f = context.at_key(
      Code::ssid_alone, rule, *ssids,
      "'" + std::string(action) + "' rests on the name of a Wi-Fi network, which anybody can give to theirs");
  f.help = "add 'URLStringProbe' with an https:// URL that only the trusted network answers";
}

void check_action(Context& context, const Section& rule) {
  const Member* const action = text_member(rule, "Action");
  const Member* const parameters = rule.find("ActionParameters");
  if (action == nullptr) return;
  const bool evaluates = action->value.string() == "EvaluateConnection";
  if (evaluates && parameters == nullptr) {
    Finding& f =
        context.at_value(Code::companion_missing, rule, *action, "'EvaluateConnection' needs 'ActionParameters'");
    f.help = "without it the rule does nothing";
  } else if (!evaluates && parameters != nullptr && usable(parameters->value) && parameters->value.size != 0) {
    Finding& f = context.at_key(Code::key_without_effect, rule, *parameters,
                                "'ActionParameters' is read only with 'Action' EvaluateConnection");
    f.severity = Severity::warning;
  }
  for_each_dictionary(context, rule, "ActionParameters",
                      [&](const Section& parameter) { check_dependencies(context, parameter, Part::parameter); });
}

bool has_legacy_lists(const Section& settings) {
  return settings.has("OnDemandMatchDomainsAlways") || settings.has("OnDemandMatchDomainsOnRetry") ||
         settings.has("OnDemandMatchDomainsNever");
}

void check_rules(Context& context, const Section& settings, const Member& member) {
  std::vector<Rule> rules;
  const Path list{settings.path, member.key};
  std::uint32_t index = 0;
  for (const Value& value : member.value.array()) {
    if (usable(value) && value.is(Type::dictionary)) rules.push_back({&value, index});
    ++index;
  }
  if (!rules.empty()) check_reachability(context, list, rules);
  for (const Rule& rule : rules) {
    const Path path{&list, {}, rule.index};
    const Section section{rule.value, &path, opening(context.document, *rule.value)};
    check_ssids(context, section);
    check_action(context, section);
  }
}

}  // namespace

void check_on_demand(Context& context, const Section& settings, OnDemandKeys keys, bool per_app,
                     std::optional<bool> match_app) {
  if (!settings || is_open(settings, keys.enabled) || is_open(settings, keys.rules)) return;
  const bool enabled = match_app.value_or(is_set(settings, keys.enabled));
  const Member* const member = array_member(settings, keys.rules);
  const bool has_rules = member != nullptr && member->value.size != 0;
  if (!enabled) {
    if (!has_rules) return;
    Finding& f = context.at_key(Code::on_demand_rules_dead, settings, *member,
                                quoted(member->key) + " has no effect while on-demand is off");
    f.help = "set " + quoted(keys.enabled) + ", or remove the rules";
    return;
  }
  if (has_rules) return check_rules(context, settings, *member);
  // A per-app VPN starts with its apps, the older lists have names that start one.
  if (per_app || has_legacy_lists(settings)) return;
  const Member* const on = settings.find(keys.enabled);
  const Member* const at = member != nullptr ? member : on;
  if (at == nullptr) return;
  Finding& f = context.at_key(Code::on_demand_without_rules, settings, *at,
                              member != nullptr ? quoted(member->key) + " is empty, so on-demand does nothing"
                                                : "on-demand is on, but there are no rules, so it does nothing");
  f.help = "add a rule with the action Connect";
}

}  // namespace vpn::lint
