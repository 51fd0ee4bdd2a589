// Properties as users write them: by name, as a sentence, in a file.
#include <algorithm>

#include "compiler/analyse/property.h"
#include "compiler/analyse/selector_reader.h"
#include "compiler/analyse/selectors.h"
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

/// The words behind "when".
Result<void> add_state(std::string_view text, StateSelector& out) {
  while (!text.empty()) {
    const auto end = text.find(" and ");
    const std::string_view part = ascii::trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 5);
    const std::string word = ascii::lower_case(part);
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

class PropertyReader : private SelectorReader {
 public:
  explicit PropertyReader(const std::string& path) : SelectorReader(path) {}

  Result<std::vector<Property>> read() {
    const auto root = scenario::read_tree(file());
    if (!root) return tl::unexpected(root.error());
    const Node* list = &*root;
    if (const Member* m = root->find("properties")) {
      constexpr std::string_view only[] = {"properties"};
      check_keys(*root, only);
      list = &m->value;
    }
    if (list->is(Kind::list)) {
      for (const Node& item : list->items) property(item);
    } else {
      property(*list);
    }
    if (out_.empty()) problem(list->position, "the file has no property");
    if (!problems().empty()) return tl::unexpected(problems().front());
    return std::move(out_);
  }

 private:
  void property(const Node& node) {
    if (node.is(Kind::text)) {  // a name, or a sentence
      auto parsed = parse_property(node.text);
      if (!parsed) return problem(file(), node.position, parsed.error().what, parsed.error().help);
      parsed->where = scenario::place(file(), node.position);
      out_.push_back(std::move(*parsed));
      return;
    }
    if (!node.is(Kind::map)) return problem(node.position, "a property is a mapping of keys to values, or a sentence");
    constexpr std::string_view known[] = {"name",     "why",     "flows",  "states",
                                          "verdicts", "through", "except", "control_plane"};
    check_keys(node, known);
    Property out;
    out.where = scenario::place(file(), node.position);
    out.name = text(node, "name");
    if (node.find("name") == nullptr) problem(node.position, "the property needs a 'name'");
    out.meaning = text(node, "why");
    if (const Member* m = node.find("flows")) out.flows = flows(m->value, false);
    if (const Member* m = node.find("states")) out.states = states(m->value);
    out.verdicts = verdicts(node, "verdicts");
    if (node.find("verdicts") == nullptr)
      problem(node.position, "the property does not say which 'verdicts' are allowed");
    out.through = text(node, "through");
    if (const Member* m = node.find("control_plane")) {
      if (!m->value.is(Kind::boolean)) problem(m->value.position, "'control_plane' must be true or false");
      out.control_plane_apart = !m->value.boolean;
    }
    if (const Member* m = node.find("except")) exceptions(m->value, out);
    out_.push_back(std::move(out));
  }

  void exceptions(const Node& node, Property& out) {
    if (node.is(Kind::list))
      for (const Node& item : node.items) out.except.push_back(flows(item, true));
    else
      out.except.push_back(flows(node, true));
    if (std::find(out.except.begin(), out.except.end(), FlowSelector{}) != out.except.end())
      problem(node.position, "an exception without a selector would except everything");
  }

  std::vector<Property> out_;
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
  for (const Property& p : properties) {
    refine(p.flows, out);
    for (const FlowSelector& e : p.except) refine(e, out);
    refine(p.states, out);
    std::vector<std::string_view> wanted;
    for (const StateSelector::OfTunnel& t : p.states.tunnels) wanted.push_back(t.id);
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
