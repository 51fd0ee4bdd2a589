#include "tests/bench/harness/rows.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace vpn::bench {
namespace {

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : "%.3g", v);
  return text;
}

std::string must_text(const Row& row) {
  if (row.bound == Bound::none) return "";
  const char* sign = row.bound == Bound::ratio_at_most    ? "ratio <= "
                     : row.bound == Bound::ratio_at_least ? "ratio >= "
                                                          : "<= ";
  return sign + number(row.must);
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

}  // namespace

double Row::share() const {
  switch (bound) {
    case Bound::ratio_at_most:
      return ratio() / must;
    case Bound::ratio_at_least:
      return ratio() > 0 ? must / ratio() : 2;
    case Bound::ours_at_most:
      return ours / must;
    case Bound::none:
      break;
  }
  return 0;
}

void Rows::add(Row row) {
  std::printf("%-62s %10s %-9s", row.name.c_str(), number(row.ours).c_str(), row.unit.c_str());
  if (row.peer > 0)
    std::printf(" %-34s %10s  x%-6s", row.peer_name.c_str(), number(row.peer).c_str(), number(row.ratio()).c_str());
  if (row.bound != Bound::none)
    std::printf(" must %s: %s", must_text(row).c_str(), row.holds() ? "holds" : "NOT REACHED");
  std::printf("\n");
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

bool Rows::write(const std::string& path) const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& r : rows_) {
    nlohmann::ordered_json row{{"row", r.name}, {"unit", r.unit}, {"ours", r.ours}};
    row["peer"] = r.peer > 0 ? nlohmann::ordered_json(r.peer) : nlohmann::ordered_json(nullptr);
    row["peer_name"] = r.peer > 0 ? nlohmann::ordered_json(r.peer_name) : nlohmann::ordered_json(nullptr);
    row["ratio"] = r.peer > 0 ? nlohmann::ordered_json(r.ratio()) : nlohmann::ordered_json(nullptr);
    row["must"] = r.bound == Bound::none ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(must_text(r));
    row["holds"] = r.bound == Bound::none ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(r.holds());
    list.push_back(std::move(row));
  }
  std::ofstream out(path);
  out << list.dump(2) << "\n";
  return out.good();
}

bool Rows::draw(const std::string& path) const {
  constexpr int left = 470, width = 420, step = 26;
  std::ofstream out(path);
  const std::size_t bounded = static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const Row& r) { return r.bound != Bound::none; }));
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << left + width + 150 << "\" height=\""
      << (static_cast<int>(bounded) + 2) * step << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<text x=\"8\" y=\"18\">Figures as a share of their bound; the line is the bound</text>\n";
  int y = step + 6;
  for (const Row& r : rows_) {
    if (r.bound == Bound::none) continue;
    const double share = r.share();
    const int bar = static_cast<int>(std::min(share, 1.25) * width / 1.25);
    out << "<text x=\"8\" y=\"" << y + 13 << "\">" << escaped(r.name) << "</text><rect x=\"" << left << "\" y=\"" << y
        << "\" height=\"18\" width=\"" << bar << "\" fill=\"" << (r.holds() ? "#2a7f62" : "#b3392f") << "\"/><text x=\""
        << left + bar + 6 << "\" y=\"" << y + 13 << "\">" << number(share * 100) << " %</text>\n";
    y += step;
  }
  const int x = left + static_cast<int>(width / 1.25);
  out << "<line x1=\"" << x << "\" x2=\"" << x << "\" y1=\"" << step << "\" y2=\"" << y
      << "\" stroke=\"#444\"/>\n</svg>\n";
  return out.good();
}

}  // namespace vpn::bench
