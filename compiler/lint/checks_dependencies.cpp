// VP14xx: keys that are read only beside another, and keys that need another, as tables.
#include <span>

#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

/// `key` is read only while `on` is set (no value), or is the text `value`; "+" as value: while `on` is there at all.
struct ReadOnlyWith {
  std::string_view key, on, value;
  Severity severity = Severity::note;
};

/// While `on` is set, is the text `value`, or ("+") is there, `key` must be there.
struct Needs {
  std::string_view on, value, key;
  Severity severity = Severity::warning;
};

struct Rules {
  std::span<const ReadOnlyWith> read;
  std::span<const Needs> needs;
};

constexpr ReadOnlyWith ike_read[] = {
    {"DisconnectOnIdleTimer", "DisconnectOnIdle", {}},       {"PPKMandatory", "PPK", "+"},
    {"TLSMinimumVersion", "ExtendedAuthEnabled", {}},        {"TLSMaximumVersion", "ExtendedAuthEnabled", {}},
    {"OnDemandUserOverrideDisabled", "OnDemandEnabled", {}},
};
constexpr Needs ike_needs[] = {
    {"PPK", "+", "PPKIdentifier", Severity::error},
    {"PPKIdentifier", "+", "PPK", Severity::error},
};
constexpr ReadOnlyWith ipsec_read[] = {
    {"DisconnectOnIdleTimer", "DisconnectOnIdle", {}},
    {"XAuthPassword", "XAuthEnabled", {}},
    {"LocalIdentifierType", "LocalIdentifier", "+"},
};
constexpr ReadOnlyWith ppp_read[] = {
    {"DisconnectOnIdleTimer", "DisconnectOnIdle", {}},
    {"CCPMPPE40Enabled", "CCPEnabled", {}},
    {"CCPMPPE128Enabled", "CCPEnabled", {}},
};
constexpr ReadOnlyWith idle_read[] = {
    {"DisconnectOnIdleTimer", "DisconnectOnIdle", {}},
    {"OnDemandUserOverrideDisabled", "OnDemandEnabled", {}},
};
constexpr ReadOnlyWith dns_read[] = {
    {"ServerURL", "DNSProtocol", "HTTPS"},
    {"ServerName", "DNSProtocol", "TLS"},
    {"SupplementalMatchDomainsNoSearch", "SupplementalMatchDomains", "+"},
};
constexpr Needs dns_needs[] = {
    {"DNSProtocol", "HTTPS", "ServerURL", Severity::error},
    {"DNSProtocol", "TLS", "ServerName", Severity::error},
};
constexpr ReadOnlyWith proxies_read[] = {
    {"ProxyAutoConfigURLString", "ProxyAutoConfigEnable", {}, Severity::warning},
    {"HTTPProxy", "HTTPEnable", {}, Severity::warning},
    {"HTTPSProxy", "HTTPSEnable", {}, Severity::warning},
    {"HTTPProxyPassword", "HTTPProxy", "+"},
};
constexpr Needs proxies_needs[] = {
    {"ProxyAutoConfigEnable", {}, "ProxyAutoConfigURLString"},
    {"HTTPEnable", {}, "HTTPProxy"},
    {"HTTPEnable", {}, "HTTPPort"},
    {"HTTPSEnable", {}, "HTTPSProxy"},
    {"HTTPSEnable", {}, "HTTPSPort"},
};
constexpr ReadOnlyWith parameter_read[] = {
    {"RequiredDNSServers", "DomainAction", "ConnectIfNeeded", Severity::warning},
    {"RequiredURLStringProbe", "DomainAction", "ConnectIfNeeded", Severity::warning},
};
constexpr ReadOnlyWith declared_idle_read[] = {{"Timer", "Disconnect", {}}};
constexpr ReadOnlyWith declared_dns_read[] = {
    {"ServerURL", "Protocol", "HTTPS"},
    {"ServerName", "Protocol", "TLS"},
    {"SupplementalMatchDomainsNoSearch", "SupplementalMatchDomains", "+"},
};
constexpr Needs declared_dns_needs[] = {
    {"Protocol", "HTTPS", "ServerURL", Severity::error},
    {"Protocol", "TLS", "ServerName", Severity::error},
};
constexpr ReadOnlyWith declared_proxies_read[] = {{"AutoConfigURLString", "AutoConfigEnable", {}, Severity::warning}};
constexpr Needs declared_proxies_needs[] = {{"AutoConfigEnable", {}, "AutoConfigURLString"}};
constexpr ReadOnlyWith declared_proxy_read[] = {{"HostName", "Enable", {}, Severity::warning}};
constexpr Needs declared_proxy_needs[] = {{"Enable", {}, "HostName"}, {"Enable", {}, "Port"}};
constexpr ReadOnlyWith declared_quantum_read[] = {{"PPKMandatory", "PPK", "+"}};

Rules rules_of(Part part) {
  switch (part) {
    case Part::ike:
      return {ike_read, ike_needs};
    case Part::ipsec:
      return {ipsec_read, {}};
    case Part::ppp:
      return {ppp_read, {}};
    case Part::idle:
      return {idle_read, {}};
    case Part::dns:
      return {dns_read, dns_needs};
    case Part::proxies:
      return {proxies_read, proxies_needs};
    case Part::parameter:
      return {parameter_read, {}};
    case Part::declared_idle:
      return {declared_idle_read, {}};
    case Part::declared_dns:
      return {declared_dns_read, declared_dns_needs};
    case Part::declared_proxies:
      return {declared_proxies_read, declared_proxies_needs};
    case Part::declared_proxy:
      return {declared_proxy_read, declared_proxy_needs};
    case Part::declared_quantum:
      return {declared_quantum_read, ike_needs};
  }
  return {};
}

bool holds(const Section& section, std::string_view key, std::string_view value) {
  if (value.empty()) return is_set(section, key);
  return value == "+" ? section.has(key) : text(section, key) == value;
}

/// Whether a value asks for something: 0, false and what is empty do not.
bool asks(const Value& value) {
  if (!usable(value)) return false;
  switch (value.type) {
    case Type::boolean:
    case Type::integer:
      return value.raw != 0 && (value.is(Type::integer) || value.boolean);
    case Type::real:
      return value.real != 0;
    default:
      return value.size != 0;
  }
}

std::string condition(std::string_view key, std::string_view value) {
  if (value.empty()) return quoted(key);
  return value == "+" ? quoted(key) : quoted(key) + " " + std::string(value);
}

/// Whether the key is there under a name that is nearly right, which was reported as such. Keys of the tables are no
/// misspellings of each other (HTTPPort, HTTPSPort).
bool is_misspelt(const Section& section, std::string_view key, const Rules& rules) {
  const Member* const near = find_misspelt(section, key);
  if (near == nullptr) return false;
  for (const ReadOnlyWith& rule : rules.read)
    if (rule.key == near->key || rule.on == near->key) return false;
  for (const Needs& rule : rules.needs)
    if (rule.key == near->key || rule.on == near->key) return false;
  return true;
}

}  // namespace

void check_dependencies(Context& context, const Section& section, Part part) {
  if (!section) return;
  const Rules rules = rules_of(part);
  for (const ReadOnlyWith& rule : rules.read) {
    const Member* const member = section.find(rule.key);
    if (member == nullptr || !asks(member->value)) continue;
    if (is_open(section, rule.on) || holds(section, rule.on, rule.value)) continue;
    Finding& f =
        context.at_key(Code::key_without_effect, section, *member,
                       quoted(rule.key) + (rule.value.empty() ? " is read only while " : " is read only with ") +
                           condition(rule.on, rule.value) + (rule.value.empty() ? " is set" : ""));
    f.severity = rule.severity;
    const bool is_text = !rule.value.empty() && rule.value != "+";
    f.help = (rule.value == "+" ? "add " : "set ") + quoted(rule.on) +
             (is_text ? " to " + std::string(rule.value) : "") + ", or remove " + quoted(rule.key);
  }
  for (const Needs& rule : rules.needs) {
    const Member* const on = section.find(rule.on);
    if (on == nullptr || !usable(on->value) || !holds(section, rule.on, rule.value) || section.has(rule.key)) continue;
    if (is_misspelt(section, rule.key, rules)) continue;
    Finding& f = context.at_key(Code::companion_missing, section, *on,
                                condition(rule.on, rule.value) + " needs " + quoted(rule.key));
    f.severity = rule.severity;
    f.help = "add " + quoted(rule.key);
    if (rule.value.empty() || rule.value == "+") f.help += ", or remove " + quoted(rule.on);
  }
}

}  // namespace vpn::lint
