// The agent's own questions to the network that the device is in, past every tunnel (S1.f): a look-up at the
// interface's resolvers, then one GET; or a question to a resolver that a rule requires. What the datapath has to let
// out for it, and no longer than it takes.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/loop/loop.h"
#include "agent/network/http_fetch.h"

namespace vpn::agent {

class Prober {
 public:
  /// By which interface probes leave; an empty name: there is no network.
  struct Network {
    std::string interface;
    std::uint32_t index = 0;
    std::vector<policy::Address> resolvers;
    friend bool operator==(const Network&, const Network&) = default;
  };
  struct Question {
    std::string url;
    std::string accept = "*/*";
    std::size_t most_body = 0;
  };
  /// `exempt`: exemptions() are others, and have to be in force when it returns. The loop outlives this.
  Prober(Loop& loop, std::function<void()> exempt);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  void set_network(Network network) { network_ = std::move(network); }
  /// Called back once, within longest_probe, never from within. Destroying the result cancels; it does not outlive
  /// this.
  [[nodiscard]] std::unique_ptr<Waiting> ask(Question question, std::function<void(HttpAnswer)> callback);
  /// Likewise: whether a resolver answers at all when it is asked for the name.
  [[nodiscard]] std::unique_ptr<Waiting> ask_resolver(const policy::Address& server, std::string name,
                                                      std::function<void(bool)> callback);

  std::vector<Exemption> exemptions() const;  ///< of what runs now; each with an end
  bool running() const { return !runs_.empty(); }

  static constexpr std::chrono::milliseconds longest_probe{10'000};

 private:
  class Run;
  class PageRun;
  class ResolverRun;
  Loop& loop_;
  std::function<void()> exempt_;
  Network network_;
  std::set<Run*> runs_;
};

}  // namespace vpn::agent
