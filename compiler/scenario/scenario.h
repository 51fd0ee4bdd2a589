// Unit tests of a policy: states, flows and the verdicts that must come out ("Scenario file" of docs/cli.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy/flow.h"
#include "policy/result.h"
#include "policy/types.h"

namespace vpn::scenario {

/// What must come out. `rule` and `tunnel` are looked at where the file gives them; tunnels are compared without case.
struct Expectation {
  policy::Verdict verdict{};
  std::optional<policy::Rule> rule;
  std::optional<std::string> tunnel;
};

struct Case {
  std::string name;   ///< empty: the file gives none
  std::string state;  ///< name in Scenario::states
  policy::FlowText flow;
  std::string flow_json;  ///< the flow as the file gives it, as JSON
  Expectation expected;
  std::uint32_t line = 0;  ///< where the case begins
  std::uint32_t column = 0;
};

/// Paths are as the program can open them: what the file names is relative to its own folder.
struct Scenario {
  std::string file;
  std::vector<std::string> profiles;  ///< compiled together; empty: `policy` is given
  std::string policy;                 ///< a compiled policy
  std::string app_map;                ///< empty: none
  std::optional<policy::Platform> platform;
  std::map<std::string, policy::DeviceState> states;
  std::vector<Case> cases;
};

/// What was read, as far as it could be, and all that is wrong with it: nothing may be run unless `problems` is empty.
struct Reading {
  Scenario scenario;
  std::vector<Error> problems;
  std::vector<std::string> files;  ///< that were read: the scenario and the states that it names
};

/// Reads a scenario file, JSON or YAML, and the states that it refers to. Strict: what is not known is a problem.
Reading read(const std::string& path);

/// A case and what came of it.
struct Outcome {
  const Case* test = nullptr;
  policy::Decision got;
  bool passed = false;
};

/// Decides every case for which `wanted` holds, in order. `policy` is the one that the scenario names.
std::vector<Outcome> run(const Scenario& scenario, const policy::Policy& policy,
                         const std::function<bool(const Case&)>& wanted);

}  // namespace vpn::scenario
