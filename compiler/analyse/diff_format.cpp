// Differences for people, programs and merge requests.
#include <nlohmann/json.hpp>

#include "compiler/analyse/diff.h"
#include "compiler/analyse/format.h"
#include "compiler/format/terminal.h"
#include "compiler/verdict/text.h"
#include "policy/json/json.h"

namespace vpn::analyse {

using Json = nlohmann::ordered_json;

namespace {

std::string side_text(const Difference& d, const Side& side) {
  std::string out(to_string(side.verdict));
  if (side.tunnel != policy::none) out += " '" + d.tunnel_names[side.tunnel] + "'";
  return out;
}

std::string summary(const Difference& d) {
  std::size_t leaves = 0;
  for (const Change& c : d.changes) leaves += c.risk == Risk::leaves ? 1u : 0u;
  std::string out = d.changes.empty()
                        ? "no traffic changes its verdict"
                        : std::to_string(d.changes.size()) + (d.changes.size() == 1 ? " class" : " classes") +
                              " of traffic change their verdict, " + std::to_string(leaves) +
                              " of them newly leave outside every tunnel";
  if (d.expected != 0) out += "; " + grouped(d.expected) + " verdicts change as expected";
  return out + " (" + grouped(d.verdicts) + " verdicts compared, " + grouped(d.states) + " states)";
}

std::string shade(Risk risk, bool color) {
  if (!color) return {};
  return risk == Risk::leaves                             ? "\x1b[1;31m"
         : risk == Risk::blocks || risk == Risk::reroutes ? "\x1b[1;33m"
                                                          : "\x1b[1;32m";
}

std::string rule_line(const policy::Policy& policy, const policy::Decision& d) {
  std::string out = std::string(to_string(d.verdict)) + "  " + std::string(to_string(d.rule)) + "  " +
                    std::string(verdict::rule_text(d.rule));
  const std::string at = verdict::source_text(policy, d.source);
  return at.empty() ? out : out + "  " + at;
}

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : format::printable(text)) {
    if (c == '|' || c == '<' || c == '*' || c == '_' || c == '`' || c == '[') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string_view risk_text(Risk risk) {
  switch (risk) {
    case Risk::leaves:
      return "newly leaves outside every tunnel";
    case Risk::reroutes:
      return "leaves by another tunnel";
    case Risk::blocks:
      return "is dropped now";
    case Risk::opens:
      return "is let through now, and was dropped";
    case Risk::enters:
      return "is carried now, and left outside";
    case Risk::agent:
      return "is what the agent itself looks up or probes";
    case Risk::other:
      break;
  }
  return "leaves outside as before, by another rule";
}

Json diff_json(const policy::Policy& before, const policy::Policy& after, const Difference& d) {
  Json out{{"changes", Json::array()}, {"leaves", d.leaves()}, {"expected", d.expected},
           {"verdicts", d.verdicts},   {"states", d.states},   {"renamed", d.renamed}};
  const auto side = [&](const Side& s) {
    Json json{{"verdict", to_string(s.verdict)}};
    if (s.tunnel != policy::none) json["tunnel"] = d.tunnel_names[s.tunnel];
    return json;
  };
  for (const Change& c : d.changes)
    out["changes"].push_back({{"risk", to_string(c.risk)},
                              {"from", side(c.before)},
                              {"to", side(c.after)},
                              {"who", c.who},
                              {"where", c.where},
                              {"what", c.what},
                              {"when", c.when},
                              {"example",
                               {{"flow", Json::parse(c.flow)},
                                {"state", Json::parse(c.state)},
                                {"new_state", Json::parse(c.new_state)},
                                {"old", Json::parse(policy::verdict_json(before, c.old_decision))},
                                {"new", Json::parse(policy::verdict_json(after, c.new_decision))}}}});
  return out;
}

std::string diff_text(const policy::Policy& before, const policy::Policy& after, const Difference& d, bool color) {
  std::string out;
  for (const std::string& r : d.renamed) out += "note: " + format::printable(r) + "\n";
  for (const Change& c : d.changes) {
    out += shade(c.risk, color) + format::printable(side_text(d, c.before)) + " → " +
           format::printable(side_text(d, c.after)) + (color ? "\x1b[0m" : "") + "  " + std::string(risk_text(c.risk)) +
           "\n";
    out += "  who      " + format::printable(c.who) + "\n";
    out += "  where    " + format::printable(c.where + "; " + c.what) + "\n";
    out += "  when     " + format::printable(c.when) + "\n";
    out += "  such as  " + c.flow_words + ", " + format::printable(c.state_words) + "\n";
    out += "  old      " + rule_line(before, c.old_decision) + "\n";
    out += "  new      " + rule_line(after, c.new_decision) + "\n";
  }
  return out + summary(d) + "\n";
}

std::string diff_markdown(const policy::Policy& before, const policy::Policy& after, const Difference& d) {
  std::string out = "### What traffic changes\n\n" + summary(d) + ".\n";
  for (const std::string& r : d.renamed) out += "\n- renamed: " + cell(r) + "\n";
  if (d.changes.empty()) return out;
  out += "\n| | from → to | who | where | when | such as | decided by |\n|---|---|---|---|---|---|---|\n";
  for (const Change& c : d.changes) {
    const std::string old_place = verdict::source_text(before, c.old_decision.source);
    const std::string new_place = verdict::source_text(after, c.new_decision.source);
    out += std::string("| ") + (c.risk == Risk::leaves ? "**risk:** " : "") + std::string(risk_text(c.risk)) + " | " +
           cell(side_text(d, c.before)) + " → " + cell(side_text(d, c.after)) + " | " + cell(c.who) + " | " +
           cell(c.where + "; " + c.what) + " | " + cell(c.when) + " | " + cell(c.flow_words) + " | " +
           std::string(to_string(c.old_decision.rule)) + (old_place.empty() ? "" : " " + cell(old_place)) + " → " +
           std::string(to_string(c.new_decision.rule)) + (new_place.empty() ? "" : " " + cell(new_place)) + " |\n";
  }
  return out;
}

}  // namespace vpn::analyse
