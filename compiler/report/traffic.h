// Who sends and what is sent: the flows that stand for all that a policy tells apart. Internal to compiler/report.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/model.h"

namespace vpn::report {

/// Groups of apps and names that the rules judge alike (KernelClasses), in readable order; the system's own at the end.
/// `notes`: what was left out. Members by name are in Sender::members.
struct Senders {
  std::vector<Sender> all;
  std::vector<std::string> notes;
};
Senders senders(const policy::Policy& policy);

/// "udp 192.168.1.1:53", with what else tells the flow from others.
std::string sample_of(const policy::Flow& flow);

/// Flows to each kind of destination and of each service. Views in them point into `policy` and static text.
/// `routes`: those to the provider's routes, too.
std::vector<Item> items(const policy::Policy& policy, bool routes);

/// Senders that have flows of their own, added to `senders`, and their items: DHCP, the providers, the agent.
void add_system(const policy::Policy& policy, std::uint32_t tunnel, std::vector<Sender>& senders,
                std::vector<Item>& items);

}  // namespace vpn::report
