// The page's drawings, as SVG without style: page.css knows the classes. Internal to compiler/report.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/facts.h"
#include "compiler/report/model.h"

namespace vpn::report {

/// A step of a path from top to bottom: where it holds, the path ends.
struct Rung {
  std::string badge;               ///< "S5.c", "1"
  std::vector<std::string> lines;  ///< the first one is its heading
  std::string outcome;             ///< "Direct"
  std::string look;                ///< class of the outcome: "direct"
};

/// What a verdict is called, and the class that page.css paints it by.
struct Look {
  std::string name, css;
};
Look look(policy::Verdict verdict);
/// "Through Company VPN", "Blocked".
std::string outcome(const policy::Policy& policy, const policy::Decision& decision);

/// Who meets which rule in one column of a scene, and what comes of it.
struct Flows {
  struct Arrow {
    std::size_t who, rung;
    std::size_t things;
  };
  std::vector<std::string> who;  ///< groups of senders
  std::vector<Rung> rungs;       ///< in the order of the rules
  std::vector<Arrow> arrows;
  std::vector<std::string> sentences;  ///< the drawing in words
};
Flows flows(const policy::Policy& policy, const Scene& scene, std::size_t column);

/// For a wide page: senders, the ladder of rules, outcomes. `id` is unique on the page.
std::string flow_drawing(const Flows& flows, const std::string& id, const std::string& title);
/// The ladder alone, `width` pixels wide; below 400 outcomes stand under their rung.
std::string ladder_drawing(const std::vector<Rung>& rungs, double width, const std::string& id,
                           const std::string& title, const std::string& otherwise);
std::vector<Rung> on_demand_path(const policy::Policy& policy, const fb::OnDemand& on_demand);

/// Bars of address space, with their captions, to scale.
std::string space_drawing(const Space& space);

}  // namespace vpn::report
