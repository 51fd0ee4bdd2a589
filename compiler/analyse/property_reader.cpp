// Properties as users write them: by name, as a sentence, in a file.
#include <algorithm>
#include <array>

#include "compiler/analyse/property.h"
#include "compiler/scenario/tree.h"
#include "console/similar/similar.h"
#include "policy/ascii.h"
#include "policy/json/json.h"
#include "policy/kernel/packet.h"
#include "policy_generated.h"

namespace vpn::analyse {
namespace {

using scenario::Member;
using scenario::Node;
using Kind = Node::Kind;
using policy::TunnelStatus;
using policy::Verdict;

constexpr BuiltIn built_ins[] = {
    {Property::Kind::no_leak, "no-leak",
     "while no tunnel is connected nothing leaves the device but the control plane and the profile's exceptions"},
    {Property::Kind::no_leak_governed, "no-leak-governed",
     "what an always-on, an engaged include-all or a per-app VPN governs leaves by its tunnel or not at all, but for "
     "the "
     "control plane and the profile's exceptions"},
    {Property::Kind::excluded_only, "excluded-only",
     "what a VPN would govern goes outside it only where the profile excludes it by name, by service or by network"},
    {Property::Kind::captive_bounded, "captive-bounded",
     "a captive portal opens the way only while it is there, and only for the apps that are meant to talk to it"},
    {Property::Kind::no_shadow, "no-shadow", "every rule of the policy decides for some flow in some state"},
};
constexpr std::string_view help = "docs/analysis.md describes properties";

std::string lower(std::string_view text) { return ascii::lower_case(text); }

/// "tcp/443", "443", "8000-8100".
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

/// HOST of a sentence: an address, a prefix, or a name, with or without a port behind it.
Result<void> add_destination(std::string_view text, FlowSelector& out) {
  const auto wrong = [&](const char* what) {
    return fail(ErrorKind::usage, std::string(what) + " in '" + std::string(text) + "'", {}, std::string(help));
  };
  std::string_view host = text, port;
  const auto colon = text.rfind(':');
  if (text.starts_with("[")) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("a ']' is missing");
    host = text.substr(1, end - 1);
    if (end + 1 < text.size() && text[end + 1] == ':') port = text.substr(end + 2);
  } else if (colon != std::string_view::npos && text.find(':') == colon) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (!port.empty()) {
    const auto range = parse_ports(port, 0);
    if (!range) return wrong("no port");
    out.ports.push_back(*range);
  }
  if (const auto prefix = policy::Prefix::parse(host)) {
    out.addresses.push_back(*prefix);
  } else if (const auto name = parse_host(host)) {
    out.hosts.push_back(*name);
  } else {
    return wrong("neither an address nor a host name");
  }
  return {};
}

bool parse_network(std::string_view word, StateSelector& out) {
  policy::InterfaceType type{};
  if (word == "none" || parse(word, type)) {
    out.networks.emplace_back(word);
    return true;
  }
  return false;
}

/// The words behind "when".
Result<void> add_state(std::string_view text, StateSelector& out) {
  while (!text.empty()) {
    const auto end = text.find(" and ");
    const std::string_view part = ascii::trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 5);
    const std::string word = lower(part);
    if (word == "always" || word == "any") continue;
    if (word == "connected") {
      out.connected = StateSelector::Connected::all;
    } else if (word == "disconnected" || word == "not connected" || word == "no tunnel is connected") {
      out.connected = StateSelector::Connected::none;
    } else if (word == "captive" || word == "not captive") {
      out.captive = word == "captive";
    } else if (word == "no network") {
      out.networks.emplace_back("none");
    } else if (word.starts_with("on ") && parse_network(std::string_view(word).substr(3), out)) {
    } else if (word.starts_with("on ssid ")) {
      out.ssids.emplace_back(ascii::trimmed(part.substr(8)));
    } else {
      const auto space = word.rfind(' ');
      TunnelStatus status{};
      if (space == std::string::npos || !parse(std::string_view(word).substr(space + 1), status))
        return fail(ErrorKind::usage, "no state of the device: '" + std::string(part) + "'", {},
                    "such as: connected, disconnected, captive, not captive, on wifi, no network, on ssid NAME, TUNNEL "
                    "connecting; with 'and' between them");
      out.tunnels.push_back({std::string(ascii::trimmed(part.substr(0, space))), {status}});
    }
  }
  return {};
}

std::vector<Verdict> all_but(Verdict verdict) {
  std::vector<Verdict> out;
  for (const Verdict v : {Verdict::tunnel, Verdict::direct, Verdict::proxy, Verdict::system, Verdict::drop}) {
    // Where no VPN says anything the ordinary routing decides, outside every tunnel as well.
    const bool outside = verdict == Verdict::direct && v == Verdict::system;
    if (v != verdict && !outside) out.push_back(v);
  }
  return out;
}

Result<Property> parse_sentence(std::string_view text) {
  Property out;
  out.name = text;
  out.meaning = text;
  std::string_view rest = text;
  if (const auto when = rest.find(" when "); when != std::string_view::npos) {
    if (auto done = add_state(ascii::trimmed(rest.substr(when + 6)), out.states); !done)
      return tl::unexpected(done.error());
    rest = ascii::trimmed(rest.substr(0, when));
  }
  if (const auto to = rest.find(" to "); to != std::string_view::npos) {
    if (auto done = add_destination(ascii::trimmed(rest.substr(to + 4)), out.flows); !done)
      return tl::unexpected(done.error());
    rest = ascii::trimmed(rest.substr(0, to));
  }
  const auto space = rest.find(' ');
  const std::string_view verb = rest.substr(0, space);
  std::string_view app = ascii::trimmed(space == std::string_view::npos ? std::string_view{} : rest.substr(space));
  if (verb == "reachable") {
    if (out.flows.hosts.empty() && out.flows.addresses.empty())
      return fail(ErrorKind::usage, "'reachable' needs 'to HOST'", {}, "reachable APP to HOST[:PORT] [when STATE]");
    out.verdicts = all_but(Verdict::drop);
    // Without a network nothing is reachable, whatever the policy.
    if (out.states.networks.empty()) out.states.networks = {"wifi", "cellular", "ethernet", "other"};
    if (out.flows.ports.empty()) out.flows.ports = {{VPN_TCP, 443, 443}};
  } else if (verb == "never") {
    const auto last = app.rfind(' ');
    Verdict verdict{};
    if (last == std::string_view::npos || !parse(app.substr(last + 1), verdict) || verdict == Verdict::accept)
      return fail(ErrorKind::usage, "'never' needs an app and a verdict", {},
                  "never APP tunnel|direct|proxy|system|drop [to HOST] [when STATE]");
    out.verdicts = all_but(verdict);
    app = ascii::trimmed(app.substr(0, last));
  }
  if (app.empty() || app.find(' ') != std::string_view::npos)
    return fail(ErrorKind::usage, "no app in '" + std::string(text) + "'", {},
                "name one app by its identifier, or 'any', 'other', 'unattributed', 'forwarded'");
  if (app != "any") out.flows.apps.emplace_back(app);
  return out;
}

// --- Files -----------------------------------------------------------------------------------------------------------

class PropertyReader {
 public:
  explicit PropertyReader(const std::string& path) : path_(path) {}

  Result<std::vector<Property>> read() {
    const auto root = scenario::read_tree(path_);
    if (!root) return tl::unexpected(root.error());
    const Node* list = &*root;
    if (const Member* m = root->find("properties")) {
      keys(*root, std::array<std::string_view, 1>{"properties"});
      list = &m->value;
    }
    if (list->is(Kind::list)) {
      for (const Node& item : list->items) property(item);
    } else {
      property(*list);
    }
    if (out_.empty() && !error_) problem(*list, "the file has no property");
    if (error_) return tl::unexpected(*error_);
    return std::move(out_);
  }

 private:
  void problem(document::Position at, std::string what, std::string hint = {}) {
    if (!error_)
      error_ = Error{ErrorKind::invalid_input, std::move(what), scenario::place(path_, at),
                     hint.empty() ? std::string(help) : std::move(hint)};
  }
  void problem(const Node& node, std::string what) { problem(node.position, std::move(what)); }

  template <std::size_t N>
  void keys(const Node& map, const std::array<std::string_view, N>& known) {
    for (const Member& m : map.members) {
      if (std::find(known.begin(), known.end(), m.key) != known.end()) continue;
      const std::string_view meant = cli::nearest(m.key, known);
      std::string all;
      for (const std::string_view key : known) all += (all.empty() ? "" : ", ") + std::string(key);
      problem(m.position, "unknown key '" + m.key + "'",
              meant.empty() ? "the keys here are " + all : "did you mean '" + std::string(meant) + "'?");
    }
  }

  /// One text, or a list of them; numbers count as texts.
  std::vector<std::pair<std::string, document::Position>> texts(const Node& map, std::string_view key) {
    std::vector<std::pair<std::string, document::Position>> out;
    const Member* m = map.find(key);
    if (m == nullptr) return out;
    const auto add = [&](const Node& n) {
      if (n.is(Kind::integer))
        out.emplace_back(std::to_string(n.integer), n.position);
      else if (n.is(Kind::text) && !n.text.empty())
        out.emplace_back(n.text, n.position);
      else
        problem(n, "'" + m->key + "' must be text, or a list of texts");
    };
    if (m->value.is(Kind::list)) {
      for (const Node& item : m->value.items) add(item);
      if (m->value.items.empty()) problem(m->value, "'" + m->key + "' is empty: nothing would be meant");
    } else {
      add(m->value);
    }
    return out;
  }

  std::string one_text(const Node& map, std::string_view key) {
    const auto all = texts(map, key);
    if (all.size() > 1) problem(all[1].second, "'" + std::string(key) + "' is one text");
    return all.empty() ? std::string() : all.front().first;
  }

  FlowSelector flows(const Node& node, bool is_exception) {
    FlowSelector out;
    if (!node.is(Kind::map)) {
      problem(node, "flows are a mapping of keys to values");
      return out;
    }
    if (is_exception)
      keys(node, std::array<std::string_view, 6>{"app", "host", "address", "protocol", "port", "rule"});
    else
      keys(node, std::array<std::string_view, 5>{"app", "host", "address", "protocol", "port"});
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
    const std::string name = one_text(node, "protocol");
    if (!name.empty() && !policy::parse_protocol(name, protocol))
      problem(node, "'" + name + "' is no protocol, such as tcp, udp or 47");
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
  void add_rules(const std::string& text, document::Position at, FlowSelector& out) {
    const std::size_t before = out.rules.size();
    for (unsigned r = 0; r <= static_cast<unsigned>(policy::Rule::S8); ++r) {
      const auto rule = static_cast<policy::Rule>(r);
      const std::string_view name = to_string(rule);
      if (name == text || (name.starts_with(text) && name.size() > text.size() && name[text.size()] == '.'))
        out.rules.push_back(rule);
    }
    if (out.rules.size() == before) problem(at, "'" + text + "' is no rule, such as S3.c");
  }

  StateSelector states(const Node& node) {
    StateSelector out;
    if (!node.is(Kind::map)) {
      problem(node, "states are a mapping of keys to values");
      return out;
    }
    keys(node, std::array<std::string_view, 5>{"connected", "captive", "network", "ssid", "tunnels"});
    if (const std::string word = one_text(node, "connected"); !word.empty()) {
      using Connected = StateSelector::Connected;
      if (word != "none" && word != "any" && word != "all")
        problem(node.find("connected")->value, "'connected' must be none, any or all");
      out.connected = word == "none" ? Connected::none : word == "any" ? Connected::any : Connected::all;
    }
    if (const Member* m = node.find("captive")) {
      if (!m->value.is(Kind::boolean)) problem(m->value, "'captive' must be true or false");
      out.captive = m->value.boolean;
    }
    for (const auto& [text, at] : texts(node, "network"))
      if (!parse_network(lower(text), out)) problem(at, "'network' must be wifi, cellular, ethernet, other or none");
    for (auto& [text, at] : texts(node, "ssid")) out.ssids.push_back(std::move(text));
    if (const Member* m = node.find("tunnels")) {
      if (!m->value.is(Kind::map)) problem(m->value, "'tunnels' must be a mapping of tunnels to statuses");
      for (const Member& t : m->value.members) {
        StateSelector::OfTunnel of{t.key, {}};
        for (const auto& [text, at] : texts(m->value, t.key)) {
          TunnelStatus status{};
          if (!parse(lower(text), status)) problem(at, "'" + text + "' is no status of a tunnel");
          of.statuses.push_back(status);
        }
        out.tunnels.push_back(std::move(of));
      }
    }
    return out;
  }

  void property(const Node& node) {
    if (node.is(Kind::text)) {  // a name, or a sentence
      auto parsed = parse_property(node.text);
      if (!parsed) return problem(node.position, parsed.error().what, parsed.error().help);
      parsed->where = scenario::place(path_, node.position);
      out_.push_back(std::move(*parsed));
      return;
    }
    if (!node.is(Kind::map)) return problem(node, "a property is a mapping of keys to values, or a sentence");
    keys(node, std::array<std::string_view, 8>{"name", "why", "flows", "states", "verdicts", "through", "except",
                                               "control_plane"});
    Property out;
    out.where = scenario::place(path_, node.position);
    out.name = one_text(node, "name");
    if (out.name.empty()) problem(node, "the property needs a 'name'");
    out.meaning = one_text(node, "why");
    if (const Member* m = node.find("flows")) out.flows = flows(m->value, false);
    if (const Member* m = node.find("states")) out.states = states(m->value);
    for (const auto& [text, at] : texts(node, "verdicts")) {
      Verdict verdict{};
      if (!parse(lower(text), verdict) || verdict == Verdict::accept)
        problem(at, "'verdicts' are tunnel, direct, proxy, system and drop");
      out.verdicts.push_back(verdict);
    }
    if (node.find("verdicts") == nullptr) problem(node, "the property does not say which 'verdicts' are allowed");
    out.through = one_text(node, "through");
    if (const Member* m = node.find("control_plane")) {
      if (!m->value.is(Kind::boolean)) problem(m->value, "'control_plane' must be true or false");
      out.control_plane_apart = !m->value.boolean;
    }
    if (const Member* m = node.find("except")) {
      if (m->value.is(Kind::list))
        for (const Node& item : m->value.items) out.except.push_back(flows(item, true));
      else
        out.except.push_back(flows(m->value, true));
      if (std::find(out.except.begin(), out.except.end(), FlowSelector{}) != out.except.end())
        problem(m->value, "an exception without a selector would except everything");
    }
    out_.push_back(std::move(out));
  }

  std::string path_;
  std::vector<Property> out_;
  std::optional<Error> error_;
};

}  // namespace

std::span<const BuiltIn> built_in_properties() { return built_ins; }

Result<Property> parse_property(std::string_view text) {
  text = ascii::trimmed(text);
  for (const BuiltIn& b : built_ins) {
    if (b.name != text) continue;
    Property out;
    out.kind = b.kind;
    out.name = b.name;
    out.meaning = b.meaning;
    return out;
  }
  const std::string_view verb = text.substr(0, text.find(' '));
  if (verb == "reachable" || verb == "never") return parse_sentence(text);
  std::vector<std::string_view> known{"reachable", "never"};
  std::string all;
  for (const BuiltIn& b : built_ins) {
    known.push_back(b.name);
    all += std::string(b.name) + ", ";
  }
  const std::string_view meant = cli::nearest(text, known);
  return fail(ErrorKind::usage, "no property '" + std::string(text) + "'", {},
              meant.empty() ? all + "'reachable APP to HOST when STATE', 'never APP direct', or a file"
                            : "did you mean '" + std::string(meant) + "'?");
}

Result<std::vector<Property>> read_properties(const std::string& path) { return PropertyReader(path).read(); }

Result<Refinement> refinement_for(std::span<const Property> properties, const policy::Policy& policy) {
  Refinement out;
  const auto add = [](auto& all, const auto& one) {
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  };
  const auto add_flows = [&](const FlowSelector& flows) {
    for (const std::string& app : flows.apps)
      if (app != "other" && app != "unattributed" && app != "forwarded") add(out.apps, app);
    for (const std::string& host : flows.hosts) add(out.hosts, host);
    for (const policy::Prefix& p : flows.addresses) add(out.prefixes, p);
    for (const PortRange& p : flows.ports) add(out.ports, p);
  };
  for (const Property& p : properties) {
    add_flows(p.flows);
    for (const FlowSelector& e : p.except) add_flows(e);
    out.captive |= p.states.captive.has_value();
    out.networks.interface_types |= !p.states.networks.empty() || !p.states.ssids.empty();
    out.networks.ssids |= !p.states.ssids.empty();
    for (const std::string& ssid : p.states.ssids) add(out.networks.ssid_words, ssid);
    std::vector<std::string_view> wanted;
    for (const StateSelector::OfTunnel& t : p.states.tunnels) {
      wanted.push_back(t.id);
      for (const TunnelStatus status : t.statuses) out.statuses.emplace_back(t.id, status);
    }
    if (!p.through.empty()) wanted.push_back(p.through);
    for (const std::string_view id : wanted) {
      const auto* tunnels = policy.body().tunnels();
      const bool known = tunnels != nullptr && std::any_of(tunnels->begin(), tunnels->end(), [&](const auto* t) {
                           return ascii::equal_without_case(t->id()->string_view(), id) ||
                                  (t->name() != nullptr && ascii::equal_without_case(t->name()->string_view(), id));
                         });
      if (!known)
        return fail(
            ErrorKind::invalid_input,
            "the property '" + p.name + "' names the tunnel '" + std::string(id) + "', which the policy has not",
            p.where, "'vpnprofile dump' lists the tunnels");
    }
  }
  return out;
}

}  // namespace vpn::analyse
