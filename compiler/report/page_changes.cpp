#include "compiler/report/drawing.h"
#include "compiler/report/markup.h"
#include "compiler/report/page.h"
#include "compiler/report/words.h"
#include "compiler/verdict/text.h"

namespace vpn::report {
namespace {

constexpr std::size_t most_changes = 300;

std::string side(const analyse::Difference& d, const analyse::Side& s) {
  const Look l = look(s.verdict);
  return chip(l.css, s.tunnel == policy::none ? l.name : l.name + " " + d.tunnel_names[s.tunnel]);
}

std::string decided(const policy::Policy& policy, const policy::Decision& d) {
  return "<span class=\"rule\">" + std::string(policy::to_string(d.rule)) + "</span> " +
         escaped(verdict::rule_text(d.rule)) + " " + source_html(policy, d.source);
}

std::string change(const Comparison& comparison, const policy::Policy& policy, const analyse::Change& c) {
  const analyse::Difference& d = comparison.difference;
  const auto fact = [](const char* what, const std::string& html) {
    return "<div><dt>" + std::string(what) + "</dt><dd>" + html + "</dd></div>";
  };
  return "<article class=\"proof" + std::string(c.risk == analyse::Risk::leaves ? " risky" : "") + "\"><h3>" +
         side(d, c.before) + " <span class=\"becomes\">becomes</span> " + side(d, c.after) + " " +
         escaped(analyse::risk_text(c.risk)) + "</h3><dl class=\"facts\">" + fact("Who", escaped(c.who)) +
         fact("Where", escaped(c.where) + "; " + escaped(c.what)) + fact("When", escaped(c.when)) +
         fact("For instance", escaped(c.flow_words) + ", " + escaped(c.state_words)) +
         fact("Before", decided(comparison.before, c.old_decision)) + fact("Now", decided(policy, c.new_decision)) +
         "</dl></article>";
}

}  // namespace

Section changes_section(const Content& content) {
  const Request& request = content.request;
  if (!request.comparison) return {};
  const Comparison& comparison = *request.comparison;
  const analyse::Difference& d = comparison.difference;
  std::string out = "<p>Compared with " + element("strong", "", comparison.name) + ": " +
                    escaped(counted(d.verdicts, "pair of verdicts", "pairs of verdicts") + " in " +
                            counted(d.states, "state", "states")) +
                    ", one for each class of flows that one of the two policies tells apart.</p>";
  for (const std::string& renamed : d.renamed) out += element("p", "class=\"note\"", "Renamed: " + renamed);
  if (d.changes.empty()) out += "<p><strong>No traffic changes its verdict.</strong></p>";
  for (std::size_t i = 0; i < d.changes.size() && i < most_changes; ++i)
    out += change(comparison, request.policy, d.changes[i]);
  if (d.changes.size() > most_changes)
    out += element("p", "class=\"note\"",
                   counted(d.changes.size() - most_changes, "further class", "further classes") +
                       " of traffic: `vpnprofile diff` lists all.");
  return {"changes", "What changes", out};
}

}  // namespace vpn::report
