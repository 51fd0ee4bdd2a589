#include "compiler/analyse/networks.h"

#include <algorithm>
#include <optional>
#include <set>

#include "policy/on_demand.h"

namespace vpn::analyse {

namespace fb = policy::fb;
using policy::InterfaceType;

namespace {

using Patterns = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

constexpr std::size_t most_networks = 4096;
constexpr std::size_t most_steps = 1u << 20;  // of the search, most of which find what is known already

/// A text that meets `wanted` and none of `unwanted`.
template <class Meets, class Candidates>
std::optional<std::string> example(const Patterns& wanted, const std::vector<const Patterns*>& unwanted,
                                   const Meets& meets, const Candidates& candidates) {
  for (const auto* pattern : wanted) {
    for (const std::string& text : candidates(pattern->string_view())) {
      const bool clashes = std::any_of(unwanted.begin(), unwanted.end(), [&](const Patterns* list) {
        return std::any_of(list->begin(), list->end(), [&](const auto* p) { return meets(p->string_view(), text); });
      });
      if (!clashes && meets(pattern->string_view(), text)) return text;
    }
  }
  return std::nullopt;
}

std::optional<std::string> example_domain(const Patterns& wanted, const std::vector<const Patterns*>& unwanted) {
  return example(wanted, unwanted, policy::search_domain_matches, [](std::string_view pattern) {
    if (!pattern.starts_with("*.")) return std::vector<std::string>{std::string(pattern)};
    // A label that no profile names: below the pattern, and not a name that another one means.
    return std::vector<std::string>{"site-7f3a" + std::string(pattern.substr(1))};
  });
}

bool server_meets(std::string_view pattern, const std::string& text) {
  return policy::server_matches(pattern, text, policy::Address::parse(text));
}

std::optional<std::string> example_server(const Patterns& wanted, const std::vector<const Patterns*>& unwanted) {
  return example(wanted, unwanted, server_meets, [](std::string_view pattern) {
    static constexpr const char* fillings[] = {"1",         "53",           "10.53",     "0.53", "0.0.53", "9.0.53",
                                               "10.9.0.53", "10.9.0",       "10.9",      "10",   "::53",   ":53",
                                               "53::",      "2001:db8::53", "2001:db8:", "",     ".53",    "53."};
    std::vector<std::string> out;
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) {
      out.emplace_back(pattern);
    } else {
      for (const char* filling : fillings) {
        std::string text(pattern.substr(0, star));
        text.append(filling).append(pattern.substr(star + 1));
        if (policy::Address::parse(text)) out.push_back(std::move(text));
      }
    }
    // What a state cannot hold is no resolver.
    std::erase_if(out, [](const std::string& text) { return !policy::Address::parse(text); });
    return out;
  });
}

/// Goes through all rules in order, and with each one both ways: it holds, or something of it does not.
class Search {
 public:
  Search(std::span<const fb::OnDemand* const> configurations, const NetworkDetail& detail)
      : configurations_(configurations), detail_(detail) {}

  void add_interface(const Network& start) {
    network_ = start;
    rules_.assign(configurations_.size(), policy::none);
    next(0, 0);
  }
  bool has_ended() const { return too_many_; }
  std::vector<Network> take() { return std::move(out_); }

 private:
  struct Assumed {
    std::vector<const Patterns*> domains, no_domains, servers, no_servers;
    std::map<std::string, bool, std::less<>> probes;
  };

  // Every list that must be met is met by a name of its own, which only has to avoid the lists that must not be.
  bool is_possible() const {
    return std::all_of(a_.domains.begin(), a_.domains.end(),
                       [&](const Patterns* p) { return example_domain(*p, a_.no_domains).has_value(); }) &&
           std::all_of(a_.servers.begin(), a_.servers.end(),
                       [&](const Patterns* p) { return example_server(*p, a_.no_servers).has_value(); });
  }

  void next(std::size_t configuration, std::uint32_t rule) {
    if (too_many_ || ++steps_ > most_steps) {
      too_many_ = true;
      return;
    }
    if (configuration == configurations_.size()) return found();
    const fb::OnDemand* on_demand = configurations_[configuration];
    const bool ends = on_demand == nullptr || !on_demand->enabled() || on_demand->rules() == nullptr ||
                      rule == on_demand->rules()->size();
    if (ends) return next(configuration + 1, 0);
    const fb::OnDemandRule& r = *on_demand->rules()->Get(rule);
    if (!interface_fits(r)) return next(configuration, rule + 1);
    const auto missed = [&] { next(configuration, rule + 1); };
    const auto holds = [&] {
      rules_[configuration] = rule;
      next(configuration + 1, 0);
      rules_[configuration] = policy::none;
    };
    either(r.dns_domains(), a_.domains, a_.no_domains, missed, [&] {
      either(r.dns_servers(), a_.servers, a_.no_servers, missed, [&] { either_probe(r.url_probe(), missed, holds); });
    });
  }

  template <class Missed, class Holds>
  void either(const Patterns* list, std::vector<const Patterns*>& met, std::vector<const Patterns*>& unmet,
              const Missed& missed, const Holds& holds) {
    if (list == nullptr) return holds();
    unmet.push_back(list);
    if (is_possible()) missed();
    unmet.pop_back();
    if (!network_.present) return;  // without an interface no criterion on it holds
    met.push_back(list);
    if (is_possible()) holds();
    met.pop_back();
  }

  template <class Missed, class Holds>
  void either_probe(const flatbuffers::String* url, const Missed& missed, const Holds& holds) {
    if (url == nullptr) return holds();
    if (const auto known = a_.probes.find(url->string_view()); known != a_.probes.end())
      return known->second ? holds() : missed();
    const auto [it, is_new] = a_.probes.emplace(url->str(), false);
    missed();
    it->second = true;
    holds();
    a_.probes.erase(it);
  }

  bool interface_fits(const fb::OnDemandRule& r) const {
    const bool typed = r.interface_type() != 255;
    if (typed && (!network_.present || static_cast<std::uint8_t>(network_.interface.type) != r.interface_type()))
      return false;
    if (r.ssids() == nullptr) return true;
    return network_.present && !network_.interface.ssid.empty() &&
           std::any_of(r.ssids()->begin(), r.ssids()->end(),
                       [&](const auto* s) { return s->string_view() == network_.interface.ssid; });
  }

  std::vector<std::uint32_t> outcome() const {
    if (!detail_.actions_only) return rules_;
    std::vector<std::uint32_t> out;
    for (std::size_t c = 0; c < configurations_.size(); ++c)
      out.push_back(rules_[c] == policy::none
                        ? policy::none
                        : static_cast<std::uint32_t>(configurations_[c]->rules()->Get(rules_[c])->action()));
    return out;
  }

  void found() {
    std::vector<std::uint32_t> key = outcome();
    key.push_back(network_.present ? 1 : 0);
    if (detail_.interface_types) key.push_back(static_cast<std::uint32_t>(network_.interface.type));
    if (!seen_.emplace(std::move(key), detail_.ssids ? network_.interface.ssid : std::string()).second) return;
    if (out_.size() == most_networks) {
      too_many_ = true;
      return;
    }
    Network& made = out_.emplace_back(network_);
    made.rules = rules_;
    for (const Patterns* p : a_.domains)
      add(made.interface.search_domains, example_domain(*p, a_.no_domains).value_or(std::string()));
    for (const Patterns* p : a_.servers)
      add(made.interface.dns_server_texts, example_server(*p, a_.no_servers).value_or(std::string()));
    for (const std::string& text : made.interface.dns_server_texts)
      if (const auto address = policy::Address::parse(text)) made.interface.dns_servers.push_back(*address);
    for (const auto& [url, holds] : a_.probes)
      if (holds) made.url_probes.emplace(url, 200);
  }

  static void add(std::vector<std::string>& out, const std::string& text) {
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
  }

  std::span<const fb::OnDemand* const> configurations_;
  const NetworkDetail& detail_;
  Network network_;
  std::vector<std::uint32_t> rules_;
  Assumed a_;
  std::set<std::pair<std::vector<std::uint32_t>, std::string>> seen_;
  std::vector<Network> out_;
  std::size_t steps_ = 0;
  bool too_many_ = false;
};

const char* interface_name(InterfaceType type) {
  switch (type) {
    case InterfaceType::wifi:
      return "wlan0";
    case InterfaceType::cellular:
      return "wwan0";
    case InterfaceType::ethernet:
      return "eth0";
    case InterfaceType::other:
      break;
  }
  return "net0";
}

Network on(InterfaceType type, std::string ssid) {
  Network out;
  out.interface.name = interface_name(type);
  out.interface.type = type;
  out.interface.ssid = std::move(ssid);
  return out;
}

}  // namespace

std::string_view interface_words(InterfaceType type) {
  constexpr std::string_view words[] = {"Wi-Fi", "cellular", "Ethernet", "another network"};
  return words[static_cast<std::size_t>(type)];
}

std::string Network::describe() const {
  if (!present) return "no network";
  std::string out(interface_words(interface.type));
  if (!interface.ssid.empty()) out += " '" + interface.ssid + "'";
  for (const std::string& d : interface.search_domains) out += ", search domain " + d;
  for (const std::string& s : interface.dns_server_texts) out += ", resolver " + s;
  for (const auto& [url, status] : url_probes) out += ", " + url + " answers";
  return out;
}

Result<std::vector<Network>> networks(std::span<const fb::OnDemand* const> configurations,
                                      const NetworkDetail& detail) {
  std::set<std::string> ssids(detail.ssid_words.begin(), detail.ssid_words.end());
  for (const fb::OnDemand* on_demand : configurations) {
    if (on_demand == nullptr || !on_demand->enabled() || on_demand->rules() == nullptr) continue;
    for (const fb::OnDemandRule* rule : *on_demand->rules())
      if (rule->ssids() != nullptr)
        for (const auto* s : *rule->ssids()) ssids.insert(s->str());
  }
  ssids.erase(std::string());
  Search search(configurations, detail);
  search.add_interface(on(InterfaceType::wifi, {}));
  for (const std::string& ssid : ssids) search.add_interface(on(InterfaceType::wifi, ssid));
  for (const InterfaceType type : {InterfaceType::cellular, InterfaceType::ethernet, InterfaceType::other})
    search.add_interface(on(type, {}));
  Network nowhere;
  nowhere.present = false;
  search.add_interface(nowhere);
  if (search.has_ended())
    return fail(ErrorKind::invalid_input, "the on-demand rules tell more networks apart than can be gone through", {},
                "write fewer rules with SSIDMatch, DNSDomainMatch, DNSServerAddressMatch and URLStringProbe");
  return search.take();
}

}  // namespace vpn::analyse
