// Random policies, states of the device and flows that are rich enough to reach every rule, for property tests.
#pragma once

#include <string>
#include <vector>

#include "policy/kernel_table.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"
#include "tests/unit/policy/random.h"

namespace vpn::test {

class RandomWorld {
 public:
  explicit RandomWorld(Random& random);

  /// A flow, whose texts are the world's own. Ports are 0 where the protocol has none, as in packets.
  F flow(Random& random) const;
  /// One that an ICMP error quotes: as the device has sent it.
  F quoted(Random& random) const;
  policy::Address remote(Random& random) const;

  PolicyMaker maker;
  S state;
  policy::InterfaceIndexes indexes;
  std::vector<std::string> tunnels;  ///< identifiers, in the order of the policy
  std::vector<std::string> servers, probe_hosts;

 private:
  void add_apps(Random& random);
  void add_always_on(Random& random);
  void add_per_app(Random& random);
  void add_devices(Random& random);
  void add_selectors(Random& random);
  void add_network(Random& random);
  void add_tunnels(Random& random);
  policy::Prefix prefix(Random& random);
  void ask_as_agent(Random& random, F& f) const;
  std::uint32_t maybe_source(Random& random, unsigned percent);

  std::vector<std::string> apps_, links_, interfaces_;
  std::vector<policy::Address> near_;  // addresses that mean something here
  std::vector<int> ports_;
};

}  // namespace vpn::test
