#include "agent/control/ctl/text.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include "agent/files/files.h"

namespace vpn::agent::ctl {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_lines = 50;

std::string shown_member(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  return printable(it->is_string() ? it->get<std::string>() : it->dump());
}

std::string colored(const std::string& text, const char* code, bool color) {
  return color ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string clock_time(const Json& object) {
  const auto it = object.find("time");
  const double seconds = it != object.end() && it->is_number() ? it->get<double>() : 0;
  const auto when = static_cast<time_t>(seconds);
  tm local{};
  std::array<char, 32> text{};
  if (::localtime_r(&when, &local) == nullptr) return {};
  return {text.data(), ::strftime(text.data(), text.size(), "%H:%M:%S", &local)};
}

std::string verdict_color(const std::string& verdict) {
  return verdict == "drop" ? "31" : verdict == "tunnel" || verdict == "proxy" ? "32" : "33";
}

std::string place_text(const Json& source) {
  if (!source.is_object()) return {};
  return " (" + shown_member(source, "file") + ":" + shown_member(source, "line") + " " + shown_member(source, "path") +
         ")";
}

// "; wiki.corp.example: parameter 1 (corp.mobileconfig:52 …ActionParameters[0]) says not needed".
std::string evaluation_text(const Json& e) {
  const std::string outcome = shown_member(e, "outcome"), why = shown_member(e, "why");
  std::string out = "; " + shown_member(e, "host") + ": parameter " +
                    std::to_string(e.value("parameter", std::uint64_t{0}) + 1) + place_text(e.value("source", Json()));
  if (outcome == "never") return out + " says NeverConnect";
  if (outcome == "pending") return out + ": the network is being asked";
  if (outcome == "unknown") return out + ": the network is asked at its next lookup";
  out += outcome == "needed" ? ": it is needed" : ": not needed as long as the name resolves";
  return why.empty() ? out : out + ", " + why;
}

// "rule 2 of corp.mobileconfig:41 PayloadContent[0].VPN.OnDemandRules[1] says Connect".
std::string on_demand_text(const Json& o) {
  std::string out = "on-demand: ";
  const auto index = o.find("rule");
  if (index == o.end() || !index->is_number_unsigned()) {
    out += "no rule fits this network";
  } else {
    out += "rule " + std::to_string(index->get<std::uint64_t>() + 1);
    out += place_text(o.value("source", Json()));
    out += o.contains("awaits") ? " waits for the answer of " + shown_member(o, "awaits")
                                : " says " + shown_member(o, "action");
  }
  if (o.value("overridden", false)) out += ", overridden by a user";
  if (o.value("resting", false)) out += ", rests until it is used";
  if (o.value("waits", false)) out += ", connections wait for it";
  if (const Json evaluated = o.value("evaluation", Json()); evaluated.is_object()) out += evaluation_text(evaluated);
  return out;
}

}  // namespace

std::string status_text(const Json& s, bool color) {
  const std::string guard = shown_member(s, "guard");
  std::string out = "guard    " + colored(guard, guard == "in-force" ? "32" : "31", color);
  if (s.value("audit", false)) out += colored("  AUDIT: nothing is blocked", "33", color);
  if (!shown_member(s, "missing").empty()) out += ", missing: " + shown_member(s, "missing");
  if (!shown_member(s, "fault").empty()) out += "\n         " + shown_member(s, "fault");
  const Json policy = s.value("policy", Json::object());
  out += "\npolicy   serial " + shown_member(policy, "serial") + ", " +
         (policy.value("verified", false) ? "signature verified" : "signature not checked") +
         (policy.value("on_trial", false) ? ", ON TRIAL until confirmed" : "") + "\n";
  if (!shown_member(policy, "secrets_fault").empty()) out += "         " + shown_member(policy, "secrets_fault") + "\n";
  const std::string primary = shown_member(s, "primary_interface");
  out += "network  " + (primary.empty() ? "none" : primary);
  const std::string portal = shown_member(s, "captive");
  if (portal == "captive")
    out += colored(", behind a captive portal: its app is let out", "33", color);
  else if (portal == "closed")
    out += colored(", behind a captive portal whose time is over", "33", color);
  out += "\n";
  if (!shown_member(s, "clock_fault").empty()) out += "         " + shown_member(s, "clock_fault") + "\n";
  for (const Json& t : s.value("tunnels", Json::array())) {
    const std::string status = shown_member(t, "status");
    out += "tunnel   " + colored(padded(status, 14), status == "connected" ? "32" : "33", color) +
           padded(shown_member(t, "kind"), 10) + padded(shown_member(t, "provider"), 10) + shown_member(t, "id");
    if (!shown_member(t, "name").empty()) out += " (" + shown_member(t, "name") + ")";
    if (!shown_member(t, "interface").empty()) out += " on " + shown_member(t, "interface");
    if (const Json needs = t.value("needs", Json()); needs.is_object())
      out +=
          "\n         " + colored("asks for: " + shown_member(needs, "prompt") + "; 'vpnagentctl answer'", "33", color);
    if (!shown_member(t, "reason").empty()) out += "\n         " + shown_member(t, "reason");
    if (const Json rules = t.value("on_demand", Json()); rules.is_object())
      out += "\n         " + on_demand_text(rules);
    out += "\n";
  }
  for (const Json& fault : s.value("owner_faults", Json::array()))
    out += "apps     " + printable(fault.is_string() ? fault.get<std::string>() : fault.dump()) + "\n";
  return out;
}

std::string why_text(const Json& a, bool color) {
  const std::string verdict = shown_member(a, "verdict");
  std::string out = colored(verdict, verdict_color(verdict).c_str(), color);
  if (!shown_member(a, "tunnel").empty()) out += " " + shown_member(a, "tunnel");
  out += "  by " + shown_member(a, "rule");
  const Json source = a.value("source", Json());
  if (source.is_object()) {
    out += ", " + shown_member(source, "file");
    if (!shown_member(source, "line").empty()) out += ":" + shown_member(source, "line");
    out += " " + shown_member(source, "path");
  }
  out += "\n";
  for (const Json& p : a.value("passed", Json::array()))
    out += "  not " + shown_member(p, "rule") + ": " + shown_member(p, "why") + "\n";
  for (const Json& o : a.value("on_demand", Json::array()))
    if (o.is_object()) out += "  " + shown_member(o, "tunnel") + ": " + on_demand_text(o) + "\n";
  if (shown_member(a, "guard") != "in-force")
    out += colored("  but the guard is " + shown_member(a, "guard") + ", which blocks", "31", color) + "\n";
  return out;
}

std::string drop_line(const Json& d, bool color) {
  std::string out = clock_time(d) + "  " + colored(padded(shown_member(d, "rule"), 5), "31", color) +
                    padded(shown_member(d, "app"), 28);
  out += shown_member(d, "direction") == "in" ? "from " : "to ";
  out += shown_member(d, "protocol") + " " + shown_member(d, "remote");
  if (const std::string port = shown_member(d, "remote_port"); !port.empty() && port != "0") out += " port " + port;
  if (!shown_member(d, "hostname").empty()) out += " (" + shown_member(d, "hostname") + ")";
  if (!shown_member(d, "interface").empty()) out += " on " + shown_member(d, "interface");
  if (const std::string pid = shown_member(d, "pid"); !pid.empty() && pid != "0") out += ", process " + pid;
  if (const Json source = d.value("source", Json()); source.is_object()) {
    out += "; " + shown_member(source, "file");
    if (const std::string line = shown_member(source, "line"); !line.empty()) out += ":" + line;
  }
  return out + "\n";
}

std::string drops_text(const Json& a, bool color) {
  std::vector<Json> dropped;
  for (const Json& c : a.value("counters", Json::array()))
    if (shown_member(c, "verdict") == "drop") dropped.push_back(c);
  const auto packets = [](const Json& c) { return c.value("packets", std::uint64_t{0}); };
  std::sort(dropped.begin(), dropped.end(), [&](const Json& x, const Json& y) { return packets(x) > packets(y); });
  std::string out;
  for (const Json& c : dropped) {
    out += padded(std::to_string(packets(c)) + " packets", 20) +
           colored(padded(shown_member(c, "rule"), 5), "31", color) + padded(shown_member(c, "direction"), 4) +
           shown_member(c, "app") + "\n";
  }
  const Json recent = a.value("recent", Json::array());
  const std::size_t skip = recent.size() > most_lines ? recent.size() - most_lines : 0;
  if (!recent.empty()) out += "\n";
  for (std::size_t i = skip; i < recent.size(); ++i) out += drop_line(recent[i], color);
  return out.empty() ? "nothing was dropped\n" : out;
}

}  // namespace vpn::agent::ctl
