#include "compiler/report/promise.h"

#include <algorithm>
#include <map>

#include "compiler/analyse/words.h"
#include "compiler/report/words.h"

namespace vpn::report {
namespace {

using policy::Verdict;

std::size_t connected_in(const Scene& scene, const Column& column) {
  return static_cast<std::size_t>(std::count_if(column.states.begin(), column.states.end(),
                                                [&](std::uint32_t s) { return scene.states[s].is_connected; }));
}

/// The states in which the columns hold, as the end of a sentence.
std::string when(const Scene& scene, const std::vector<std::size_t>& columns) {
  std::size_t covered = 0, connected = 0, all_connected = 0;
  for (const State& s : scene.states) all_connected += s.is_connected ? 1U : 0U;
  for (const std::size_t c : columns) {
    covered += scene.columns[c].states.size();
    connected += connected_in(scene, scene.columns[c]);
  }
  if (covered == scene.states.size()) return "in every state";
  if (connected == covered && covered == all_connected) return "while it is connected";
  std::vector<std::string> titles;
  titles.reserve(columns.size());
  for (const std::size_t c : columns) titles.push_back(quoted(scene.columns[c].title));
  return "in the " + std::string(titles.size() == 1 ? "state " : "states ") + joined(titles, ", ", " and ");
}

std::string does(const policy::Policy& policy, const policy::Decision& d) {
  switch (d.verdict) {
    case Verdict::tunnel:
      return "goes through " + quoted(tunnel_name(policy, d.tunnel));
    case Verdict::proxy:
      return "is handed to the proxy " + quoted(tunnel_name(policy, d.tunnel));
    case Verdict::drop:
      return "is blocked";
    case Verdict::direct:
      return "leaves beside every VPN";
    case Verdict::system:
    case Verdict::accept:
      break;
  }
  return "takes the device\u2019s ordinary routes";
}

/// "goes through “X” while it is connected, and is blocked otherwise".
std::string course(const policy::Policy& policy, const Scene& scene, const Row& row) {
  struct Group {
    std::string what;
    std::vector<std::size_t> columns;
    std::size_t states = 0;  // in which the VPN is not connected
  };
  std::vector<Group> groups;
  for (std::size_t c = 0; c < row.cells.size(); ++c) {
    const std::string what = does(policy, scene.decisions[row.cells[c]]);
    auto it = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.what == what; });
    if (it == groups.end()) it = groups.insert(it, {what, {}, 0});
    it->columns.push_back(c);
    it->states += scene.columns[c].states.size() - connected_in(scene, scene.columns[c]);
  }
  // What holds most often is said last, for all that is left.
  const auto most = std::max_element(groups.begin(), groups.end(),
                                     [](const Group& a, const Group& b) { return a.states < b.states; });
  std::rotate(most, most + 1, groups.end());
  std::vector<std::string> parts;
  for (std::size_t g = 0; g < groups.size(); ++g)
    parts.push_back(groups[g].what + " " +
                    (g + 1 == groups.size() && g != 0 ? "otherwise" : when(scene, groups[g].columns)));
  return joined(parts, ", ", ", and ");
}

/// The rows of the sender's ordinary internet traffic.
std::vector<const Row*> rest_of(const Scene& scene, std::uint32_t sender) {
  std::vector<const Row*> out;
  for (const Row& row : scene.rows)
    if (row.sender == sender && !row.rest.empty()) out.push_back(&row);
  return out;
}

bool is_own(const Scene& scene, std::uint32_t tunnel) {
  return std::find(scene.tunnels.begin(), scene.tunnels.end(), tunnel) != scene.tunnels.end();
}

/// Whether the rule is one of the scene's VPN, where there are others.
bool is_own(const policy::Policy& policy, const Scene& scene, policy::Rule rule) {
  if (!scene.has_others || scene.tunnels.size() != 1) return true;
  const fb::Policy& body = policy.body();
  for (std::uint32_t i = 0; body.devices() != nullptr && i < body.devices()->size(); ++i) {
    const fb::Device& d = *body.devices()->Get(i);
    if (d.tunnel() == scene.tunnel)
      return d.include_all() ? rule >= policy::Rule::S5 && rule <= policy::Rule::S5f : rule >= policy::Rule::S6b;
  }
  return false;  // a per-app VPN lets nothing out by an exception: it is passed over
}

bool leaves(const policy::Policy& policy, const Scene& scene, const Row& row) {
  return std::any_of(row.cells.begin(), row.cells.end(), [&](std::uint32_t c) {
    const policy::Decision& d = scene.decisions[c];
    return d.verdict == Verdict::direct && d.source != policy::none && is_own(policy, scene, d.rule);
  });
}

/// What leaves beside the VPN by an exception, in some state: kinds of traffic of everybody, and apps.
std::vector<std::string> beside(const policy::Policy& policy, const Scene& scene) {
  std::vector<std::string> out;
  const auto note = [&](const std::string& text) {
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
  };
  for (const Row& row : scene.rows)
    if (scene.senders[row.sender].unnamed != 0 && leaves(policy, scene, row))
      for (const std::string& thing : row.things) note(thing);
  for (const Row& row : scene.rows) {
    const Sender& sender = scene.senders[row.sender];
    if (!sender.is_system && sender.unnamed == 0 && !row.rest.empty() && leaves(policy, scene, row)) note(sender.title);
  }
  return out;
}

bool goes_through(const Scene& scene, const Row& row) {
  return std::any_of(row.cells.begin(), row.cells.end(), [&](std::uint32_t c) {
    const policy::Decision& d = scene.decisions[c];
    return (d.verdict == Verdict::tunnel || d.verdict == Verdict::proxy) && is_own(scene, d.tunnel);
  });
}

}  // namespace

std::vector<std::string> promise(const policy::Policy& policy, const Scene& scene) {
  struct Group {
    std::string course;
    std::vector<std::string> who;
    unsigned unnamed = 0;
    bool through = false;
  };
  std::vector<Group> groups;
  for (std::uint32_t s = 0; s < scene.senders.size(); ++s) {
    const std::vector<const Row*> rest = rest_of(scene, s);
    if (scene.senders[s].is_system || rest.empty()) continue;
    std::string text = course(policy, scene, *rest[0]);
    for (std::size_t r = 1; r < rest.size(); ++r)
      text += "; " + joined(rest[r]->rest, ", ", " and ") + ": " + course(policy, scene, *rest[r]);
    auto it = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.course == text; });
    if (it == groups.end()) it = groups.insert(it, {text, {}, 0, false});
    const Sender& sender = scene.senders[s];
    it->who.insert(it->who.end(), sender.groups.begin(), sender.groups.end());
    it->unnamed |= sender.unnamed;
    it->through =
        it->through || std::any_of(rest.begin(), rest.end(), [&](const Row* row) { return goes_through(scene, *row); });
  }
  // What the VPN is for comes first, and there what holds for most.
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return std::pair(!a.through, a.unnamed == 0) < std::pair(!b.through, b.unnamed == 0);
  });
  std::vector<std::string> out;
  const auto subject = [&](const Group& g) -> std::string {
    if (groups.size() == 1) return "Ordinary internet traffic";
    if (out.empty() && g.unnamed == all_unnamed) return "Ordinary internet traffic, but for the apps below,";
    return senders_title(g.who, g.unnamed, false) + ": ordinary traffic";
  };
  for (const Group& g : groups) {
    if (scene.has_others && !g.through) {
      out.emplace_back(out.empty()
                           ? "Ordinary internet traffic does not go through it in any state shown here."
                           : "It governs nothing else: that is up to the other VPNs, which are disconnected here.");
      break;
    }
    if (out.size() == 3 && groups.size() > 4) {
      out.push_back(counted(groups.size() - 3, "further group", "further groups") +
                    " of apps are treated otherwise: the table below has them.");
      break;
    }
    out.push_back(subject(g) + " " + g.course + ".");
  }
  const std::vector<std::string> left = beside(policy, scene);
  if (!left.empty())
    out.push_back("Excepted, in some state beside the VPN: " + analyse::listed(left, 9, "; ", "; ") + ".");
  return out;
}

}  // namespace vpn::report
