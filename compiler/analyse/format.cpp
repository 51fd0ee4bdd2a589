#include "compiler/analyse/format.h"

#include <nlohmann/json.hpp>

#include "compiler/format/terminal.h"
#include "compiler/verdict/text.h"
#include "policy/json/json.h"

namespace vpn::analyse {

using Json = nlohmann::ordered_json;

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

Json source_object(const policy::Policy& policy, std::uint32_t source) {
  return Json::parse(policy::source_json(policy, source));
}

namespace {

Json counterexample_json(const policy::Policy& policy, const Counterexample& c) {
  Json out{{"flow", Json::parse(c.flow)},
           {"state", Json::parse(c.state)},
           {"in_words", c.flow_words + ", " + c.state_words},
           {"verdict", Json::parse(policy::verdict_json(policy, c.decision))},
           {"blame", Json::array()}};
  for (const Blame& b : c.blame) out["blame"].push_back({{"source", source_object(policy, b.source)}, {"why", b.why}});
  return out;
}

Json proof_json(const policy::Policy& policy, const Proof& p) {
  Json out{{"name", p.property.name}, {"holds", p.holds}, {"meaning", p.property.meaning}};
  if (!p.property.where.empty()) out["where"] = p.property.where;
  const Coverage& c = p.coverage;
  out["coverage"] = {{"states", c.states},
                     {"networks", c.networks},
                     {"senders", c.apps},
                     {"destinations", c.destinations},
                     {"ports", c.ports},
                     {"verdicts", c.decisions},
                     {"verdicts_concerned", p.applied},
                     {"every_combination_of_statuses", c.all_statuses}};
  out["exceptions"] = Json::array();
  for (const Exception& e : p.exceptions)
    out["exceptions"].push_back({{"rule", to_string(e.rule)},
                                 {"what", e.what},
                                 {"default", e.by_default},
                                 {"source", source_object(policy, e.source)},
                                 {"example", e.flow_words}});
  if (p.property.kind == Property::Kind::no_shadow) {
    out["shadowed"] = Json::array();
    for (const Shadowed& s : p.shadowed)
      out["shadowed"].push_back({{"what", s.what}, {"why", s.why}, {"source", source_object(policy, s.source)}});
  }
  out["counterexample"] = p.counterexample ? counterexample_json(policy, *p.counterexample) : Json(nullptr);
  return out;
}

std::string quoted_for_shell(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void add_counterexample(const policy::Policy& policy, const Counterexample& c, bool color, std::string& out) {
  out += "  flow     " + c.flow_words + "\n";
  out += "  state    " + format::printable(c.state_words) + "\n";
  out += "  verdict  " + verdict::verdict_word(c.decision.verdict, color) + "  " +
         std::string(to_string(c.decision.rule)) + "  " + std::string(verdict::rule_text(c.decision.rule)) + "\n";
  for (const Blame& b : c.blame) {
    out += "  because  " + format::printable(b.why) + "\n";
    if (const std::string at = verdict::source_text(policy, b.source); !at.empty()) out += "           " + at + "\n";
  }
  out += "  try      vpnprofile explain POLICY --state state.json --flow " +
         format::printable(quoted_for_shell(c.flow)) + "\n           with state.json: " + format::printable(c.state) +
         "\n";
}

}  // namespace

Json proofs_json(const policy::Policy& policy, std::span<const Proof> proofs) {
  Json out = Json::array();
  for (const Proof& p : proofs) out.push_back(proof_json(policy, p));
  return out;
}

std::string proofs_text(const policy::Policy& policy, std::span<const Proof> proofs, bool color) {
  std::string out;
  for (const Proof& p : proofs) {
    const char* shade = !color ? "" : p.holds ? "\x1b[1;32m" : "\x1b[1;31m";
    out += std::string(shade) + (p.holds ? "holds " : "BROKEN") + (color ? "\x1b[0m" : "") + "  " +
           format::printable(p.property.name) + "\n";
    if (!p.property.meaning.empty() && p.property.meaning != p.property.name)
      out += "  " + format::printable(p.property.meaning) + "\n";
    if (!p.property.where.empty()) out += "  " + format::printable(p.property.where) + "\n";
    if (p.counterexample) add_counterexample(policy, *p.counterexample, color, out);
    for (const Shadowed& s : p.shadowed) {
      out += "  " + format::printable(s.what) + " can never decide: " + format::printable(s.why) + "\n";
      if (const std::string at = verdict::source_text(policy, s.source); !at.empty()) out += "      " + at + "\n";
    }
    if (!p.exceptions.empty()) out += "  let pass, for the profile says so:\n";
    for (const Exception& e : p.exceptions) {
      out += "    " + std::string(to_string(e.rule)) + "  " + e.what + (e.by_default ? " (the schema's default)" : "") +
             "\n";
      if (const std::string at = verdict::source_text(policy, e.source); !at.empty()) out += "          " + at + "\n";
      out += "          such as " + e.flow_words + "\n";
    }
    const Coverage& c = p.coverage;
    if (p.applied == 0) out += "  no flow in any state is concerned\n";
    out += "  gone through: " + grouped(c.states) + " states, " + grouped(c.apps) + " kinds of senders, " +
           grouped(c.destinations) + " of destinations, " + grouped(c.ports) + " of protocols and ports; " +
           grouped(p.applied) + " of " + grouped(c.decisions) + " verdicts concerned\n";
  }
  return out;
}

}  // namespace vpn::analyse
