#include "compiler/report/words.h"

#include <algorithm>

#include "compiler/analyse/networks.h"
#include "compiler/analyse/words.h"

namespace vpn::report {
namespace {

using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

constexpr std::size_t most_named = 4;

/// "a, b or c"; an empty list is a criterion that never holds.
std::string any_of(const Strings& list) {
  std::vector<std::string> names;
  for (const flatbuffers::String* s : list)
    if (names.size() < most_named) names.push_back(quoted(s->string_view()));
  if (list.size() > most_named) names.push_back(counted(list.size() - most_named, "more", "more"));
  return names.empty() ? "nothing (an empty list never fits)" : joined(names, ", ", " or ");
}

}  // namespace

std::string tunnel_name(const policy::Policy& policy, std::uint32_t tunnel) {
  const fb::Tunnel& t = *policy.body().tunnels()->Get(tunnel);
  return t.name() != nullptr && t.name()->size() != 0 ? t.name()->str() : t.id()->str();
}

const char* list_name(fb::ListKind kind) {
  constexpr const char* names[] = {
      "ExcludedDomains",           "SafariDomains", "MailDomains",       "CalendarDomains",
      "ContactsDomains",           "SMBDomains",    "AssociatedDomains", "Supplemental DNS domains",
      "EvaluateConnection domains"};
  return names[static_cast<std::size_t>(kind)];
}

std::vector<std::string> criteria(const fb::OnDemandRule& rule) {
  std::vector<std::string> out;
  if (rule.interface_type() != 255)
    out.push_back(
        capital(std::string(analyse::interface_words(static_cast<policy::InterfaceType>(rule.interface_type())))));
  if (rule.ssids() != nullptr) out.push_back("Wi-Fi named " + any_of(*rule.ssids()));
  if (rule.dns_domains() != nullptr) out.push_back("search domain " + any_of(*rule.dns_domains()));
  if (rule.dns_servers() != nullptr) out.push_back("resolver " + any_of(*rule.dns_servers()));
  if (rule.url_probe() != nullptr) out.push_back("answers at " + quoted(rule.url_probe()->string_view()));
  return out;
}

std::string senders_title(const std::vector<std::string>& groups, unsigned unnamed, bool alone) {
  if (unnamed == all_unnamed) return alone ? "Everything on this device" : "Everything else on this device";
  // What an app starts belongs to the app: only what differs from it is worth a word.
  std::vector<std::string> named;
  for (const std::string& group : groups) {
    const auto by = group.rfind(" started by ");
    const std::string spawner = by == std::string::npos ? std::string{} : group.substr(by + 12);
    const auto has = [&](const std::vector<std::string>& list, const std::string& one) {
      return std::find(list.begin(), list.end(), one) != list.end();
    };
    const bool said = !spawner.empty() && (has(groups, spawner) || has(groups, "What " + spawner + " starts"));
    // With everybody else, an app's other hosts and what it starts are nothing of their own.
    const bool ordinary = (unnamed & other_apps) != 0 && (!spawner.empty() || group.ends_with(other_hosts));
    if (!said && !ordinary && !has(named, group)) named.push_back(group);
  }
  std::vector<std::string> parts(named.begin(),
                                 named.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(named.size(), 3)));
  if (named.size() > parts.size())
    parts.push_back(counted(named.size() - parts.size(), "more group of apps", "more groups of apps"));
  if ((unnamed & other_apps) != 0) parts.emplace_back("every app that no rule names");
  if ((unnamed & forwarded) != 0) parts.emplace_back("containers and virtual machines");
  if ((unnamed & unattributed) != 0) parts.emplace_back("sockets of no known app");
  return named.empty() ? capital(joined(parts, ", ", ", ")) : joined(parts, "; ", "; ");
}

std::string joined(const std::vector<std::string>& parts, const char* between, const char* last) {
  return analyse::listed(parts, parts.size(), last, between);
}

std::string quoted(std::string_view text) { return "\u201c" + std::string(text) + "\u201d"; }

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return grouped(count) + " " + std::string(count == 1 ? one : many);
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace vpn::report
