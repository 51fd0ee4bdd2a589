// Unified diffs: Myers' greedy algorithm over lines, between the common start and the common end.
#include <algorithm>
#include <vector>

#include "compiler/cli/fix.h"

namespace vpn::cli {
namespace {

using Lines = std::vector<std::string_view>;

constexpr int context = 3;
/// Beyond this many changed lines the whole middle is shown as replaced: the search would take time and memory by its
/// square.
constexpr int most_changes = 4000;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

/// A run of lines that differ: [a, a_end) became [b, b_end).
struct Change {
  int a, a_end, b, b_end;
};

/// The shortest edit script of `before` and `after`, walked back from the traces of each step.
class Script {
 public:
  Script(std::span<const std::string_view> before, std::span<const std::string_view> after)
      : before_(before), after_(after), n_(static_cast<int>(before.size())), m_(static_cast<int>(after.size())) {}

  /// False: more than most_changes.
  bool search(std::vector<Change>& out) {
    const int limit = std::min(n_ + m_, most_changes);
    furthest_.assign(2 * static_cast<std::size_t>(limit) + 3, 0);
    offset_ = limit + 1;
    for (int d = 0; d <= limit; ++d) {
      traces_.emplace_back(furthest_.begin() + (offset_ - d - 1), furthest_.begin() + (offset_ + d + 2));
      for (int k = -d; k <= d; k += 2) {
        int x = k == -d || (k != d && at(k - 1) < at(k + 1)) ? at(k + 1) : at(k - 1) + 1;
        while (x < n_ && x - k < m_ && before_[static_cast<std::size_t>(x)] == after_[static_cast<std::size_t>(x - k)])
          ++x;
        at(k) = x;
        if (x >= n_ && x - k >= m_) {
          walk_back(d, out);
          return true;
        }
      }
    }
    return false;
  }

 private:
  static std::size_t index(int place) { return static_cast<std::size_t>(place); }
  int& at(int k) { return furthest_[index(offset_ + k)]; }

  void walk_back(int d, std::vector<Change>& out) const {
    int x = n_, y = m_;
    for (; d > 0; --d) {
      const std::vector<int>& trace = traces_[static_cast<std::size_t>(d)];
      const auto was = [&](int k) { return trace[index(k + d + 1)]; };
      const int k = x - y;
      const int from = k == -d || (k != d && was(k - 1) < was(k + 1)) ? k + 1 : k - 1;
      const int px = was(from), py = px - from;
      const Change step = from == k + 1 ? Change{px, px, py, py + 1} : Change{px, px + 1, py, py};
      if (!out.empty() && out.back().a == step.a_end && out.back().b == step.b_end) {
        out.back().a = step.a;
        out.back().b = step.b;
      } else {
        out.push_back(step);
      }
      x = px;
      y = py;
    }
    std::reverse(out.begin(), out.end());
  }

  std::span<const std::string_view> before_, after_;
  int n_, m_, offset_ = 0;
  std::vector<int> furthest_;
  std::vector<std::vector<int>> traces_;
};

std::vector<Change> changes(const Lines& before, const Lines& after) {
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  const std::span<const std::string_view> a(before.data() + head, before.size() - head - tail);
  const std::span<const std::string_view> b(after.data() + head, after.size() - head - tail);
  std::vector<Change> result;
  if (!Script(a, b).search(result)) result = {{0, static_cast<int>(a.size()), 0, static_cast<int>(b.size())}};
  const int shift = static_cast<int>(head);
  for (Change& c : result) c = {c.a + shift, c.a_end + shift, c.b + shift, c.b_end + shift};
  return result;
}

void add_line(std::string& text, char sign, std::string_view line) {
  text.append(1, sign).append(line);
  if (!line.ends_with('\n')) text += "\n\\ No newline at end of file\n";
}

std::string range(int begin, int count) {
  const int shown = count == 0 ? begin : begin + 1;  // an empty range is named by the line before it
  return std::to_string(shown) + (count == 1 ? "" : "," + std::to_string(count));
}

/// One hunk: the changes [first, last) with their context.
void add_hunk(std::string& text, const Lines& before, const Lines& after, const std::vector<Change>& all,
              std::size_t first, std::size_t last) {
  const int a = std::max(all[first].a - context, 0);
  const int a_end = std::min(all[last - 1].a_end + context, static_cast<int>(before.size()));
  const int b = all[first].b - (all[first].a - a);
  const int b_end = all[last - 1].b_end + (a_end - all[last - 1].a_end);
  text += "@@ -" + range(a, a_end - a) + " +" + range(b, b_end - b) + " @@\n";
  int at = a;
  for (std::size_t i = first; i < last; ++i) {
    for (; at < all[i].a; ++at) add_line(text, ' ', before[static_cast<std::size_t>(at)]);
    for (; at < all[i].a_end; ++at) add_line(text, '-', before[static_cast<std::size_t>(at)]);
    for (int j = all[i].b; j < all[i].b_end; ++j) add_line(text, '+', after[static_cast<std::size_t>(j)]);
  }
  for (; at < a_end; ++at) add_line(text, ' ', before[static_cast<std::size_t>(at)]);
}

}  // namespace

std::string unified_diff(std::string_view name, std::string_view before, std::string_view after) {
  if (before == after) return {};
  const Lines a = split(before), b = split(after);
  const std::vector<Change> all = changes(a, b);
  const bool relative = !name.starts_with('/');
  std::string text = (relative ? "--- a/" : "--- ") + std::string(name) + "\n" + (relative ? "+++ b/" : "+++ ") +
                     std::string(name) + "\n";
  for (std::size_t first = 0; first < all.size();) {
    std::size_t last = first + 1;
    while (last < all.size() && all[last].a - all[last - 1].a_end <= 2 * context) ++last;
    add_hunk(text, a, b, all, first, last);
    first = last;
  }
  return text;
}

}  // namespace vpn::cli
