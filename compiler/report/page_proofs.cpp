#include "compiler/report/drawing.h"
#include "compiler/report/markup.h"
#include "compiler/report/page.h"
#include "compiler/report/words.h"
#include "compiler/verdict/text.h"

namespace vpn::report {
namespace {

constexpr std::size_t most_listed = 100;

std::string coverage(const analyse::Proof& proof) {
  const analyse::Coverage& c = proof.coverage;
  std::vector<std::string> parts{counted(c.states, "state", "states"), counted(c.networks, "network", "networks"),
                                 counted(c.apps, "class of apps", "classes of apps"),
                                 counted(c.destinations, "class of destinations", "classes of destinations"),
                                 counted(c.ports, "class of ports", "classes of ports")};
  return "Covered: " + joined(parts, ", ", " and ") + "; " + counted(c.decisions, "verdict was", "verdicts were") +
         " looked at; the property speaks of " + grouped(proof.applied) + " of them. " +
         (c.all_statuses ? "Every combination of statuses is among the states."
                         : "Of combinations of statuses those that some rule tells apart.");
}

std::string counterexample(const policy::Policy& policy, const analyse::Counterexample& c) {
  const Look l = look(c.decision.verdict);
  std::string out =
      "<div class=\"counter\"><h4>The simplest flow that breaks it</h4><dl class=\"facts\"><div><dt>Flow</dt><dd>" +
      escaped(c.flow_words) + "</dd></div><div><dt>State</dt><dd>" + escaped(c.state_words) +
      "</dd></div><div><dt>Verdict</dt><dd>" + chip(l.css, outcome(policy, c.decision)) + " <span class=\"rule\">" +
      std::string(policy::to_string(c.decision.rule)) + "</span> " + escaped(verdict::rule_text(c.decision.rule)) +
      "</dd></div>";
  if (!c.blame.empty()) {
    out += "<div><dt>To blame</dt><dd><ul class=\"plain\">";
    for (const analyse::Blame& b : c.blame)
      out += "<li>" + source_html(policy, b.source) + " " + escaped(b.why) + "</li>";
    out += "</ul></dd></div>";
  }
  return out + "</dl><details><summary>For <code>vpnprofile explain</code></summary><pre class=\"excerpt\">--flow " +
         escaped(c.flow) + "\n\n--state " + escaped(c.state) + "</pre></details></div>";
}

std::string excepted(const policy::Policy& policy, const std::vector<analyse::Exception>& exceptions) {
  std::string out = "<details><summary>" + escaped(counted(exceptions.size(), "exception", "exceptions")) +
                    " that it lets pass</summary><ul>";
  for (std::size_t i = 0; i < exceptions.size() && i < most_listed; ++i) {
    const analyse::Exception& e = exceptions[i];
    out += "<li><span class=\"rule\">" + std::string(policy::to_string(e.rule)) + "</span> " + escaped(e.what) + " " +
           (e.by_default ? "<span class=\"default\">default, not in the profile</span> " : "") +
           source_html(policy, e.source) + "<span class=\"sub\">for instance " + escaped(e.flow_words) + "</span></li>";
  }
  if (exceptions.size() > most_listed)
    out += element("li", "", "and " + grouped(exceptions.size() - most_listed) + " more");
  return out + "</ul></details>";
}

std::string shadowed(const policy::Policy& policy, const std::vector<analyse::Shadowed>& rules) {
  std::string out = "<ul>";
  for (std::size_t i = 0; i < rules.size() && i < most_listed; ++i)
    out += "<li>" + escaped(capital(rules[i].what)) + ": " + escaped(rules[i].why) + " " +
           source_html(policy, rules[i].source) + "</li>";
  if (rules.size() > most_listed) out += element("li", "", "and " + grouped(rules.size() - most_listed) + " more");
  return out + "</ul>";
}

}  // namespace

Section proofs_section(const Content& content) {
  const Request& request = content.request;
  if (request.proofs.empty() && request.unproven.empty()) return {};
  std::string out;
  if (!request.proofs.empty())
    out +=
        "<p>Shown for every flow in every state, not by samples: flows and states fall into finitely many classes, and "
        "each class was asked.</p>";
  if (!request.unproven.empty()) out += element("p", "class=\"note\"", "Nothing is shown: " + request.unproven + ".");
  for (const analyse::Proof& proof : request.proofs) {
    out += "<article class=\"proof\"><h3>" + escaped(proof.property.name) + " " +
           chip(proof.holds ? "accept" : "drop", proof.holds ? "Holds" : "Does not hold") + "</h3>" +
           element("p", "", capital(proof.property.meaning));
    if (proof.counterexample) out += counterexample(request.policy, *proof.counterexample);
    if (!proof.shadowed.empty()) out += shadowed(request.policy, proof.shadowed);
    if (!proof.exceptions.empty()) out += excepted(request.policy, proof.exceptions);
    out += element("p", "class=\"from\"", coverage(proof)) + "</article>";
  }
  return {"proofs", "Proofs", out};
}

}  // namespace vpn::report
