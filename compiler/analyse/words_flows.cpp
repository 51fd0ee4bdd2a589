// Sets of senders, destinations and ports in words.
#include <algorithm>
#include <map>
#include <set>

#include "compiler/analyse/format.h"
#include "compiler/analyse/words.h"
#include "policy/ascii.h"
#include "policy/json/json.h"
#include "policy/kernel/packet.h"

namespace vpn::analyse {

using policy::Address;
using policy::Prefix;

// --- Senders ---------------------------------------------------------------------------------------------------------

namespace {

/// Names, and how many there are: of many only the first are kept.
struct Named {
  std::vector<std::string> names;
  std::size_t count = 0;

  void add(const AppPart& part) {
    if (part.example.empty()) {
      names.emplace_back("apps that the policy does not name");
      ++count;
      return;
    }
    names.insert(names.end(), part.all.begin(), part.all.end());
    count += part.count;
  }
  void add(const HostPart& part) {
    if (part.names.empty() && !part.example.empty()) names.push_back(part.example);
    names.insert(names.end(), part.names.begin(), part.names.end());
    count += std::max(part.count, part.names.empty() ? std::size_t{1} : part.names.size());
  }
  std::string words() const {
    constexpr std::size_t most = 6;
    if (count <= most) return listed(names, most);
    std::vector<std::string> shown = names;
    if (shown.size() >= most) shown.resize(most - 1);
    return listed(shown, most, ", ") + " and " + grouped(count - shown.size()) + " more";
  }
};

std::string host_words(const Space& space, const std::set<std::uint32_t>& hosts) {
  if (hosts.size() == space.hosts().size()) return {};
  Named named;
  const bool has_others = hosts.contains(0);  // no name, or one in no list
  for (std::uint32_t h = 0; h < space.hosts().size(); ++h)
    if (hosts.contains(h) != has_others) named.add(space.hosts()[h]);
  return (has_others ? " to any name but " : " to ") + named.words();
}

/// Owners that may send to the same names.
using OwnersByHosts = std::map<std::set<std::uint32_t>, std::set<std::uint32_t>>;

OwnersByHosts owners_by_hosts(const Space& space, const Numbers& whos, bool scoped) {
  std::map<std::uint32_t, std::set<std::uint32_t>> hosts;
  for (const std::uint32_t w : whos) {
    if (space.whos()[w].scoped != scoped) continue;
    for (const Who::Member& m : space.whos()[w].members)
      if (space.spawners()[m.spawner].example.empty()) hosts[m.owner].insert(m.host);
  }
  OwnersByHosts out;
  for (const auto& [owner, all] : hosts) out[all].insert(owner);
  return out;
}

std::string owners_words(const Space& space, const std::set<std::uint32_t>& owners) {
  if (owners.size() == space.owners().size()) return "any app";
  const bool has_others = owners.contains(0);  // apps that the policy does not name
  Named named;
  for (std::uint32_t o = 0; o < space.owners().size(); ++o)
    if (owners.contains(o) != has_others) named.add(space.owners()[o]);
  return (has_others ? "any app but " : "") + named.words();
}

/// Helpers alone: what an app has started, where the app itself is not meant.
void add_helpers(const Space& space, const Numbers& whos, std::vector<std::string>& out) {
  std::set<std::uint32_t> spawners;
  for (const std::uint32_t w : whos) {
    const Who& who = space.whos()[w];
    const bool any_by_itself = std::any_of(who.members.begin(), who.members.end(), [&](const Who::Member& m) {
      return space.spawners()[m.spawner].example.empty();
    });
    if (any_by_itself || who.scoped) continue;
    for (const Who::Member& m : who.members) spawners.insert(m.spawner);
  }
  Named named;
  for (const std::uint32_t s : spawners) named.add(space.spawners()[s]);
  if (named.count != 0) out.push_back("what is started by " + named.words());
}

}  // namespace

std::string who_words(const Space& space, const Numbers& whos) {
  std::vector<std::string> parts;
  for (const bool scoped : {false, true}) {
    for (const auto& [hosts, owners] : owners_by_hosts(space, whos, scoped))
      parts.push_back(owners_words(space, owners) + host_words(space, hosts) +
                      (scoped ? " bound to the network's interface" : ""));
  }
  // Flows that are bound say nothing new where the same apps' other flows are meant as well.
  std::erase_if(parts, [&](const std::string& part) {
    constexpr std::string_view bound = " bound to the network's interface";
    return part.ends_with(bound) &&
           std::find(parts.begin(), parts.end(), part.substr(0, part.size() - bound.size())) != parts.end();
  });
  add_helpers(space, whos, parts);
  for (const std::uint32_t w : whos) {
    if (space.whos()[w].owner == policy::Owner::forwarded) parts.emplace_back("forwarded traffic");
    if (space.whos()[w].owner == policy::Owner::unattributed)
      parts.emplace_back("sockets whose owner is not known yet");
  }
  return whos.size() == space.whos().size() ? "all traffic" : listed(parts, 8, "; and ", "; ");
}

// --- Destinations ----------------------------------------------------------------------------------------------------

namespace {

std::vector<std::string> texts_of(const std::vector<Prefix>& prefixes) {
  std::vector<std::string> out;
  out.reserve(prefixes.size());
  for (const Prefix& p : prefixes) out.push_back(p.to_string());
  return out;
}

/// The smallest prefix that holds both.
Prefix around(const Prefix& a, const Prefix& b) {
  for (std::uint8_t length = std::min(a.length, b.length);; --length) {
    const Prefix out = Prefix::of(a.base, length);
    if (length == 0 || out.contains(b)) return out;
  }
}

/// "10.0.0.0/8 less 10.10.0.0/16" where that is shorter than the prefixes themselves.
std::string literal(const std::vector<std::pair<Address, Address>>& ranges) {
  const std::vector<Prefix> direct = prefixes_of(ranges);
  if (direct.size() < 3 || direct.front().base.v6 != direct.back().base.v6) return listed(texts_of(direct), 8);
  const Prefix whole = around(direct.front(), direct.back());
  std::vector<std::pair<Address, Address>> holes;
  Address from = whole.first();
  bool ended = false;
  for (const auto& [first, last] : ranges) {
    if (from < first) {
      holes.emplace_back(from, policy::previous(first));
    }
    ended = last == whole.last();
    if (!ended) from = policy::next(last);
  }
  if (!ended) holes.emplace_back(from, whole.last());
  const std::vector<Prefix> less = prefixes_of(holes);
  if (less.size() >= direct.size()) return listed(texts_of(direct), 8);
  return whole.to_string() + " less " + listed(texts_of(less), 8);
}

/// Nothing lies between them but what stands for IPv4.
bool adjoin(const Address& last, const Address& first) {
  if (last == policy::highest(last.v6)) return false;
  const Address after = policy::next(last);
  return after == first ||
         std::any_of(policy::embedding_prefixes.begin(), policy::embedding_prefixes.end(),
                     [&](const Prefix& p) { return p.first() == after && policy::next(p.last()) == first; });
}

std::string literal_places(const Space& space, const Numbers& places) {
  std::vector<std::string> parts;
  for (const bool v6 : {false, true}) {
    std::vector<std::pair<Address, Address>> ranges;
    for (const std::uint32_t p : places)
      for (const auto& r : space.places()[p].ranges)
        if (r.first.v6 == v6) ranges.push_back(r);
    std::sort(ranges.begin(), ranges.end());
    std::vector<std::pair<Address, Address>> merged;
    for (const auto& r : ranges) {
      if (!merged.empty() && adjoin(merged.back().second, r.first))
        merged.back().second = r.second;
      else
        merged.push_back(r);
    }
    if (!merged.empty()) parts.push_back(literal(merged));
  }
  return "to " + listed(parts, 2);
}

}  // namespace

std::vector<Prefix> prefixes_of(const std::vector<std::pair<Address, Address>>& ranges) {
  std::vector<Prefix> out;
  for (const auto& [first, last] : ranges) {
    const std::vector<Prefix> more = policy::prefixes_between(first, last);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

std::string place_words(const Space& space, const Numbers& places) {
  // Loopback and the device itself are S0's, whatever the policy.
  const auto counts = [&](std::uint32_t p) {
    const Place::Kind kind = space.places()[p].kind;
    return kind != Place::Kind::loopback && kind != Place::Kind::self;
  };
  std::map<std::string, std::pair<std::size_t, std::size_t>> labels;  // places in the set, and all
  std::size_t all = 0, chosen = 0;
  for (std::uint32_t p = 0; p < space.places().size(); ++p) {
    if (!counts(p)) continue;
    const bool is_in = std::binary_search(places.begin(), places.end(), p);
    auto& [in, of] = labels[space.places()[p].label];
    in += is_in ? 1u : 0u;
    ++of;
    ++all;
    chosen += is_in ? 1u : 0u;
  }
  if (chosen == all) return "anywhere";
  if (!space.refinement().states.empty()) return literal_places(space, places);
  const auto others = labels.find("everywhere else");
  const bool inverse = others != labels.end() && others->second.first == others->second.second;
  std::vector<std::string> words;
  for (const auto& [label, count] : labels) {
    const auto& [in, of] = count;
    if (in == (inverse ? of : 0)) continue;
    std::string word = label;
    if (in != 0 && in != of) {
      for (std::uint32_t p = 0; p < space.places().size(); ++p) {
        if (space.places()[p].label != label || std::binary_search(places.begin(), places.end(), p) == inverse)
          continue;
        word += " (such as " + space.places()[p].example.to_string() + ")";
        break;
      }
    }
    words.push_back(std::move(word));
  }
  return (inverse ? "anywhere but " : "to ") + listed(words, 8);
}

// --- Ports -----------------------------------------------------------------------------------------------------------

namespace {

/// "443, 2197 and 8000-8100"; empty for all ports.
std::string range_words(std::vector<std::pair<unsigned, unsigned>> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<std::pair<unsigned, unsigned>> merged;
  for (const auto& r : ranges) {
    if (!merged.empty() && r.first <= merged.back().second + 1)
      merged.back().second = std::max(merged.back().second, r.second);
    else
      merged.push_back(r);
  }
  std::vector<std::string> texts;
  for (const auto& [first, last] : merged)
    if (first != 0 || last != 0xffff)
      texts.push_back(std::to_string(first) + (first == last ? "" : "-" + std::to_string(last)));
  return listed(texts, 8);
}

}  // namespace

std::string port_words(const Space& space, const Numbers& ports) {
  std::size_t all = 0, chosen = 0;
  std::map<std::uint8_t, std::vector<std::pair<unsigned, unsigned>>> in, out;
  for (std::uint32_t p = 0; p < space.ports().size(); ++p) {
    const Port& port = space.ports()[p];
    if (port.arrives && std::binary_search(ports.begin(), ports.end(), p))
      return "encapsulated packets (GRE, 6in4, ...) that arrive outside every tunnel";  // and nothing else with them
    if (port.ranges.empty()) continue;                                                  // a message of S1
    const bool is_in = std::binary_search(ports.begin(), ports.end(), p);
    ++all;
    chosen += is_in ? 1u : 0u;
    for (const PortRange& r : port.ranges) (is_in ? in : out)[r.protocol].emplace_back(r.first, r.last);
  }
  if (chosen == all) return "any protocol";
  const bool inverse = in.size() > 128;  // most protocols
  // Protocols with the same ports are said together.
  std::map<std::string, std::vector<std::string>> by_ports;
  for (auto& [protocol, ranges] : inverse ? out : in) {
    std::string name = policy::protocol_name(protocol);
    if (name == std::to_string(protocol)) name.insert(0, "protocol ");
    std::transform(name.begin(), name.end(), name.begin(), ascii::upper);
    by_ports[range_words(ranges)].push_back(std::move(name));
  }
  std::vector<std::string> words;
  for (const auto& [ports_of, protocols] : by_ports) {
    if (protocols.size() > 2 && !ports_of.empty())  // all that have ports
      words.push_back("ports " + ports_of);
    else
      for (const std::string& name : protocols)
        words.push_back(ports_of.empty() ? name : std::string(name).append(" ").append(ports_of));
  }
  return (inverse ? "any protocol but " : "") + listed(words, 6);
}

}  // namespace vpn::analyse
