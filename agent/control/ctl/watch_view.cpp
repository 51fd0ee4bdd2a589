#include "agent/control/ctl/watch_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <vector>

#include "agent/control/ctl/text.h"
#include "agent/files/files.h"

namespace vpn::agent::ctl {
namespace {

using WatchJson = nlohmann::json;

constexpr const char *plain_row = "", *good = "32", *bad = "31", *other = "33", *title = "1";

struct Row {
  std::string text;
  const char* code = plain_row;  // SGR
};

std::string told(const WatchJson& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return {};
  return printable(it->is_string() ? it->get<std::string>() : it->dump());
}

std::uint64_t count(const WatchJson& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

double seconds(const WatchJson& object) {
  const auto it = object.find("time");
  return it != object.end() && it->is_number() ? it->get<double>() : 0;
}

WatchJson list(const WatchJson& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : WatchJson::array();
}

// In columns, taking each code point for one.
std::string cut(const std::string& text, unsigned columns) {
  std::size_t at = 0;
  for (unsigned used = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (starts && used++ == columns) break;
  }
  return text.substr(0, at);
}

std::string with_unit(double value, const char* unit) {
  constexpr std::array<const char*, 5> scales{"", "k", "M", "G", "T"};
  std::size_t scale = 0;
  while (value >= 1000 && scale + 1 < scales.size()) {
    value /= 1000;
    ++scale;
  }
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%.*f %s%s", scale > 0 && value < 100 ? 1 : 0, value, scales[scale], unit);
  return out.data();
}

struct Traffic {
  std::string app, verdict, rule, direction;
  std::uint64_t packets = 0;
  double packets_each = 0, bytes_each = 0;  // a second
};

using TrafficKey = std::array<std::string, 4>;

struct Sums {
  std::uint64_t packets = 0, bytes = 0;
};

// Tunnels and helpers of the same app, rule and verdict added up.
std::map<TrafficKey, Sums> sums_of(const WatchJson& state) {
  std::map<TrafficKey, Sums> out;
  for (const WatchJson& c : list(state, "traffic")) {
    if (!c.is_object()) continue;
    Sums& sum = out[{told(c, "app"), told(c, "verdict"), told(c, "rule"), told(c, "direction")}];
    sum.packets += count(c, "packets");
    sum.bytes += count(c, "bytes");
  }
  return out;
}

std::vector<Traffic> traffic_of(const WatchJson& now, const WatchJson& before) {
  const auto old = sums_of(before);
  const double passed = seconds(now) - seconds(before);
  std::vector<Traffic> out;
  for (const auto& [key, sum] : sums_of(now)) {
    Traffic t{key[0], key[1], key[2], key[3], sum.packets};
    const auto was = old.find(key);
    if (passed > 0 && before.is_object()) {
      const Sums from = was == old.end() ? Sums{} : was->second;
      // Counters start again with another guard.
      t.packets_each = sum.packets < from.packets ? 0 : static_cast<double>(sum.packets - from.packets) / passed;
      t.bytes_each = sum.bytes < from.bytes ? 0 : static_cast<double>(sum.bytes - from.bytes) / passed;
    }
    out.push_back(std::move(t));
  }
  std::stable_sort(out.begin(), out.end(), [](const Traffic& a, const Traffic& b) {
    return a.packets_each != b.packets_each ? a.packets_each > b.packets_each : a.packets > b.packets;
  });
  return out;
}

Row row_of(const Traffic& t) {
  std::array<char, 160> numbers{};
  std::snprintf(numbers.data(), numbers.size(), "%-7s %-5s %-4s %12s %12s %10s  ", t.verdict.c_str(), t.rule.c_str(),
                t.direction.c_str(), with_unit(t.packets_each, "pkt/s").c_str(), with_unit(t.bytes_each, "B/s").c_str(),
                with_unit(static_cast<double>(t.packets), "").c_str());
  return {numbers.data() + t.app, t.verdict == "drop" ? bad : plain_row};
}

std::vector<Row> head_of(const WatchJson& now) {
  std::vector<Row> out;
  std::string text = status_text(now, false);
  for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
    Row row{text.substr(0, end)};
    if (row.text.starts_with("guard ")) row.code = told(now, "guard") == "in-force" ? good : bad;
    if (row.text.starts_with("tunnel ")) row.code = row.text.starts_with("tunnel   connected") ? good : other;
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

std::string watch_frame(const nlohmann::json& state, const nlohmann::json& before, ScreenSize size, bool color) {
  const WatchJson now = state.is_object() ? state : WatchJson::object();
  std::vector<Row> rows = head_of(now);
  const std::vector<Traffic> traffic = traffic_of(now, before);
  const WatchJson drops = list(now, "drops");
  // What is left, with two titles, an empty line before each and the last line; drops get a third, or what the traffic
  // leaves them.
  constexpr std::size_t fixed = 5;
  const std::size_t room = size.rows > rows.size() + fixed ? size.rows - rows.size() - fixed : 0;
  const std::size_t for_drops = std::min(drops.size(), std::max(room / 3, room - std::min(room, traffic.size())));
  const std::size_t for_traffic = std::min(traffic.size(), room - for_drops);
  rows.push_back({});
  rows.push_back({"VERDICT RULE  DIR       PACKETS        BYTES      TOTAL  APP", title});
  for (std::size_t i = 0; i < for_traffic; ++i) rows.push_back(row_of(traffic[i]));
  rows.push_back({});
  rows.push_back({"LAST DROPS", title});
  for (std::size_t i = drops.size() - for_drops; i < drops.size(); ++i) {
    std::string line = drop_line(drops[i], false);
    if (line.ends_with('\n')) line.pop_back();
    rows.push_back({std::move(line), bad});
  }
  if (rows.size() + 1 > size.rows) rows.resize(size.rows > 0 ? size.rows - 1 : 0);
  rows.push_back({"q quits", other});
  std::string out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string text = cut(rows[i].text, size.columns);
    const bool colored = color && *rows[i].code != '\0';
    out += colored ? "\x1b[" + std::string(rows[i].code) + "m" + text + "\x1b[0m" : text;
    out += i + 1 < rows.size() ? "\x1b[K\n" : "\x1b[K";
  }
  return out;
}

}  // namespace vpn::agent::ctl
