// Each VPN in all states that matter, judged by decide() and put together where nothing differs. Internal to
// compiler/report.
#pragma once

#include <vector>

#include "compiler/report/model.h"
#include "compiler/report/report.h"

namespace vpn::report {

struct Scenes {
  std::vector<Scene> all;
  std::vector<std::string> left_out;  ///< names of VPNs that have no scene of their own: there are too many
};

/// One for each VPN, one for all of them where there are several, one for the reader's own states.
Scenes scenes(const policy::Policy& policy, const std::vector<NamedState>& own);

/// Everybody and everything that a scene asks about.
struct Cast {
  std::vector<Sender> senders;
  std::vector<Item> items;
};
/// `senders` are those of senders(), the system's own are added.
Cast cast(const policy::Policy& policy, const std::vector<Sender>& senders, std::uint32_t tunnel, bool routes);

/// Whether the sender with that number sends such flows, and the flow in that state, whose texts are all three's.
bool meets(const Item& item, const Sender& sender, std::size_t number);
policy::Flow flow_of(const Item& item, const Sender& sender, const State& state);

/// Decides everything of a scene whose states and senders are there, and puts together what does not differ.
void fold(const policy::Situation& any, const std::vector<Item>& items, Scene& scene);
/// The same, and says what it promises.
void judge(const policy::Policy& policy, const policy::Situation& any, const std::vector<Item>& items, Scene& scene);

}  // namespace vpn::report
