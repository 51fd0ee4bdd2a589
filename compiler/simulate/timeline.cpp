#include "compiler/simulate/timeline.h"

#include <algorithm>
#include <array>
#include <map>

#include "compiler/scenario/strict_reader.h"

namespace vpn::simulate {
namespace {

using scenario::Member;
using scenario::Node;
using Kind = Node::Kind;

constexpr std::size_t most_points = 100'000;
constexpr const char* before_all = "booting";

class TimelineReader : scenario::StrictReader {
 public:
  explicit TimelineReader(const std::string& path)
      : StrictReader(path, "\"Timeline\" in docs/cli.md describes the shape") {
    out_.states.push_back({before_all, {}});
  }

  TimelineReading read() {
    auto root = scenario::read_tree(file());
    if (!root) {
      problems().push_back(std::move(root.error()));
    } else if (!root->is(Kind::map)) {
      problem(root->position, "a timeline is a mapping of keys to values");
    } else {
      check_keys(*root, std::array<std::string_view, 2>{"states", "timeline"});
      if (const Member* m = root->find("states")) read_states(*m);
      if (const Member* m = root->find("timeline")) {
        read_points(*m);
      } else {
        problem(root->position, "'timeline' is missing");
      }
    }
    return {std::move(out_), std::move(problems()), std::move(files())};
  }

 private:
  void read_states(const Member& m) {
    if (!m.value.is(Kind::map)) return problem(m.value.position, "'states' must be a mapping of names to states");
    for (const Member& s : m.value.members) {
      named_[s.key] = static_cast<std::uint32_t>(out_.states.size());  // even a faulty one has a name
      out_.states.push_back({s.key, state(s.value).value_or(policy::DeviceState{})});
    }
  }

  void read_points(const Member& m) {
    if (!m.value.is(Kind::list) || m.value.items.empty())
      return problem(m.value.position, "'timeline' must be a list with at least one point");
    if (m.value.items.size() > most_points)
      return problem(m.value.position, "there are more than " + std::to_string(most_points) + " points");
    for (const Node& item : m.value.items) {
      if (item.is(Kind::map)) {
        read_point(item);
      } else {
        problem(item.position, "a point is a mapping of 'at' and 'state'");
      }
    }
  }

  void read_point(const Node& node) {
    check_keys(node, std::array<std::string_view, 3>{"at", "state", "name"});
    const Member* at = node.find("at");
    const auto moment = at == nullptr ? std::nullopt : read_moment(at->value);
    if (!moment)
      problem(at == nullptr ? node.position : at->value.position,
              "'at' must be seconds from the beginning of the capture, or a time such as 2026-11-23T17:00:00Z");
    const Member* given = node.find("state");
    if (given == nullptr) return problem(node.position, "the point has no 'state'");
    const auto number = given->value.is(Kind::text) ? state_named(given->value) : state_here(node, *given);
    if (moment && number) out_.points.push_back({*moment, *number, scenario::place(file(), node.position)});
  }

  std::optional<std::uint32_t> state_named(const Node& name) {
    if (const auto known = named_.find(name.text); known != named_.end()) return known->second;
    std::vector<std::string_view> names;
    for (const auto& [known, number] : named_) names.push_back(known);
    problem(file(), name.position, "there is no state '" + name.text + "'", did_you_mean(name.text, names, help()));
    return std::nullopt;
  }

  std::optional<std::uint32_t> state_here(const Node& point, const Member& given) {
    std::string name = text(point, "name");
    if (name.empty()) name = "line " + std::to_string(point.position.line);
    auto read = state(given.value);
    if (!read) return std::nullopt;
    out_.states.push_back({std::move(name), std::move(*read)});
    return static_cast<std::uint32_t>(out_.states.size() - 1);
  }

  Timeline out_;
  std::map<std::string, std::uint32_t> named_;
};

}  // namespace

Timeline constant(std::string name, policy::DeviceState state) {
  Timeline out;
  out.states.push_back({before_all, {}});
  out.states.push_back({std::move(name), std::move(state)});
  out.points.push_back({{always, true}, 1, {}});
  return out;
}

TimelineReading read_timeline(const std::string& path) { return TimelineReader(path).read(); }

Result<Clock> Clock::make(const Timeline& timeline, Moment beginning) {
  Clock out;
  for (const TimelinePoint& p : timeline.points) {
    const Moment at = p.at.in(beginning);
    if (!out.points_.empty() && at <= out.points_.back().at)
      return fail(ErrorKind::invalid_input,
                  "this point is not later than the one before; the capture begins at " + to_rfc3339(beginning),
                  p.place, "put the points in order of time");
    out.points_.push_back({at, p.state});
  }
  out.find(beginning);
  return out;
}

bool Clock::find(Moment to) {
  const auto next =
      std::upper_bound(points_.begin(), points_.end(), to, [](Moment m, const Point& p) { return m < p.at; });
  const std::uint32_t before = state_;
  until_ = next == points_.end() ? never : next->at;
  from_ = next == points_.begin() ? always : std::prev(next)->at;
  state_ = next == points_.begin() ? 0 : std::prev(next)->state;
  return state_ != before;
}

}  // namespace vpn::simulate
