// What another policy changes: the flows that meet another verdict, and in which states, as few readable classes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/analyse/cover.h"
#include "compiler/analyse/property.h"
#include "compiler/analyse/space.h"
#include "policy/result.h"

namespace vpn::analyse {

/// What a change means to an administrator, the worst first.
enum class Risk : std::uint8_t {
  leaves,    ///< newly leaves outside every tunnel: it was carried by one, or did not leave
  reroutes,  ///< another tunnel carries it
  blocks,    ///< left, and is dropped now
  opens,     ///< was dropped, and is carried by a tunnel now
  enters,    ///< left outside, and is carried by a tunnel now
  other,     ///< `direct` and `system`: both leave outside
  agent,     ///< what the agent itself looks up (S1.d) or probes (S1.f): no app's traffic
};
std::string_view to_string(Risk risk);
std::string_view risk_text(Risk risk);  ///< "newly leaves outside every tunnel"

/// A verdict as people compare them: a tunnel's name where one carries.
struct Side {
  policy::Verdict verdict{};
  std::uint32_t tunnel = policy::none;            ///< index into Space::tunnels(), for `tunnel` and `proxy`
  auto operator<=>(const Side&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct Change {
  Risk risk{};
  Side before, after;
  std::string who, where, what, when;  ///< in words: senders, destinations, protocols and ports, states
  std::string flow, state, new_state;  ///< an example, JSON; new_state where the new policy has other tunnels' names
  std::string flow_words, state_words;
  policy::Decision old_decision, new_decision;  ///< of the example
};

struct Expected {
  FlowSelector flows;
  StateSelector states;
  std::vector<policy::Verdict> before, after;  ///< empty: any
  std::string where;                           ///< file:line:column
};

/// Changes that are expected, from a YAML or JSON file (docs/analysis.md). Errors name file, line and column.
Result<std::vector<Expected>> read_expected(const std::string& path);

struct Difference {
  std::vector<Change> changes;  ///< by risk
  std::uint64_t expected = 0;   ///< verdicts that change as expected
  std::uint64_t verdicts = 0;   ///< pairs that were compared
  std::uint64_t states = 0;
  std::vector<std::string> tunnel_names;  ///< of Side::tunnel
  std::vector<std::string> renamed;       ///< "'Work': A is now B"
  bool leaves() const { return !changes.empty() && changes.front().risk == Risk::leaves; }
};

struct DiffOptions {
  std::vector<policy::DeviceState> states;  ///< where not empty: in these states only
  std::vector<Expected> expected;
};

/// Errors (`invalid_input`): the policies tell too many classes apart.
Result<Difference> diff(const policy::Policy& before, const policy::Policy& after, const DiffOptions& options = {});

nlohmann::ordered_json diff_json(const policy::Policy& before, const policy::Policy& after, const Difference& d);
std::string diff_text(const policy::Policy& before, const policy::Policy& after, const Difference& d, bool color);
/// For a comment on a merge request.
std::string diff_markdown(const policy::Policy& before, const policy::Policy& after, const Difference& d);

}  // namespace vpn::analyse
