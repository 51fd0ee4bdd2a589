#include <algorithm>
#include <set>

#include "compiler/report/drawing.h"
#include "compiler/report/markup.h"
#include "compiler/report/page.h"
#include "compiler/report/states.h"
#include "compiler/report/words.h"
#include "compiler/verdict/text.h"
#include "policy/ascii.h"

namespace vpn::report {
namespace {

std::string parts_html(const Column& column) {
  std::string out;
  for (const Column::Part& part : column.parts) {
    out += "<span class=\"part\">" + escaped(part.statuses);
    if (!part.networks.empty()) out += " <span class=\"net\">" + escaped(part.networks) + "</span>";
    out += "</span>";
  }
  return out;
}

std::string drawings(const policy::Policy& policy, const Scene& scene) {
  std::string out = "<h3 id=\"" + scene.anchor + "-flows\">What goes where</h3><div class=\"stage\">";
  for (std::size_t c = 0; c < scene.columns.size(); ++c) {
    const std::string id = scene.anchor + "-s" + std::to_string(c);
    const Flows drawn = flows(policy, scene, c);
    const std::string title = "Flow diagram of " + scene.title + ", " + scene.columns[c].title;
    out += "<div class=\"state\" id=\"" + id + "\" data-title=\"" + escaped(scene.columns[c].title) + "\">" +
           element("h4", "", scene.columns[c].title) + "<p class=\"parts\">" + parts_html(scene.columns[c]) + "</p>";
    out += flow_drawing(drawn, id + "-w", title);
    std::vector<Rung> rungs = drawn.rungs;
    for (const Flows::Arrow& a : drawn.arrows)
      if (drawn.who.size() > 1) rungs[a.rung].lines.push_back("Who: " + drawn.who[a.who]);
    out += ladder_drawing(rungs, 340, id + "-n", title, "otherwise");
    out += "<details class=\"words\"><summary>The drawing in words</summary><ul>";
    for (const std::string& sentence : drawn.sentences) out += element("li", "", sentence);
    out += "</ul></details></div>";
  }
  return out + "</div>";
}

std::string sender_html(const Sender& sender, std::size_t columns) {
  std::string out = "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"" + std::to_string(columns + 1) + "\">" +
                    element("span", "class=\"who\"", sender.title);
  const std::size_t count = sender.members.size() + sender.more;
  if (count > 2) {
    out += "<details><summary>" + escaped(counted(count, "app", "apps")) + "</summary><span class=\"members\">";
    for (const std::string& m : sender.members) out += element("code", "", m) + " ";
    if (sender.more != 0) out += escaped("and " + grouped(sender.more) + " more: see the list of apps");
    out += "</span></details>";
  }
  return out + "</th></tr>";
}

std::string row_html(const Scene& scene, const Row& row) {
  std::set<std::string> looks;
  for (const std::uint32_t c : row.cells)
    if (c != policy::none) looks.insert(look(scene.decisions[c].verdict).css);
  std::string text = scene.senders[row.sender].title + " " + joined(row.things, " ", " ");
  for (const std::string& m : scene.senders[row.sender].members) text += " " + m;
  text = ascii::lower_case(text);
  std::string out = "<tr class=\"row\" data-verdicts=\"";
  for (const std::string& l : looks) out += l + " ";
  out += "\" data-text=\"" + escaped(text) + "\"><th scope=\"row\">" + element("span", "class=\"what\"", row.title);
  out += "<details><summary>" + escaped(counted(row.samples.size(), "flow", "flows")) + " asked</summary><ul>";
  if (joined(row.things, ", ", ", ") != row.title)
    for (const std::string& thing : row.things) out += element("li", "", thing);
  for (const std::string& sample : row.samples) out += "<li>" + element("code", "", sample) + "</li>";
  out += "</ul></details></th>";
  for (std::size_t c = 0; c < row.cells.size(); ++c) {
    if (row.cells[c] == policy::none) {
      out += "<td data-state=\"" + std::to_string(c) + "\" data-verdict=\"\"><span class=\"on\">" +
             escaped(scene.columns[c].title) + "</span><span class=\"no\">nothing comes this way</span></td>";
      continue;
    }
    const policy::Decision& d = scene.decisions[row.cells[c]];
    const Look l = look(d.verdict);
    out += "<td data-state=\"" + std::to_string(c) + "\" data-verdict=\"" + l.css + "\"><span class=\"on\">" +
           escaped(scene.columns[c].title) + "</span><a class=\"verdict v-" + l.css + "\" href=\"#" + scene.anchor +
           "-d" + std::to_string(row.cells[c]) + "\">" + l.name + " <span class=\"rule\">" +
           std::string(policy::to_string(d.rule)) + "</span></a></td>";
  }
  return out + "</tr>";
}

std::string matrix(const Scene& scene, const std::string& about) {
  std::string out =
      "<div class=\"matrix\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Verdicts of " +
      escaped(about) +
      "\"><table class=\"verdicts\"><caption>Each verdict with the rule that decides; its "
      "reason stands below the table.</caption><thead><tr><th scope=\"col\">Traffic</th>";
  for (std::size_t c = 0; c < scene.columns.size(); ++c)
    out += "<th scope=\"col\" data-state=\"" + std::to_string(c) + "\"><span class=\"state-title\">" +
           escaped(scene.columns[c].title) + "</span>" + parts_html(scene.columns[c]) + "</th>";
  out += "</tr></thead>";
  for (std::size_t r = 0; r < scene.rows.size(); ++r) {
    const bool first = r == 0 || scene.rows[r].sender != scene.rows[r - 1].sender;
    if (first)
      out += (r == 0 ? "<tbody>" : "</tbody><tbody>") +
             sender_html(scene.senders[scene.rows[r].sender], scene.columns.size());
    out += row_html(scene, scene.rows[r]);
  }
  return out + "</tbody></table></div></div>";
}

std::string reasons(const Content& content, const Scene& scene) {
  const policy::Policy& policy = content.request.policy;
  std::vector<std::size_t> count(scene.decisions.size(), 0);
  for (const Row& row : scene.rows)
    for (const std::uint32_t c : row.cells)
      if (c != policy::none) ++count[c];
  std::string out = "<ol class=\"reasons\">";
  for (std::size_t d = 0; d < scene.decisions.size(); ++d) {
    if (count[d] == 0) continue;
    const policy::Decision& one = scene.decisions[d];
    const Look l = look(one.verdict);
    out += "<li id=\"" + scene.anchor + "-d" + std::to_string(d) + "\" tabindex=\"-1\"><p class=\"reason\">" +
           chip(l.css, outcome(policy, one)) + " <span class=\"rule\">" + std::string(policy::to_string(one.rule)) +
           "</span> " + element("span", "class=\"meaning\"", capital(std::string(verdict::rule_text(one.rule)))) +
           "</p><p class=\"from\">";
    out += one.source == policy::none ? "Holds under every policy; no key of a profile decides it."
                                      : source_html(policy, one.source);
    const auto is_default = [&](const Exception& e) {
      return e.is_default && e.source == one.source && e.rule == policy::to_string(one.rule);
    };
    if (std::any_of(content.exceptions.begin(), content.exceptions.end(), is_default))
      out += " <span class=\"default\">default, not in the profile</span>";
    out += " <span class=\"count\">" + escaped(counted(count[d], "cell", "cells")) + "</span></p>";
    const std::string lines = content.request.excerpt ? content.request.excerpt(one.source) : std::string{};
    if (!lines.empty()) {
      out += "<pre class=\"excerpt\">";
      for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', at), lines.size());
        out += escaped(std::string_view(lines).substr(at, end - at)) + "\n";
        at = end + 1;
      }
      out += "</pre>";
    }
    out += "</li>";
  }
  return out + "</ol>";
}

/// A table of verdicts, and where they come from.
std::string verdicts(const Content& content, const Scene& scene, const std::string& about) {
  return matrix(scene, about) + "<h4 id=\"" + scene.anchor + "-reasons\">Where each verdict comes from</h4>" +
         reasons(content, scene);
}

std::string leaving(const Content& content, const Scene& scene) {
  return "<h3 id=\"" + scene.anchor + "-table\">Every kind of traffic in every state</h3>" +
         verdicts(content, scene, scene.title);
}

std::string arriving(const Content& content, const Scene& scene) {
  std::string out;
  for (const Scene& in : scene.arrivals) {
    if (in.rows.empty()) continue;
    out +=
        "<h3 id=\"" + in.anchor +
        "-table\">What arrives</h3><p>A packet that arrives is judged as an answer to its sender would be, whether it "
        "answers one or not: it is accepted from the tunnel, and from there alone, where the answer would go through "
        "the tunnel; from the network, and from no tunnel, where it would leave beside every VPN; and from anywhere "
        "where it would take the ordinary routes.</p>";
    for (const std::string& note : in.notes) out += element("p", "class=\"note\"", note);
    out += verdicts(content, in, "what arrives, " + scene.title);
  }
  return out;
}

std::string on_demand(const policy::Policy& policy, const Scene& scene) {
  if (scene.on_demand == nullptr) return {};
  const std::vector<Rung> path = on_demand_path(policy, *scene.on_demand);
  const std::string id = scene.anchor + "-od", title = "On-demand rules of " + scene.title;
  std::string out = "<h3 id=\"" + id + "\">On-demand, network by network</h3><p>";
  out += scene.on_demand->enabled()
             ? "Whenever the network changes, the first rule that fits says what becomes of the VPN."
             : "On-demand is switched off: these rules start nothing and bypass nothing.";
  if (scene.on_demand->user_override_disabled()) out += " The user cannot switch it off.";
  out += "</p><figure class=\"steps\">" + ladder_drawing(path, 760, id + "-w", title, "does not fit") +
         ladder_drawing(path, 340, id + "-n", title, "does not fit") +
         "<details class=\"words\"><summary>The drawing in words</summary><ol>";
  for (const Rung& rung : path) out += element("li", "", joined(rung.lines, " ", " ") + " \u2192 " + rung.outcome);
  return out + "</ol></details></figure>";
}

}  // namespace

std::vector<Section> scene_sections(const Content& content) {
  std::vector<Section> out;
  for (const Scene& scene : content.scenes.all) {
    std::string html = "<p class=\"kind\">" + escaped(scene.kind);
    if (scene.tunnels.size() == 1)
      html += " \u00b7 <code>" +
              escaped(content.request.policy.body().tunnels()->Get(scene.tunnel)->id()->string_view()) + "</code>";
    html += "</p><ul class=\"promise\">";
    for (const std::string& sentence : scene.promise) html += element("li", "", sentence);
    html += "</ul>";
    if (scene.has_guessed_routes)
      html +=
          element("p", "class=\"note\"",
                  std::string("Which routes a VPN gets is said by its server, not by the profile. This page takes ") +
                      example::included + " and " + example::included6 +
                      " for its included routes, the upper half of each for its excluded ones, and shows a second "
                      "connected state with default routes.");
    for (const std::string& note : scene.notes) html += element("p", "class=\"note\"", note);
    html += drawings(content.request.policy, scene) + on_demand(content.request.policy, scene) +
            leaving(content, scene) + arriving(content, scene);
    out.push_back({scene.anchor, scene.title, std::move(html)});
  }
  return out;
}

}  // namespace vpn::report
