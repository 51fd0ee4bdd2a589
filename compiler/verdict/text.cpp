#include "compiler/verdict/text.h"

#include "compiler/format/terminal.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::verdict {

using policy::Rule;
using policy::Verdict;

std::string_view rule_text(Rule rule) {
  switch (rule) {
    case Rule::S0:
      return "loopback and the device's own addresses";
    case Rule::S1a:
      return "DHCP keeps the device on its network";
    case Rule::S1b:
      return "IPv6 discovery and multicast membership";
    case Rule::S1c:
      return "the tunnel's own provider, to its own endpoint";
    case Rule::S1d:
      return "the agent's lookup of a VPN server";
    case Rule::S1e:
      return "traffic that exists on the cellular network only";
    case Rule::S1f:
      return "the agent's own probe, while it runs";
    case Rule::S3:
      return "always-on: encapsulations from outside the tunnel";
    case Rule::S3a:
      return "always-on: captive portal exception";
    case Rule::S3b:
      return "always-on: service exception";
    case Rule::S3c:
      return "always-on: application exception";
    case Rule::S3d:
      return "always-on: no tunnel is configured for the primary interface";
    case Rule::S3e:
      return "always-on: the tunnel that carries on the primary interface";
    case Rule::S4:
      return "per-app VPN: the socket's owner is not known yet";
    case Rule::S4e:
      return "per-app VPN that governs the app";
    case Rule::S5:
      return "include all networks: encapsulations from outside the tunnel";
    case Rule::S5a:
      return "include all networks: captive portal";
    case Rule::S5b:
      return "include all networks: companion and device communication";
    case Rule::S5c:
      return "include all networks: local networks are excluded";
    case Rule::S5d:
      return "include all networks: cellular services are excluded";
    case Rule::S5e:
      return "include all networks: push notifications are excluded";
    case Rule::S5f:
      return "include all networks: everything else";
    case Rule::S6b:
      return "enforced routes: the longest match";
    case Rule::S7:
      return "routes: the longest match, the system's first";
    case Rule::S8:
      break;
  }
  return "no rule governs the flow";
}

std::string destination_text(const policy::Flow& f) {
  std::string where = f.remote.to_string();
  if (f.remote_port != 0) where = (f.remote.v6 ? "[" + where + "]" : where) + ":" + std::to_string(f.remote_port);
  return policy::protocol_name(f.protocol) + " " + where;
}

std::string flow_text(const policy::Flow& f) {
  std::string who;
  switch (f.owner) {
    case policy::Owner::app:
      who = f.app;
      break;
    case policy::Owner::other:
      who = "other";
      break;
    case policy::Owner::unattributed:
      who = "unattributed";
      break;
    case policy::Owner::forwarded:
      who = "forwarded";
      break;
  }
  if (f.agent) who = "agent";
  if (!f.spawned_by.empty()) who += " (spawned by " + std::string(f.spawned_by) + ")";
  if (!f.provider_of.empty()) who = "provider of " + std::string(f.provider_of);
  std::string text = who + (f.incoming ? " \u2190 " : " \u2192 ") + destination_text(f);
  if (!f.hostname.empty()) text += " (" + std::string(f.hostname) + ")";
  if (!f.scope.empty()) text += " bound to " + std::string(f.scope);
  if (!f.arrives_on.empty()) text += " on " + std::string(f.arrives_on);
  return format::printable(text);
}

std::string source_text(const policy::Policy& policy, std::uint32_t source) {
  const auto* sources = policy.body().sources();
  if (source == policy::none || sources == nullptr || source >= sources->size()) return {};
  const policy::fb::Source* s = sources->Get(source);
  std::string text = policy.body().files()->Get(s->file())->str();
  if (s->line() != 0) text += ":" + std::to_string(s->line()) + ":" + std::to_string(s->column());
  return format::printable(text + "  " + s->path()->str());
}

std::string verdict_word(Verdict verdict, bool color) {
  const std::string word(policy::to_string(verdict));
  if (!color) return word;
  const char* shade = "36";
  switch (verdict) {
    case Verdict::tunnel:
    case Verdict::proxy:
    case Verdict::accept:
      shade = "32";
      break;
    case Verdict::direct:
      shade = "33";
      break;
    case Verdict::drop:
      shade = "31";
      break;
    case Verdict::system:
      break;
  }
  return std::string("\x1b[1;") + shade + "m" + word + "\x1b[0m";
}

namespace {

std::string tunnel_name(const policy::Policy& policy, std::uint32_t tunnel) {
  const auto* t = policy.body().tunnels()->Get(tunnel);
  std::string name = t->id()->str();
  if (t->name() != nullptr && t->name()->size() != 0) name += " (" + t->name()->str() + ")";
  return format::printable(name);
}

std::string passed_text(const policy::Policy& policy, const policy::Passed& passed) {
  std::string why(passed.why);
  std::string rule(policy::to_string(passed.rule));
  // Letters that never decide (S4.a, S4.b, S6.a) stand in front of the reason.
  if (const auto colon = why.find(": "); colon != std::string::npos && why[0] == 'S') {
    rule = why.substr(0, colon);
    why = why.substr(colon + 2);
  }
  std::string out = "    " + rule + "  " + why;
  if (passed.tunnel != policy::none) out += "; " + tunnel_name(policy, passed.tunnel);
  if (const std::string source = source_text(policy, passed.source); !source.empty()) out += "  [" + source + "]";
  return out + "\n";
}

}  // namespace

std::string explain_text(const policy::Policy& policy, const policy::Flow& flow, const policy::Decision& decision,
                         const std::vector<policy::Passed>& passed, std::string_view excerpt, bool color) {
  std::string out = flow_text(flow) + "\n  verdict  " + verdict_word(decision.verdict, color) + "\n";
  if (decision.tunnel != policy::none) out += "  tunnel   " + tunnel_name(policy, decision.tunnel) + "\n";
  out += "  rule     " + std::string(policy::to_string(decision.rule)) + "  " + std::string(rule_text(decision.rule)) +
         "\n";
  if (const std::string source = source_text(policy, decision.source); !source.empty())
    out += "  source   " + source + "\n";
  out += excerpt;
  if (passed.empty()) return out;
  out += "  passed over\n";
  for (const policy::Passed& p : passed) out += passed_text(policy, p);
  return out;
}

}  // namespace vpn::verdict
