#include "compiler/cli/simulate_report.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/format/terminal.h"
#include "compiler/verdict/text.h"
#include "console/command.h"
#include "policy/json/json.h"

namespace vpn::cli {
namespace {

using simulate::Direction;
using simulate::Listed;
using ReportJson = nlohmann::ordered_json;

constexpr std::size_t most_dropped = 10, chunk = std::size_t{1} << 20;
constexpr policy::Verdict all_verdicts[] = {policy::Verdict::tunnel, policy::Verdict::proxy,  policy::Verdict::direct,
                                            policy::Verdict::system, policy::Verdict::accept, policy::Verdict::drop};
constexpr const char* direction_words[] = {"out", "in"};

std::string written(const ReportJson& json) { return json.dump(-1, ' ', false, ReportJson::error_handler_t::replace); }

std::string padded(std::string text, std::size_t width, std::size_t shown) {
  if (shown < width) text.append(width - shown, ' ');
  return text;
}

/// "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string_view basis_word(simulate::Basis basis) {
  constexpr std::string_view words[] = {"unknown", "given", "link", "assumed"};
  return words[static_cast<std::size_t>(basis)];
}

std::string_view passed_over(simulate::Judged::What what) {
  return what == simulate::Judged::What::not_ip      ? "not-ip"
         : what == simulate::Judged::What::malformed ? "malformed"
                                                     : "another-host";
}

/// The place without the key path, which JSON has.
std::string place_text(const policy::Policy& policy, std::uint32_t source) {
  const std::string text = verdict::source_text(policy, source);
  return text.substr(0, text.find("  "));
}

ReportJson counted_json(const simulate::Counted& c) { return {{"packets", c.packets}, {"bytes", c.bytes}}; }

std::vector<std::string> address_texts(const simulate::Device& device) {
  std::vector<std::string> out;
  for (const policy::Prefix& p : device.addresses())
    out.push_back(p.length == (p.base.v6 ? 128 : 32) ? p.base.to_string() : p.to_string());
  return out;
}

}  // namespace

SimulateReport::SimulateReport(const policy::Policy& policy, const simulate::Simulation& simulation, Setup setup)
    : policy_(policy), simulation_(simulation), setup_(std::move(setup)) {}

bool SimulateReport::put(const std::string& text) {
  out_ += text;
  return out_.size() < chunk || flush();
}

bool SimulateReport::flush() {
  const bool good = print(out_);
  out_.clear();
  return good;
}

// --- Packets --------------------------------------------------------------------------------------------------------

bool SimulateReport::begin() {
  if (!setup_.packets || setup_.form == SimulateForm::json_lines) return true;
  return put(setup_.form == SimulateForm::json ? "{\"packets\": [\n"
                                               : "TIME             WAY  VERDICT  RULE     FLOW   BYTES\n");
}

bool SimulateReport::packet(std::uint64_t number, const simulate::Frame& frame, const simulate::Judged& judged) {
  const bool is_flow = judged.what == simulate::Judged::What::flow;
  const std::string time = simulate::to_seconds(frame.at - simulation_.counts().first);
  const std::string flow = judged.flow == policy::none ? "" : std::to_string(judged.flow + 1);
  const auto verdict = policy::to_string(judged.verdict);
  const std::string rule(policy::to_string(judged.rule));
  if (setup_.form == SimulateForm::text) {
    if (!is_flow) return put(right(time, 14) + "  not judged: " + std::string(passed_over(judged.what)) + "\n");
    return put(right(time, 14) + "  " +
               padded(direction_words[judged.direction], 4, judged.direction == simulate::out ? 3 : 2) + " " +
               padded(verdict::verdict_word(judged.verdict, setup_.color), 8, verdict.size()) + " " +
               padded(rule, 5, rule.size()) + right(flow.empty() ? "-" : "#" + flow, 8) +
               right(std::to_string(frame.length), 8) + "\n");
  }
  std::string line = setup_.form == SimulateForm::json && !std::exchange(first_, false) ? ",\n" : "";
  line += "{\"packet\":" + std::to_string(number) + ",\"time\":" + time;
  if (is_flow)
    line += ",\"flow\":" + (flow.empty() ? "null" : flow) + ",\"direction\":\"" + direction_words[judged.direction] +
            "\",\"verdict\":\"" + std::string(verdict) + "\",\"rule\":\"" + rule + "\"";
  else
    line += ",\"not_judged\":\"" + std::string(passed_over(judged.what)) + "\"";
  line += ",\"bytes\":" + std::to_string(frame.length) + "}";
  if (setup_.form == SimulateForm::json_lines) line += "\n";
  return put(line);
}

// --- Totals ---------------------------------------------------------------------------------------------------------

void SimulateReport::count() {
  std::map<std::tuple<std::string, policy::Rule, std::uint32_t>, simulate::Counted> dropped;
  std::set<std::uint32_t> seen;
  std::uint32_t flow = 0;
  simulation_.each([&](const Listed& l) {
    if (l.number != flow) {
      seen.clear();
      ++flows_;
    }
    flow = l.number;
    const auto verdict = static_cast<std::uint32_t>(l.decision.verdict);
    const Direction direction = l.flow.incoming ? simulate::in : simulate::out;
    Total& total = totals_[direction][verdict];
    total.counted.add(l.counted.packets, l.counted.bytes);
    if (seen.insert(direction * 8u + verdict).second) ++total.flows;
    if (l.decision.verdict != policy::Verdict::drop) return;
    policy::Flow kind = l.flow;
    kind.arrives_on = {};
    if (kind.incoming) kind.remote_port = 0;
    dropped[{verdict::flow_text(kind), l.decision.rule, l.decision.source}].add(l.counted.packets, l.counted.bytes);
  });
  const auto& unlisted = simulation_.counts().unlisted;
  for (const Direction d : {simulate::out, simulate::in})
    for (std::size_t v = 0; v < unlisted[d].size(); ++v)
      totals_[d][v].counted.add(unlisted[d][v].packets, unlisted[d][v].bytes);
  for (auto& [key, counted] : dropped)
    dropped_.push_back({std::get<0>(key), std::string(policy::to_string(std::get<1>(key))),
                        place_text(policy_, std::get<2>(key)), counted});
  std::stable_sort(dropped_.begin(), dropped_.end(),
                   [](const Dropped& a, const Dropped& b) { return a.counted.packets > b.counted.packets; });
  if (dropped_.size() > most_dropped) dropped_.resize(most_dropped);
}

// --- Text -----------------------------------------------------------------------------------------------------------

std::string SimulateReport::heading() const {
  const simulate::Counts& c = simulation_.counts();
  std::string text = "capture  " + format::printable(setup_.capture) + ": " + grouped(c.all.packets) + " packets, " +
                     grouped(c.all.bytes) + " bytes, " + format::printable(setup_.link);
  if (c.all.packets != 0)
    text += ", " + simulate::to_seconds(c.last - c.first) + " s from " + simulate::to_rfc3339(c.first);
  text += "\ndevice   ";
  const std::vector<std::string> addresses = address_texts(simulation_.device());
  constexpr std::size_t most_shown = 8;
  for (std::size_t i = 0; i < std::min(addresses.size(), most_shown); ++i) text += (i == 0 ? "" : ", ") + addresses[i];
  if (addresses.size() > most_shown) text += " and " + std::to_string(addresses.size() - most_shown) + " more";
  if (addresses.empty())
    text += simulation_.device().basis() == simulate::Basis::link ? "as the link layer says" : "no address is known";
  return text + (simulation_.device().basis() == simulate::Basis::assumed ? " (assumed)\n\n" : "\n\n");
}

std::string SimulateReport::row(const Listed& l) const {
  const auto verdict = policy::to_string(l.decision.verdict);
  const std::string rule(policy::to_string(l.decision.rule));
  std::string text = right("#" + std::to_string(l.number), 6) + "  " +
                     padded(verdict::verdict_word(l.decision.verdict, setup_.color), 8, verdict.size()) + " " +
                     padded(rule, 5, rule.size()) + right(grouped(l.counted.packets), 11) +
                     right(grouped(l.counted.bytes), 15) + "  " + verdict::flow_text(l.flow);
  if (simulation_.timeline().points.size() > 1)
    text += "  [" + format::printable(simulation_.timeline().states[l.state].name) + "]";
  if (const std::string source = place_text(policy_, l.decision.source); !source.empty()) text += "  " + source;
  return text + "\n";
}

std::string SimulateReport::totals_text() const {
  std::string text = "\nTOTALS\n";
  for (const Direction d : {simulate::out, simulate::in})
    for (const policy::Verdict v : all_verdicts) {
      const Total& t = totals_[d][static_cast<std::size_t>(v)];
      if (t.counted.packets == 0) continue;
      const auto word = policy::to_string(v);
      text += "  " + padded(direction_words[d], 4, d == simulate::out ? 3 : 2) +
              padded(verdict::verdict_word(v, setup_.color), 8, word.size()) + right(grouped(t.counted.packets), 14) +
              " packets" + right(grouped(t.counted.bytes), 16) + " bytes" + right(grouped(t.flows), 12) + " flows\n";
    }
  const simulate::Counts& c = simulation_.counts();
  for (const auto& [word, counted] :
       {std::pair("not IP", c.not_ip), std::pair("malformed", c.malformed), std::pair("for other hosts", c.another)})
    if (counted.packets != 0)
      text += "  not judged" + right(grouped(counted.packets), 16) + " packets" + right(grouped(counted.bytes), 16) +
              " bytes  " + word + "\n";
  if (dropped_.empty()) return text;
  text += "\nTOP DROPS\n";
  for (const Dropped& d : dropped_) {
    text += right(grouped(d.counted.packets), 12) + " packets" + right(grouped(d.counted.bytes), 16) + " bytes  " +
            d.flow + "  " + d.rule;
    if (!d.source.empty()) text += "  " + d.source;
    text += "\n";
  }
  return text;
}

// --- JSON -----------------------------------------------------------------------------------------------------------

// Written by hand around what others have written already: a million of them take no tree.
std::string SimulateReport::json_row(const Listed& l) const {
  const std::string verdict = policy::verdict_json(policy_, l.decision);
  const simulate::Moment first = l.first - simulation_.counts().first, last = l.last - simulation_.counts().first;
  return "{\"id\":" + std::to_string(l.number) + ",\"direction\":\"" +
         direction_words[l.flow.incoming ? simulate::in : simulate::out] +
         "\",\"state\":" + written(simulation_.timeline().states[l.state].name) + ",\"local\":\"" +
         l.local.to_string() + "\",\"flow\":" + policy::flow_json(l.flow) + "," +
         verdict.substr(1, verdict.size() - 2) + ",\"packets\":" + std::to_string(l.counted.packets) +
         ",\"bytes\":" + std::to_string(l.counted.bytes) + ",\"first\":" + simulate::to_seconds(first) +
         ",\"last\":" + simulate::to_seconds(last) + "}";
}

std::string SimulateReport::summary_json() const {
  const simulate::Counts& c = simulation_.counts();
  ReportJson totals;
  for (const Direction d : {simulate::out, simulate::in}) {
    ReportJson& of = totals[direction_words[d]] = ReportJson::object();
    for (const policy::Verdict v : all_verdicts) {
      const Total& t = totals_[d][static_cast<std::size_t>(v)];
      if (t.counted.packets == 0) continue;
      of[std::string(policy::to_string(v))] = {
          {"packets", t.counted.packets}, {"bytes", t.counted.bytes}, {"flows", t.flows}};
    }
  }
  ReportJson drops = ReportJson::array();
  for (const Dropped& d : dropped_)
    drops.push_back({{"flow", d.flow},
                     {"rule", d.rule},
                     {"source", d.source},
                     {"packets", d.counted.packets},
                     {"bytes", d.counted.bytes}});
  const ReportJson out{
      {"capture",
       {{"file", setup_.capture},
        {"link", setup_.link},
        {"packets", c.all.packets},
        {"bytes", c.all.bytes},
        {"first", c.all.packets == 0 ? ReportJson(nullptr) : ReportJson(simulate::to_rfc3339(c.first))},
        {"last", c.all.packets == 0 ? ReportJson(nullptr) : ReportJson(simulate::to_rfc3339(c.last))},
        {"not_judged",
         {{"not_ip", counted_json(c.not_ip)},
          {"malformed", counted_json(c.malformed)},
          {"other_hosts", counted_json(c.another)}}}}},
      {"device",
       {{"known_from", basis_word(simulation_.device().basis())}, {"addresses", address_texts(simulation_.device())}}},
      {"flows", flows_},
      {"totals", totals},
      {"top_drops", drops},
      {"notes", simulation_.notes()}};
  return written(out);
}

// --- All ------------------------------------------------------------------------------------------------------------

bool SimulateReport::rows() {
  std::vector<std::uint64_t> sizes;
  std::uint64_t least = 0;
  if (setup_.form == SimulateForm::text && setup_.most != 0) {
    simulation_.each([&](const Listed& l) { sizes.push_back(l.counted.bytes); });
    if (sizes.size() > setup_.most) {
      std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(setup_.most - 1), sizes.end(),
                       std::greater<>());
      least = sizes[setup_.most - 1];
    }
  }
  bool good = true;
  first_ = true;
  std::size_t shown = 0;
  simulation_.each([&](const Listed& l) {
    if (!good || l.counted.bytes < least || (setup_.most != 0 && least != 0 && shown >= setup_.most)) return;
    ++shown;
    switch (setup_.form) {
      case SimulateForm::text:
        good = put(row(l));
        break;
      case SimulateForm::json:
        good = put((std::exchange(first_, false) ? "" : ",\n") + json_row(l));
        break;
      case SimulateForm::json_lines:
        good = put(json_row(l) + "\n");
        break;
    }
  });
  if (good && setup_.form == SimulateForm::text && sizes.size() > shown)
    good = put("        and " + grouped(sizes.size() - shown) + " more\n");
  return good;
}

bool SimulateReport::finish() {
  count();
  switch (setup_.form) {
    case SimulateForm::text:
      return put((setup_.packets ? "\n" : "") + heading() + "  FLOW  VERDICT  RULE     PACKETS          BYTES\n") &&
             rows() && put(totals_text()) && flush();
    case SimulateForm::json: {
      const std::string summary = summary_json();
      return put(setup_.packets ? "\n],\n\"verdicts\": [\n" : "{\"verdicts\": [\n") && rows() &&
             put("\n],\n" + summary.substr(1) + "\n") && flush();
    }
    case SimulateForm::json_lines:
      return rows() && put("{\"summary\":" + summary_json() + "}\n") && flush();
  }
  return false;
}

}  // namespace vpn::cli
