// Reads a scenario file. Strict: a misspelt key would be a test that tests nothing.
#include <algorithm>
#include <array>

#include "compiler/scenario/scenario.h"
#include "compiler/scenario/strict_reader.h"
#include "compiler/scenario/tree.h"
#include "policy/json/json.h"

namespace vpn::scenario {
namespace {

using Kind = Node::Kind;

class Reader : StrictReader {
 public:
  explicit Reader(const std::string& path)
      : StrictReader(path, "\"Scenario file\" in docs/cli.md describes the shape") {
    out_.scenario.file = path;
  }

  Reading read() {
    auto root = read_tree(out_.scenario.file);
    if (!root) {
      problems().push_back(std::move(root.error()));
    } else if (!root->is(Kind::map)) {
      problem(root->position, "a scenario file is a mapping of keys to values");
    } else {
      scenario(*root);
    }
    out_.problems = std::move(problems());
    out_.files = std::move(files());
    return std::move(out_);
  }

 private:
  void scenario(const Node& root) {
    check_keys(root, std::array<std::string_view, 6>{"profiles", "policy", "app_map", "platform", "states", "cases"});
    Scenario& s = out_.scenario;
    const Member* profiles = root.find("profiles");
    const Member* policy = root.find("policy");
    if ((profiles == nullptr) == (policy == nullptr)) {
      problem(root.position, "a scenario names either 'profiles' or a 'policy'");
    } else if (profiles != nullptr) {
      read_profiles(*profiles);
    } else {
      s.policy = resolved(text(*policy));
      for (const char* key : {"app_map", "platform"})
        if (const Member* m = root.find(key))
          problem(m->position, "'" + m->key + "' says nothing about a policy that is compiled already");
    }
    s.app_map = resolved(text(root, "app_map"));
    if (const Member* platform = root.find("platform")) read_platform(*platform);
    if (const Member* states = root.find("states")) read_states(*states);
    if (const Member* cases = root.find("cases")) {
      read_cases(*cases);
    } else {
      problem(root.position, "'cases' is missing");
    }
  }

  void read_profiles(const Member& m) {
    if (m.value.is(Kind::text)) {
      out_.scenario.profiles.push_back(resolved(text(m)));
    } else if (!m.value.is(Kind::list) || m.value.items.empty()) {
      problem(m.value.position, "'profiles' must be a list of files or folders");
    }
    for (const Node& item : m.value.items) {
      if (item.is(Kind::text) && !item.text.empty()) {
        out_.scenario.profiles.push_back(resolved(item.text));
      } else {
        problem(item.position, "'profiles' must be a list of files or folders");
      }
    }
  }

  void read_platform(const Member& m) {
    policy::Platform platform{};
    if (m.value.is(Kind::text) && parse(m.value.text, platform)) {
      out_.scenario.platform = platform;
    } else {
      problem(m.value.position, "'platform' must be one of ios, macos, visionos, tvos, watchos, linux");
    }
  }

  // --- States ---

  void read_states(const Member& states) {
    if (!states.value.is(Kind::map))
      return problem(states.value.position, "'states' must be a mapping of names to states");
    for (const Member& m : states.value.members) {
      out_.scenario.states.try_emplace(m.key);  // even a faulty one has a name: cases that use it are not to blame
      if (auto read = state(m.value)) out_.scenario.states[m.key] = std::move(*read);
    }
  }

  // --- Cases ---

  void read_cases(const Member& cases) {
    if (!cases.value.is(Kind::list) || cases.value.items.empty())
      return problem(cases.value.position, "'cases' must be a list with at least one case");
    for (const Node& item : cases.value.items) {
      if (item.is(Kind::map)) {
        read_case(item);
      } else {
        problem(item.position, "a case is a mapping of keys to values");
      }
    }
  }

  void read_case(const Node& node) {
    check_keys(node, std::array<std::string_view, 6>{"name", "state", "flow", "expect", "rule", "tunnel"});
    Case test;
    test.line = node.position.line;
    test.column = node.position.column;
    test.name = text(node, "name");
    read_state_name(node, test);
    const bool has_flow = read_flow(node, test);
    read_expectation(node, has_flow, test);
    out_.scenario.cases.push_back(std::move(test));
  }

  void read_state_name(const Node& node, Case& test) {
    const Member* state = node.find("state");
    if (state == nullptr) return problem(node.position, "the case names no 'state'");
    test.state = text(*state);
    if (test.state.empty() || out_.scenario.states.count(test.state) != 0) return;
    std::vector<std::string_view> names;
    for (const auto& [name, known] : out_.scenario.states) names.push_back(name);
    problem(out_.scenario.file, state->value.position, "there is no state '" + test.state + "'",
            did_you_mean(test.state, names, help()));
  }

  bool read_flow(const Node& node, Case& test) {
    const Member* flow = node.find("flow");
    if (flow == nullptr || !flow->value.is(Kind::map)) {
      problem(flow == nullptr ? node.position : flow->value.position, "the case needs a 'flow', a mapping");
      return false;
    }
    std::vector<std::string> unknown;
    test.flow_json = to_json(flow->value);
    auto parsed = policy::parse_flow(test.flow_json, &unknown);
    if (!parsed) {
      problem(out_.scenario.file, flow->value.position, parsed.error().what, parsed.error().help);
      return false;
    }
    report_unknown(out_.scenario.file, flow->value, unknown);
    test.flow = std::move(*parsed);
    return true;
  }

  void read_expectation(const Node& node, bool has_flow, Case& test) {
    const Member* expect = node.find("expect");
    if (expect == nullptr) return problem(node.position, "the case does not say what to 'expect'");
    policy::Verdict& verdict = test.expected.verdict;
    const bool incoming = test.flow.flow.incoming;
    const bool known = expect->value.is(Kind::text) && parse(expect->value.text, verdict);
    const bool fits = known && (incoming ? verdict == policy::Verdict::accept || verdict == policy::Verdict::drop
                                         : verdict != policy::Verdict::accept);
    if (!known || (has_flow && !fits))
      problem(expect->value.position, incoming ? "an incoming flow is expected to be 'accept' or 'drop'"
                                               : "'expect' must be tunnel, direct, proxy, system or drop");
    if (const Member* rule = node.find("rule")) {
      policy::Rule parsed{};
      if (rule->value.is(Kind::text) && parse(rule->value.text, parsed)) {
        test.expected.rule = parsed;
      } else {
        problem(rule->value.position, "'rule' must be the number of a rule, such as S5.c");
      }
    }
    if (const Member* tunnel = node.find("tunnel")) test.expected.tunnel = text(*tunnel);
  }

  Reading out_;
};

}  // namespace

Reading read(const std::string& path) { return Reader(path).read(); }

}  // namespace vpn::scenario
