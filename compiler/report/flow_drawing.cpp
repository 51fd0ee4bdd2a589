#include <algorithm>
#include <map>

#include "compiler/report/drawing.h"
#include "compiler/report/markup.h"
#include "compiler/report/words.h"
#include "compiler/verdict/text.h"

namespace vpn::report {
namespace {

constexpr double line_height = 19, padding = 12, small = 13.5, heading = 14.5;

std::string rectangle(double x, double y, double w, double h, const std::string& css) {
  return "<rect class=\"" + css + "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(w) +
         "\" height=\"" + number(h) + "\" rx=\"8\"/>";
}

std::string text_at(double x, double y, const char* css, std::string_view text, const char* anchor = nullptr) {
  std::string out = "<text class=\"" + std::string(css) + "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\"";
  if (anchor != nullptr) out += " text-anchor=\"" + std::string(anchor) + "\"";
  return out + ">" + escaped(text) + "</text>";
}

std::string svg_open(double width, double height, const std::string& css, const std::string& id,
                     const std::string& title) {
  return "<svg class=\"" + css + "\" viewBox=\"0 0 " + number(width) + " " + number(height) +
         "\" role=\"img\" aria-labelledby=\"" + id + "\"><title id=\"" + id + "\">" + escaped(title) + "</title>";
}

/// Signs that tell outcomes apart without colour, drawn around (x, y).
std::string sign(const std::string& look, double x, double y) {
  const auto path = [&](const char* d) {
    return "<path class=\"sign s-" + look + "\" transform=\"translate(" + number(x) + " " + number(y) + ")\" d=\"" + d +
           "\"/>";
  };
  if (look == "tunnel" || look == "connect") return path("M-7-5H7M-7 5H7M-4 0H4M1-3 4 0 1 3");
  if (look == "proxy") return path("M-7 0H-3M3 0H7M-3-4H3V4H-3Z");
  if (look == "direct") return path("M-5 5 5-5M-1-5H5V1");
  if (look == "drop" || look == "disconnect") return path("M-5-5 5 5M5-5-5 5");
  if (look == "accept") return path("M-6 0-2 5 6-5");
  return path("M-7 0C-4-6-2 6 0 0S4-6 7 0");
}

struct Box {
  double y = 0, height = 0;
  double middle() const { return y + height / 2; }
};

/// Stacks boxes from `top` on.
double stack(std::vector<Box>& boxes, double top, double gap) {
  for (Box& b : boxes) {
    b.y = top;
    top += b.height + gap;
  }
  return boxes.empty() ? top : top - gap;
}

std::vector<std::string> rung_lines(const Rung& rung, double width, std::size_t most) {
  std::vector<std::string> out;
  for (std::size_t i = 1; i < rung.lines.size() && out.size() < most; ++i)
    for (std::string& line : wrapped(rung.lines[i], width, small, most - out.size())) out.push_back(std::move(line));
  return out;
}

/// The box of a rung with badge, heading and lines.
std::string rung_box(const Rung& rung, double x, const Box& box, double width, const std::vector<std::string>& head,
                     const std::vector<std::string>& lines) {
  const double badge = text_width(rung.badge, 12.5) + 14;
  std::string out = rectangle(x, box.y, width, box.height, "box");
  out += "<rect class=\"stripe v-" + rung.look + "\" x=\"" + number(x) + "\" y=\"" + number(box.y + 8) +
         "\" width=\"4\" height=\"" + number(box.height - 16) + "\"/>";
  out += "<rect class=\"badge\" x=\"" + number(x + 14) + "\" y=\"" + number(box.y + padding - 3) + "\" width=\"" +
         number(badge) + "\" height=\"20\" rx=\"5\"/>";
  out += text_at(x + 14 + badge / 2, box.y + padding + 11.5, "badge-text", rung.badge, "middle");
  double y = box.y + padding + 12;
  for (std::size_t i = 0; i < head.size(); ++i) {
    out += text_at(x + (i == 0 ? badge + 22 : 14), y, "heading", head[i]);
    y += line_height;
  }
  for (const std::string& line : lines) {
    out += text_at(x + 14, y, "small", line);
    y += line_height;
  }
  return out;
}

std::vector<std::string> heads(const Rung& rung, double width) {
  const double badge = text_width(rung.badge, 12.5) + 14;
  if (rung.lines.empty()) return {};
  // The first line is shorter by the badge; what follows has the whole width, which is more than it needs.
  return wrapped(rung.lines[0], width - badge - 36, heading, 3);
}

std::string ribbon(double x1, double y1, double x2, double y2, double thickness, const std::string& look) {
  const double bend = (x2 - x1) / 2;
  return "<path class=\"ribbon r-" + look + "\" stroke-width=\"" + number(thickness) + "\" d=\"M" + number(x1) + " " +
         number(y1) + "C" + number(x1 + bend) + " " + number(y1) + " " + number(x2 - bend) + " " + number(y2) + " " +
         number(x2) + " " + number(y2) + "\"/>";
}

/// Where the arrows of a box begin or end, evenly spread over its height.
class Ports {
 public:
  Ports(const std::vector<Box>& boxes, std::vector<std::size_t> counts) : boxes_(boxes), counts_(std::move(counts)) {
    used_.resize(counts_.size());
  }
  double next(std::size_t box) {
    const Box& b = boxes_[box];
    const double step = (b.height - 16) / static_cast<double>(counts_[box] + 1);
    return b.y + 8 + step * static_cast<double>(++used_[box]);
  }

 private:
  const std::vector<Box>& boxes_;
  std::vector<std::size_t> counts_, used_;
};

}  // namespace

Look look(policy::Verdict verdict) {
  switch (verdict) {
    case policy::Verdict::tunnel:
      return {"Tunnel", "tunnel"};
    case policy::Verdict::direct:
      return {"Direct", "direct"};
    case policy::Verdict::proxy:
      return {"Proxy", "proxy"};
    case policy::Verdict::drop:
      return {"Blocked", "drop"};
    case policy::Verdict::accept:
      return {"Accepted", "accept"};
    case policy::Verdict::system:
      break;
  }
  return {"Ordinary", "system"};
}

std::string outcome(const policy::Policy& policy, const policy::Decision& d) {
  if (d.verdict == policy::Verdict::tunnel) return "Through " + tunnel_name(policy, d.tunnel);
  if (d.verdict == policy::Verdict::proxy) return "Proxy " + tunnel_name(policy, d.tunnel);
  if (d.verdict == policy::Verdict::direct) return "Direct, beside every VPN";
  if (d.verdict == policy::Verdict::system) return "Ordinary routes";
  return look(d.verdict).name;
}

namespace {

/// What meets a rule, in a line or two; how it spreads over who sends it is in the table.
std::string traffic_text(std::vector<std::string> things) {
  constexpr std::size_t most = 4;
  // What is left of everybody's traffic says of whole senders' what is to be said.
  const bool has_rest = std::find(things.begin(), things.end(), "Everything else") != things.end();
  if (has_rest) things.erase(std::remove(things.begin(), things.end(), "All traffic"), things.end());
  if (things.size() > most) {
    things.resize(most);
    things.emplace_back("\u2026");
  }
  return joined(things, " \u00b7 ", " \u00b7 ");
}

}  // namespace

Flows flows(const policy::Policy& policy, const Scene& scene, std::size_t column) {
  Flows out;
  std::map<std::uint32_t, std::size_t> rung_of;  // decisions are in the order of the rules
  for (const Row& row : scene.rows)
    if (!scene.senders[row.sender].is_system) rung_of.emplace(row.cells[column], 0);
  std::vector<std::vector<std::string>> things(rung_of.size()), of_all(rung_of.size());
  const policy::Decision* last = nullptr;
  for (auto& [decision, rung] : rung_of) {
    const policy::Decision& d = scene.decisions[decision];
    // One step of the ladder for a rule, whichever key of the profile it goes back to.
    if (last != nullptr &&
        std::tuple(last->rule, last->verdict, last->tunnel) == std::tuple(d.rule, d.verdict, d.tunnel)) {
      rung = out.rungs.size() - 1;
      continue;
    }
    last = &d;
    rung = out.rungs.size();
    out.rungs.push_back({std::string(policy::to_string(d.rule)),
                         {capital(std::string(verdict::rule_text(d.rule)))},
                         outcome(policy, d),
                         look(d.verdict).css});
  }
  // Senders that meet the same rules with the same traffic are one box.
  using Meets = std::map<std::size_t, std::vector<std::string>>;
  struct Group {
    Meets meets;
    std::vector<std::string> names;
    unsigned unnamed = 0;
  };
  std::vector<Group> boxes;
  for (std::uint32_t s = 0; s < scene.senders.size(); ++s) {
    if (scene.senders[s].is_system) continue;
    Meets meets;
    for (const Row& row : scene.rows)
      if (row.sender == s) meets[rung_of[row.cells[column]]].push_back(row.title);
    auto it = std::find_if(boxes.begin(), boxes.end(), [&](const Group& b) { return b.meets == meets; });
    if (it == boxes.end()) it = boxes.insert(it, {meets, {}, 0});
    const Sender& sender = scene.senders[s];
    it->names.insert(it->names.end(), sender.groups.begin(), sender.groups.end());
    it->unnamed |= sender.unnamed;
  }
  // More boxes than these would be a tangle: the last one stands for all that are left.
  constexpr std::size_t most_boxes = 7;
  std::size_t put_together = 0;
  while (boxes.size() > most_boxes) {
    // What the table lists first goes first; everybody else, at the end, keeps its box.
    const auto victim = std::find_if(boxes.rbegin(), boxes.rend(), [](const Group& b) { return b.unnamed == 0; });
    if (victim == boxes.rend()) break;
    const auto at = victim.base() - 1;
    const auto into =
        std::find_if(std::make_reverse_iterator(at), boxes.rend(), [](const Group& b) { return b.unnamed == 0; });
    if (into == boxes.rend()) break;
    for (auto& [rung, what] : at->meets) {
      std::vector<std::string>& all = into->meets[rung];
      all.insert(all.end(), what.begin(), what.end());
    }
    boxes.erase(at);
    ++put_together;
    into->names = {counted(put_together + 1, "further group of apps", "further groups of apps")};
  }
  for (const Group& box : boxes) {
    out.who.push_back(senders_title(box.names, box.unnamed, boxes.size() == 1));
    for (const auto& [rung, what] : box.meets) {
      out.arrows.push_back({out.who.size() - 1, rung, what.size()});
      for (std::vector<std::string>* into : {&things[rung], &of_all[rung]})
        for (const std::string& one : what)
          if ((into == &things[rung] || box.unnamed != 0) && std::find(into->begin(), into->end(), one) == into->end())
            into->push_back(one);
      out.sentences.push_back(out.who.back() + ": " + joined(what, ", ", ", ") + " \u2192 " + out.rungs[rung].badge +
                              ", " + out.rungs[rung].outcome);
    }
  }
  for (std::size_t r = 0; r < out.rungs.size(); ++r)
    out.rungs[r].lines.push_back(traffic_text(of_all[r].empty() ? things[r] : of_all[r]));
  return out;
}

std::string flow_drawing(const Flows& flows, const std::string& id, const std::string& title) {
  constexpr double width = 1080, who_w = 296, rung_x = 388, rung_w = 396, end_x = 872, end_w = 208;
  std::vector<std::vector<std::string>> who, heads_of, lines_of, ends;
  std::vector<Box> who_boxes, rung_boxes, end_boxes;
  for (const std::string& w : flows.who) {
    who.push_back(wrapped(w, who_w - 28, heading, 6));
    who_boxes.push_back({0, 2 * padding + line_height * static_cast<double>(who.back().size())});
  }
  std::vector<std::size_t> end_of;
  std::vector<const Rung*> end_rungs;
  for (const Rung& r : flows.rungs) {
    heads_of.push_back(heads(r, rung_w));
    lines_of.push_back(rung_lines(r, rung_w - 28, 4));
    rung_boxes.push_back(
        {0, 2 * padding + line_height * static_cast<double>(heads_of.back().size() + lines_of.back().size())});
    const auto same = [&](const Rung* e) { return e->outcome == r.outcome; };
    const auto it = std::find_if(end_rungs.begin(), end_rungs.end(), same);
    end_of.push_back(static_cast<std::size_t>(it - end_rungs.begin()));
    if (it != end_rungs.end()) continue;
    end_rungs.push_back(&r);
    ends.push_back(wrapped(r.outcome, end_w - 52, heading, 3));
    end_boxes.push_back({0, 2 * padding + line_height * static_cast<double>(ends.back().size()) + 4});
  }
  const double top = 34;
  std::vector<Box> probe = who_boxes;
  const double who_h = stack(probe, 0, 18);
  probe = rung_boxes;
  const double rung_h = stack(probe, 0, 26);
  probe = end_boxes;
  const double end_h = stack(probe, 0, 26);
  const double height = std::max({who_h, rung_h, end_h});
  stack(who_boxes, top + (height - who_h) / 2, 18);
  stack(rung_boxes, top + (height - rung_h) / 2, 26);
  stack(end_boxes, top + (height - end_h) / 2, 26);

  std::string out = svg_open(width, top + height + 6, "flow wide", id, title);
  out += text_at(0, 16, "column", "WHO SENDS");
  out += text_at(rung_x, 16, "column", "THE FIRST RULE THAT MATCHES");
  out += text_at(end_x, 16, "column", "WHERE IT GOES");
  std::vector<std::size_t> from(who_boxes.size()), into(rung_boxes.size()), arrive(end_boxes.size());
  for (const Flows::Arrow& a : flows.arrows) ++from[a.who], ++into[a.rung];
  for (const std::size_t e : end_of) ++arrive[e];
  Ports from_ports(who_boxes, from), into_ports(rung_boxes, into), end_ports(end_boxes, arrive);
  for (const Flows::Arrow& a : flows.arrows) {
    const double thick = std::min(11.0, 2.5 + 1.5 * static_cast<double>(a.things));
    out += ribbon(who_w, from_ports.next(a.who), rung_x, into_ports.next(a.rung), thick, flows.rungs[a.rung].look);
  }
  for (std::size_t r = 0; r < flows.rungs.size(); ++r) {
    const double thick = std::min(14.0, 3 + 2 * static_cast<double>(into[r]));
    out +=
        ribbon(rung_x + rung_w, rung_boxes[r].middle(), end_x, end_ports.next(end_of[r]), thick, flows.rungs[r].look);
  }
  for (std::size_t r = 0; r + 1 < flows.rungs.size(); ++r) {
    const double y = rung_boxes[r].y + rung_boxes[r].height;
    out += "<path class=\"next\" d=\"M" + number(rung_x + 24) + " " + number(y) + "v26\"/>";
    out += text_at(rung_x + 34, y + 17, "otherwise", "otherwise");
  }
  for (std::size_t w = 0; w < who.size(); ++w) {
    out += rectangle(0, who_boxes[w].y, who_w, who_boxes[w].height, "box who");
    for (std::size_t i = 0; i < who[w].size(); ++i)
      out += text_at(14, who_boxes[w].y + padding + 13 + line_height * static_cast<double>(i), "heading", who[w][i]);
  }
  for (std::size_t r = 0; r < flows.rungs.size(); ++r)
    out += rung_box(flows.rungs[r], rung_x, rung_boxes[r], rung_w, heads_of[r], lines_of[r]);
  for (std::size_t e = 0; e < ends.size(); ++e) {
    out += rectangle(end_x, end_boxes[e].y, end_w, end_boxes[e].height, "end v-" + end_rungs[e]->look);
    out += sign(end_rungs[e]->look, end_x + 22, end_boxes[e].middle());
    const double first = end_boxes[e].middle() - line_height * static_cast<double>(ends[e].size() - 1) / 2 + 5;
    for (std::size_t i = 0; i < ends[e].size(); ++i)
      out += text_at(end_x + 40, first + line_height * static_cast<double>(i), "end-text", ends[e][i]);
  }
  return out + "</svg>";
}

std::string ladder_drawing(const std::vector<Rung>& rungs, double width, const std::string& id,
                           const std::string& title, const std::string& otherwise) {
  const bool narrow = width < 400;
  const double box_w = narrow ? width : width - 250;
  const double end_w = narrow ? width - 24 : 200;
  std::string boxes, lines;
  double y = 2;
  for (std::size_t r = 0; r < rungs.size(); ++r) {
    const Rung& rung = rungs[r];
    const auto head = heads(rung, box_w);
    const auto rest = rung_lines(rung, box_w - 28, 8);
    const auto end = wrapped(rung.outcome, end_w - 44, heading, 2);
    const double end_h = 14 + line_height * static_cast<double>(end.size());
    Box box{y, 2 * padding + line_height * static_cast<double>(head.size() + rest.size())};
    const double end_y = narrow ? y + box.height : y + (box.height - end_h) / 2;
    if (narrow) box.height += end_h + 10;
    boxes += rung_box(rung, 0, box, box_w, head, rest);
    const double end_x = narrow ? 12 : box_w + 50;
    if (!narrow) {
      boxes += ribbon(box_w, box.middle(), end_x, end_y + end_h / 2, 4, rung.look);
      if (r + 1 != rungs.size()) boxes += text_at(box_w + 25, box.middle() - 8, "otherwise", "fits", "middle");
    }
    boxes += rectangle(end_x, end_y, end_w, end_h, "end v-" + rung.look);
    boxes += sign(rung.look, end_x + 20, end_y + end_h / 2);
    for (std::size_t i = 0; i < end.size(); ++i)
      boxes += text_at(end_x + 38, end_y + 21 + line_height * static_cast<double>(i), "end-text", end[i]);
    y += box.height;
    if (r + 1 == rungs.size()) break;
    lines += "<path class=\"next\" d=\"M24 " + number(y) + "v26\"/>" + text_at(34, y + 17, "otherwise", otherwise);
    y += 26;
  }
  return svg_open(width, y + 2, narrow ? "flow narrow" : "flow ladder", id, title) + lines + boxes + "</svg>";
}

std::vector<Rung> on_demand_path(const policy::Policy& policy, const fb::OnDemand& on_demand) {
  constexpr std::size_t most = 40, most_parameters = 6;
  std::vector<Rung> out;
  for (std::uint32_t i = 0; on_demand.rules() != nullptr && i < on_demand.rules()->size() && i < most; ++i) {
    const fb::OnDemandRule& rule = *on_demand.rules()->Get(i);
    std::vector<std::string> asked = criteria(rule);
    Rung rung{std::to_string(i + 1), {asked.empty() ? "Any network" : capital(asked[0])}, {}, {}};
    for (std::size_t k = 1; k < asked.size(); ++k) rung.lines.push_back("and " + asked[k]);
    const std::size_t parameters = rule.parameters() == nullptr ? 0 : rule.parameters()->size();
    for (std::uint32_t k = 0; k < std::min(parameters, most_parameters); ++k) {
      const fb::EvaluateParameter& p = *rule.parameters()->Get(k);
      const std::uint32_t names = policy.body().domain_lists()->Get(p.domains())->count();
      rung.lines.push_back(counted(names, "host name", "host names") + ": " +
                           (p.never() ? "never connect" : "connect where it does not resolve"));
    }
    if (parameters > most_parameters)
      rung.lines.push_back(counted(parameters - most_parameters, "more list", "more lists") + " of host names");
    switch (rule.action()) {
      case fb::OnDemandAction::connect:
        rung.outcome = "Connect";
        rung.look = "connect";
        break;
      case fb::OnDemandAction::disconnect:
        rung.outcome = "Disconnect";
        rung.look = "disconnect";
        break;
      case fb::OnDemandAction::evaluate:
        rung.outcome = "Ask by host name";
        rung.look = "proxy";
        break;
      case fb::OnDemandAction::ignore:
      case fb::OnDemandAction::allow:
        rung.outcome = "Keep what is up";
        rung.look = "system";
        break;
    }
    out.push_back(std::move(rung));
  }
  if (on_demand.rules() != nullptr && on_demand.rules()->size() > most)
    out.push_back({"\u2013",
                   {counted(on_demand.rules()->size() - most, "further rule", "further rules") + ", not drawn"},
                   "What the first that fits says",
                   "system"});
  else
    out.push_back({"\u2013", {"No rule fits"}, "Keep what is up", "system"});
  return out;
}

}  // namespace vpn::report
