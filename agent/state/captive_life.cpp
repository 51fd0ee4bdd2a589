#include "agent/state/captive_life.h"

#include <algorithm>
#include <array>

#include "policy/types.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

namespace cap = captive_action;
namespace seen = captive_event;
using Phase = CaptiveLife::Phase;
using What = captive_event::Answered::What;
using std::chrono::milliseconds;

// A network that has just come up answers a little later; one that never does is left alone.
constexpr std::array<milliseconds, 5> look_again{milliseconds(500), milliseconds(2000), milliseconds(5000),
                                                 milliseconds(15'000), milliseconds(60'000)};
constexpr milliseconds while_captive{5000};

class CaptiveStepper {
 public:
  explicit CaptiveStepper(CaptiveLife state) : s_(std::move(state)), before_(s_.phase) {}

  void operator()(const seen::NetworkSeen& e) {
    if (e.network == s_.network && (s_.phase != Phase::unused || !s_.used)) return;
    s_.network = e.network;
    add(cap::StopLooking{});
    if (!s_.used || e.network.empty())
      s_.phase = Phase::unused;
    else
      look();
  }

  void operator()(const seen::Answered& e) {
    if (s_.phase != Phase::looking && s_.phase != Phase::captive) return;
    if (e.what == What::free) {
      s_.phase = Phase::free;
    } else if (e.what == What::captive || s_.phase == Phase::captive) {
      s_.phase = Phase::captive;
      add(cap::LookLater{while_captive});
    } else if (s_.attempts < look_again.size()) {
      add(cap::LookLater{look_again[s_.attempts++]});
    } else {
      s_.phase = Phase::unknown;
    }
  }

  void operator()(const seen::LookDue&) {
    if (s_.phase == Phase::looking || s_.phase == Phase::captive) add(cap::Look{});
  }

  void operator()(const seen::WindowEnded&) {
    if (s_.phase != Phase::captive) return;
    s_.phase = Phase::closed;
    add(cap::StopLooking{});
    add(cap::Tell{"the captive portal's time is over: its app is let out no more in this network"});
  }

  void operator()(const seen::TunnelUp&) {
    if (s_.phase == Phase::unused || s_.phase == Phase::closed) return;
    if (s_.phase != Phase::free) add(cap::StopLooking{});
    s_.phase = Phase::free;
  }

  void operator()(const seen::TunnelLost&) {
    if (s_.phase == Phase::free) look();
  }

  void operator()(const seen::Hinted&) {
    if (s_.phase == Phase::unused || s_.phase == Phase::closed) return;
    add(cap::StopLooking{});  // what runs may have been answered before
    if (s_.phase == Phase::captive)
      add(cap::Look{});
    else
      look();
  }

  CaptiveStep finish() {
    const bool was = before_ == Phase::captive, is = s_.phase == Phase::captive;
    if (is && !was) {
      add(cap::StartWindow{s_.window});
      add(cap::Tell{"the network is behind a captive portal: its app is let out"});
    } else if (was && !is) {
      add(cap::StopWindow{});
      if (s_.phase == Phase::free)
        add(cap::Tell{"the captive portal lets everything pass: its app is let out no more"});
    }
    if (is != was) add(cap::Changed{is});
    return {std::move(s_), std::move(actions_)};
  }

 private:
  void look() {
    s_.phase = Phase::looking;
    s_.attempts = 0;
    add(cap::Look{});
  }
  void add(CaptiveAction action) { actions_.push_back(std::move(action)); }

  CaptiveLife s_;
  Phase before_;
  std::vector<CaptiveAction> actions_;
};

}  // namespace

std::string_view to_string(CaptiveLife::Phase phase) {
  switch (phase) {
    case Phase::looking:
      return "looking";
    case Phase::free:
      return "free";
    case Phase::captive:
      return "captive";
    case Phase::closed:
      return "closed";
    case Phase::unknown:
      return "unknown";
    case Phase::unused:
      break;
  }
  return "unused";
}

CaptiveStep step(CaptiveLife state, const CaptiveEvent& event) {
  CaptiveStepper stepper(std::move(state));
  std::visit(stepper, event);
  return stepper.finish();
}

bool captive_used(const policy::Policy& policy) {
  const policy::fb::Policy& body = policy.body();
  std::uint32_t roles = 0;
  if (body.app_classes() != nullptr)
    for (const auto* c : *body.app_classes()) roles |= c->roles();
  const bool sheet = (roles & bit(policy::Role::captive_websheet)) != 0;
  const bool plugin = (roles & bit(policy::Role::captive_plugin)) != 0;
  if (const auto* always_on = body.always_on()) {
    if (always_on->captive_websheet() && sheet) return true;
    if (always_on->captive_all()) return plugin;
    const auto* apps = body.apps();
    return apps != nullptr && std::any_of(apps->begin(), apps->end(),
                                          [](const policy::fb::App* a) { return a->captive_plugin() != policy::none; });
  }
  const auto* devices = body.devices();
  return (sheet || plugin) && devices != nullptr &&
         std::any_of(devices->begin(), devices->end(), [](const policy::fb::Device* d) { return d->include_all(); });
}

}  // namespace vpn::agent
