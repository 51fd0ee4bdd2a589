// One run over all states and flows. For prove*.cpp only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/analyse/governed.h"
#include "compiler/analyse/prove.h"
#include "compiler/analyse/shadow.h"
#include "compiler/analyse/space.h"
#include "policy/json/json.h"

namespace vpn::analyse {

class Prover {
 public:
  explicit Prover(const Space& space) : space_(space), policy_(*space.policies()[0]) {}
  Result<std::vector<Proof>> run(std::span<const Property> properties, std::uint64_t most_steps);

 private:
  enum class Outcome : std::uint8_t { beside, holds, excepted, broken };  // beside: the property does not speak of it

  Outcome judge(const Property& p, const View& view, const Who& who, const View::Traffic& traffic,
                const policy::Decision& decision, const Governed& by) const;

  /// A sender in a state, whose traffic is gone through.
  struct Asked {
    const View& view;
    const policy::DeviceState& device;  // view's
    std::uint32_t who;
    const Governed& by;
  };
  void go_through(const View& view, Shadows* shadows);
  void record(std::size_t p, Outcome outcome, const Asked& asked, const View::Traffic& traffic,
              const policy::Decision& decision);

  // prove_examples.cpp
  Result<Counterexample> counterexample(const State& state, const Who& who, const View::Traffic& traffic,
                                        const policy::Decision& decision) const;
  std::vector<Blame> blame(const View& view, const Who& who, const policy::Decision& decision) const;
  std::uint32_t bypass_source(const View& view, const policy::DeviceState& device, const Governed& by) const;
  Exception exception(policy::Rule rule, std::uint32_t source, const std::string& flow) const;

  /// The example of a broken property that takes the fewest words so far.
  struct Best {
    unsigned cost = 0;
    const State* state = nullptr;  // null: it is not broken
    std::uint32_t who = 0;
    View::Traffic traffic{};
    policy::Decision decision;
  };

  const Space& space_;
  const policy::Policy& policy_;
  std::vector<Proof> proofs_;
  std::vector<Best> best_;
  std::vector<std::map<std::pair<policy::Rule, std::uint32_t>, std::string>> exceptions_;  // with an example, JSON
  std::map<ClassKey, std::uint64_t> shared_;  // numbers of what states share for all senders
  std::set<ClassKey> seen_;                   // senders in what they tell apart
  std::uint64_t decisions_ = 0;
};

}  // namespace vpn::analyse
