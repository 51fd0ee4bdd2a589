#include "agent/state/policy_life.h"

namespace vpn::agent {
namespace {

namespace act = policy_action;
namespace ev = policy_event;

class Stepper {
 public:
  explicit Stepper(const PolicyLife& state) : s_(state) {}

  void operator()(const ev::Apply& e) {
    if (e.confirm.count() < 0 || e.confirm > longest_confirm)
      return refuse("a confirmation can be awaited for 1 to " + std::to_string(longest_confirm.count()) + " seconds");
    if (s_.before) return refuse("another policy waits to be confirmed; confirm it or let it fall back first");
    if (e.candidate.serial < s_.lowest_serial) {
      return refuse("serial " + std::to_string(e.candidate.serial) + " is lower than " +
                    std::to_string(s_.lowest_serial) + ", which this device has had");
    }
    const bool on_trial = e.confirm.count() != 0 && s_.active.has_value();
    if (on_trial) s_.before = s_.active;
    s_.active = e.candidate;
    add(act::Activate{e.candidate});
    if (on_trial) return add(act::StartConfirm{e.confirm});
    keep();
  }

  void operator()(const ev::Confirm&) {
    if (!s_.before) return refuse("no policy waits to be confirmed");
    s_.before.reset();
    add(act::StopConfirm{});
    keep();
  }

  void operator()(const ev::ConfirmExpired&) { fall_back("nobody confirmed the policy in time"); }

  // Without a policy before there is nothing to go back to: the guard blocks, and its life tries again.
  void operator()(const ev::ActivationFailed& e) {
    if (s_.before) add(act::StopConfirm{});
    fall_back(e.what);
  }

  PolicyStep finish() { return {s_, std::move(actions_)}; }

 private:
  void fall_back(const std::string& why) {
    if (!s_.before) return;
    s_.active = s_.before;
    s_.before.reset();
    add(act::Tell{why + "; back to the policy before, serial " + std::to_string(s_.active->serial)});
    add(act::Activate{*s_.active});
  }

  void keep() {
    s_.lowest_serial = s_.active->serial;
    add(act::Keep{*s_.active});
  }

  void refuse(std::string what) { add(act::Refuse{std::move(what)}); }
  void add(PolicyAction action) { actions_.push_back(std::move(action)); }

  PolicyLife s_;
  std::vector<PolicyAction> actions_;
};

}  // namespace

PolicyStep step(PolicyLife state, const PolicyEvent& event) {
  Stepper stepper(state);
  std::visit(stepper, event);
  return stepper.finish();
}

}  // namespace vpn::agent
