#include "compiler/analyse/selector_reader.h"

#include <algorithm>

#include "policy/ascii.h"
#include "policy/domain_table.h"
#include "policy/json/json.h"

namespace vpn::analyse {

using scenario::Member;
using scenario::Node;
using Kind = Node::Kind;
using policy::TunnelStatus;

std::optional<PortRange> parse_ports(std::string_view text, std::uint8_t protocol) {
  PortRange out{protocol, 0, 0};
  const auto dash = text.find('-');
  if (!ascii::read_number(text.substr(0, dash), out.first)) return std::nullopt;
  out.last = out.first;
  if (dash != std::string_view::npos && !ascii::read_number(text.substr(dash + 1), out.last)) return std::nullopt;
  return out.first <= out.last ? std::optional(out) : std::nullopt;
}

std::optional<std::string> parse_host(std::string_view text) {
  const bool below = text.starts_with("*.");
  std::string storage;
  std::string_view name;
  if (policy::normalise_name(below ? text.substr(2) : text, storage, name) != policy::NameFault::none)
    return std::nullopt;
  return (below ? "*." : "") + std::string(name);
}

bool parse_network(std::string_view word, StateSelector& out) {
  policy::InterfaceType type{};
  if (word == "none" || parse(word, type)) {
    out.networks.emplace_back(word);
    return true;
  }
  return false;
}

/// One text, or a list of them; numbers count as texts.
std::vector<std::pair<std::string, document::Position>> SelectorReader::texts(const Node& map, std::string_view key) {
  std::vector<std::pair<std::string, document::Position>> out;
  const Member* m = map.find(key);
  if (m == nullptr) return out;
  const auto add = [&](const Node& n) {
    if (n.is(Kind::integer))
      out.emplace_back(std::to_string(n.integer), n.position);
    else if (n.is(Kind::text) && !n.text.empty())
      out.emplace_back(n.text, n.position);
    else
      problem(n.position, "'" + m->key + "' must be text, or a list of texts");
  };
  if (m->value.is(Kind::list)) {
    for (const Node& item : m->value.items) add(item);
    if (m->value.items.empty()) problem(m->value.position, "'" + m->key + "' is empty: nothing would be meant");
  } else {
    add(m->value);
  }
  return out;
}

FlowSelector SelectorReader::flows(const Node& node, bool is_exception) {
  FlowSelector out;
  if (!node.is(Kind::map)) {
    problem(node.position, "flows are a mapping of keys to values");
    return out;
  }
  constexpr std::string_view known[] = {"app", "host", "address", "protocol", "port", "rule"};
  check_keys(node, std::span(known).first(is_exception ? 6 : 5));
  for (auto& [app, at] : texts(node, "app")) out.apps.push_back(std::move(app));
  for (const auto& [text, at] : texts(node, "host")) {
    if (const auto host = parse_host(text))
      out.hosts.push_back(*host);
    else
      problem(at, "'" + text + "' is no host name");
  }
  for (const auto& [text, at] : texts(node, "address")) {
    if (const auto prefix = policy::Prefix::parse(text))
      out.addresses.push_back(*prefix);
    else
      problem(at, "'" + text + "' is neither an address nor a prefix");
  }
  for (const auto& [text, at] : texts(node, "rule")) add_rules(text, at, out);
  std::uint8_t protocol = 0;
  const auto protocols = texts(node, "protocol");
  const std::string name = protocols.empty() ? std::string() : protocols.front().first;
  if (!name.empty() && !policy::parse_protocol(name, protocol))
    problem(node.position, "'" + name + "' is no protocol, such as tcp, udp or 47");
  const auto ports = texts(node, "port");
  for (const auto& [text, at] : ports) {
    if (const auto range = parse_ports(text, protocol))
      out.ports.push_back(*range);
    else
      problem(at, "'" + text + "' is no port, nor a range such as 8000-8100");
  }
  if (ports.empty() && protocol != 0) out.ports.push_back({protocol, 0, 0xffff});
  return out;
}

/// "S3.c", or "S3" for all of its letters.
void SelectorReader::add_rules(const std::string& text, document::Position at, FlowSelector& out) {
  const std::size_t before = out.rules.size();
  for (unsigned r = 0; r <= static_cast<unsigned>(policy::Rule::S8); ++r) {
    const auto rule = static_cast<policy::Rule>(r);
    const std::string_view name = to_string(rule);
    if (name == text || (name.starts_with(text) && name.size() > text.size() && name[text.size()] == '.'))
      out.rules.push_back(rule);
  }
  if (out.rules.size() == before) problem(at, "'" + text + "' is no rule, such as S3.c");
}

StateSelector SelectorReader::states(const Node& node) {
  StateSelector out;
  if (!node.is(Kind::map)) {
    problem(node.position, "states are a mapping of keys to values");
    return out;
  }
  constexpr std::string_view known[] = {"connected", "captive", "network", "ssid", "tunnels"};
  check_keys(node, known);
  if (const std::string word = text(node, "connected"); !word.empty()) {
    using Connected = StateSelector::Connected;
    if (word != "none" && word != "any" && word != "all")
      problem(node.find("connected")->value.position, "'connected' must be none, any or all");
    out.connected = word == "none" ? Connected::none : word == "any" ? Connected::any : Connected::all;
  }
  if (const Member* m = node.find("captive")) {
    if (!m->value.is(Kind::boolean)) problem(m->value.position, "'captive' must be true or false");
    out.captive = m->value.boolean;
  }
  for (const auto& [text, at] : texts(node, "network"))
    if (!parse_network(ascii::lower_case(text), out))
      problem(at, "'network' must be wifi, cellular, ethernet, other or none");
  for (auto& [text, at] : texts(node, "ssid")) out.ssids.push_back(std::move(text));
  if (const Member* m = node.find("tunnels")) {
    if (!m->value.is(Kind::map)) problem(m->value.position, "'tunnels' must be a mapping of tunnels to statuses");
    for (const Member& t : m->value.members) {
      StateSelector::OfTunnel of{t.key, {}};
      for (const auto& [text, at] : texts(m->value, t.key)) {
        TunnelStatus status{};
        if (!parse(ascii::lower_case(text), status)) problem(at, "'" + text + "' is no status of a tunnel");
        of.statuses.push_back(status);
      }
      out.tunnels.push_back(std::move(of));
    }
  }
  return out;
}

std::vector<policy::Verdict> SelectorReader::verdicts(const Node& map, std::string_view key) {
  std::vector<policy::Verdict> out;
  for (const auto& [text, at] : texts(map, key)) {
    policy::Verdict verdict{};
    if (parse(ascii::lower_case(text), verdict) && verdict != policy::Verdict::accept)
      out.push_back(verdict);
    else
      problem(at, "verdicts are tunnel, direct, proxy, system and drop");
  }
  return out;
}

}  // namespace vpn::analyse
