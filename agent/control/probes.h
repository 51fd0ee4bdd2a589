// What the agent asks of the network that the device is in: the probes of on-demand rules, and whether there is a
// captive portal. The decisions are those of agent/state; here is what they do.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/control/prober.h"
#include "agent/network/captive_portal.h"
#include "agent/state/captive_life.h"

namespace vpn::agent {

class Probes {
 public:
  struct Hooks {
    std::function<void()> exempt;   ///< exemptions() are others: they have to be in force when it returns
    std::function<void()> changed;  ///< results() or captive() are
    std::function<void(const std::string& text)> tell;
  };
  Probes(Loop& loop, Hooks hooks);

  /// Another policy or configuration: everything is asked anew.
  void set(bool captive_used, const PortalProbe& probe, std::chrono::seconds window);
  /// After every change of the network. `name`: network_name(); `announced`: the URI of RFC 8910, or empty.
  void network_changed(const std::string& name, Prober::Network network, const std::string& announced);
  /// Nothing is asked before network_changed() is called, and then everything anew. Until it is answered, what was
  /// found out counts as long as the network has the same name: rules that rest on it hold over the sleep.
  void sleep();
  /// These URLs have to be probed, unless they have been in this network.
  void want(const std::vector<std::string>& urls);
  /// A tunnel has left or reached `connected`.
  void tunnel_changed(bool up);
  /// Somebody else has looked for a portal, and found it otherwise than before.
  void portal_hinted();

  const std::map<std::string, int, std::less<>>& results() const { return results_; }  ///< 0: no answer
  bool captive() const { return captive_.phase == CaptiveLife::Phase::captive; }
  const CaptiveLife& portal() const { return captive_; }
  /// What is wrong with the time, as far as certificates show it; empty: nothing.
  const std::string& clock_fault() const { return clock_fault_; }
  std::vector<Exemption> exemptions() const { return prober_.exemptions(); }
  bool running() const { return prober_.running(); }
  /// For questions of others, in the same network. What they get outlives neither.
  Prober& prober() { return prober_; }

 private:
  void answered(const std::string& url, const HttpAnswer& answer);
  void dispatch(const CaptiveEvent& event);
  void look();
  void look_by_probe();
  void note_clock(const std::string& url, const HttpAnswer& answer);

  Loop& loop_;
  Hooks hooks_;
  Prober prober_;
  std::string name_, announced_;
  PortalProbe portal_probe_;
  CaptiveLife captive_;
  std::map<std::string, int, std::less<>> results_;
  std::set<std::string, std::less<>> of_before_;  // URLs of results that are to be asked anew
  std::string clock_fault_;
  std::map<std::string, std::unique_ptr<Waiting>, std::less<>> running_;
  std::unique_ptr<Waiting> look_, look_later_, window_;
};

}  // namespace vpn::agent
