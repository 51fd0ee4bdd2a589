#include "compiler/analyse/diff.h"

#include <algorithm>
#include <map>
#include <optional>

#include "compiler/analyse/examples.h"
#include "compiler/analyse/governed.h"
#include "compiler/analyse/selectors.h"
#include "compiler/analyse/two_policies.h"
#include "compiler/analyse/words.h"
#include "compiler/verdict/text.h"
#include "policy/ascii.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::analyse {

using policy::Verdict;

std::string_view to_string(Risk risk) {
  switch (risk) {
    case Risk::leaves:
      return "leaves";
    case Risk::reroutes:
      return "reroutes";
    case Risk::blocks:
      return "blocks";
    case Risk::opens:
      return "opens";
    case Risk::enters:
      return "enters";
    case Risk::agent:
      return "agent";
    case Risk::other:
      break;
  }
  return "other";
}

namespace {

/// S3 and S5 without a letter.
bool is_of_encapsulations(policy::Rule rule) { return rule == policy::Rule::S3 || rule == policy::Rule::S5; }

bool carries(Verdict v) { return v == Verdict::tunnel || v == Verdict::proxy; }

Risk risk_of(const Side& before, const Side& after) {
  if (is_outside(after.verdict)) return is_outside(before.verdict) ? Risk::other : Risk::leaves;
  if (after.verdict == Verdict::drop) return Risk::blocks;
  if (carries(before.verdict)) return Risk::reroutes;
  return before.verdict == Verdict::drop ? Risk::opens : Risk::enters;
}

/// One kind of change, as it is found: sets of destinations and ports by number, for senders and states share them.
struct Found {
  std::map<Numbers, std::uint32_t> sets;
  struct In {
    std::uint32_t who, set, state;
  };
  std::vector<In> where;

  std::uint32_t number(Numbers set) {
    return sets.try_emplace(std::move(set), static_cast<std::uint32_t>(sets.size())).first->second;
  }
};

/// The parts that sets of numbers have in common: each set is some of them.
struct Parts {
  std::vector<Numbers> parts;
  std::vector<Numbers> of;  ///< for each set, in the order of its number: its parts

  explicit Parts(const std::map<Numbers, std::uint32_t>& sets) : of(sets.size()) {
    std::map<std::uint32_t, Numbers> memberships;
    for (const auto& [set, number] : sets)
      for (const std::uint32_t member : set) memberships[member].push_back(number);
    std::map<Numbers, std::uint32_t> numbers;
    for (const auto& [member, in] : memberships) {
      const auto [it, is_new] = numbers.try_emplace(in, static_cast<std::uint32_t>(parts.size()));
      if (is_new) parts.emplace_back();
      parts[it->second].push_back(member);
    }
    for (const auto& [in, part] : numbers)
      for (const std::uint32_t set : in) of[set].push_back(part);
  }
};

class Differ {
 public:
  Differ(const Space& space, const DiffOptions& options) : space_(space), options_(options) {}

  Difference run() {
    for (const Tunnel& t : space_.tunnels()) out_.tunnel_names.push_back(t.name);
    find_renamed();
    std::optional<View> before;
    for (std::uint32_t s = 0; s < space_.states().size(); ++s) {
      if (!counts(space_.states()[s])) continue;
      ++out_.states;
      View view(space_, space_.states()[s], before ? &*before : nullptr);
      compare(view, s);
      before.emplace(std::move(view));
    }
    for (const auto& [sides, found] : found_) {
      const Parts parts(found.sets);
      std::vector<Cell> cells;
      for (const Found::In& in : found.where)
        for (const std::uint32_t part : parts.of[in.set]) cells.push_back({in.who, part, in.state});
      for (Box& box : cover(cells)) {
        Numbers members;
        for (const std::uint32_t part : box.sides[1])
          members.insert(members.end(), parts.parts[part].begin(), parts.parts[part].end());
        std::sort(members.begin(), members.end());
        box.sides[1] = std::move(members);
        add(sides.first, sides.second, box);
      }
    }
    for (Change& c : agent_changes(space_, two_, options_.expected, out_.expected))
      out_.changes.push_back(std::move(c));
    std::stable_sort(out_.changes.begin(), out_.changes.end(),
                     [](const Change& a, const Change& b) { return a.risk < b.risk; });
    return std::move(out_);
  }

 private:
  void find_renamed() {
    for (const Tunnel& t : space_.tunnels()) {
      if (t.index[0] == policy::none || t.index[1] == policy::none) continue;
      const std::string old = space_.policies()[0]->body().tunnels()->Get(t.index[0])->id()->str();
      if (!ascii::equal_without_case(old, t.id)) out_.renamed.push_back("'" + t.name + "': " + old + " is now " + t.id);
    }
  }

  bool is_expected(const Side& before, const Side& after, const std::vector<const Expected*>& asked, const Who& who,
                   const View::Traffic& traffic, const policy::Decision& decision) const {
    const auto allows = [](const std::vector<Verdict>& all, Verdict one) {
      return all.empty() || std::find(all.begin(), all.end(), one) != all.end();
    };
    return std::any_of(asked.begin(), asked.end(), [&](const Expected* e) {
      return allows(e->before, before.verdict) && allows(e->after, after.verdict) &&
             selects(space_, e->flows, who, traffic, decision);
    });
  }

  // Without a network nothing leaves: changes there would only be in the way of those that matter.
  bool counts(const State& s) const { return s.given != policy::none || space_.networks()[s.network].present; }

  // S0 and the messages of S1 are the same whatever the policy.
  bool counts(std::uint32_t place, std::uint32_t port) const {
    const Place::Kind kind = space_.places()[place].kind;
    const Port& p = space_.ports()[port];
    return kind != Place::Kind::loopback && kind != Place::Kind::self && (p.arrives || !p.ranges.empty());
  }

  /// Kinds of change, and sets of destinations and ports that change so.
  using Changed = std::vector<std::pair<std::pair<Side, Side>, std::uint32_t>>;

  // A sender is asked about once for all states that its verdicts do not tell apart, as in Prover::go_through().
  void compare(const View& view, std::uint32_t state) {
    const auto ports = static_cast<std::uint32_t>(space_.ports().size());
    std::vector<Numbers> members(view.traffic().size());
    for (std::uint32_t place = 0; place < space_.places().size(); ++place)
      for (std::uint32_t port = 0; port < ports; ++port)
        if (counts(place, port)) members[view.traffic_of(place, port)].push_back(place * ports + port);
    ClassKey shared = view.shared_key();
    std::vector<const Expected*> asked;
    for (const Expected& e : options_.expected) {
      shared.push_back(selects(space_, e.states, view.state()) ? 1 : 0);
      if (shared.back() != 0) asked.push_back(&e);
    }
    const std::uint64_t number = shared_.try_emplace(std::move(shared), shared_.size()).first->second;
    for (std::uint32_t w = 0; w < space_.whos().size(); ++w) {
      const Who& who = space_.whos()[w];
      ClassKey key{w, number};
      for (std::size_t k = 0; k < 2; ++k) append(governed(space_, view, k, who), key);
      const auto [it, is_new] = known_.try_emplace(std::move(key));
      if (is_new) it->second = changes_of(view, who, members, asked);
      for (const auto& [sides, set] : it->second) found_[sides].where.push_back({w, set, state});
    }
  }

  Changed changes_of(const View& view, const Who& who, const std::vector<Numbers>& members,
                     const std::vector<const Expected*>& asked) {
    std::map<std::pair<Side, Side>, Numbers> changed;
    for (std::uint32_t t = 0; t < view.traffic().size(); ++t) {
      if (members[t].empty()) continue;
      const View::Traffic& traffic = view.traffic()[t];
      const policy::Decision now = view.decide(1, who, traffic);
      const policy::Decision was = view.decide(0, who, traffic);
      const Side before = two_.side_of(was, 0), after = two_.side_of(now, 1);
      ++out_.verdicts;
      if (before == after) continue;
      // All else that arrives is judged as the flow back is, and that one is told of.
      if (space_.ports()[traffic.port].arrives && !is_of_encapsulations(was.rule) && !is_of_encapsulations(now.rule))
        continue;
      if (is_expected(before, after, asked, who, traffic, now)) {
        ++out_.expected;
        continue;
      }
      Numbers& all = changed[{before, after}];
      all.insert(all.end(), members[t].begin(), members[t].end());
    }
    Changed out;
    for (auto& [sides, all] : changed) {
      std::sort(all.begin(), all.end());
      out.emplace_back(sides, found_[sides].number(std::move(all)));
    }
    return out;
  }

  /// Destinations and ports, each pair with the same destinations said together.
  struct Rectangle {
    Numbers places, ports;
  };
  std::vector<Rectangle> rectangles(const Numbers& members) const {
    const auto ports = static_cast<std::uint32_t>(space_.ports().size());
    std::map<std::uint32_t, Numbers> places_of;
    for (const std::uint32_t member : members) places_of[member % ports].push_back(member / ports);
    std::map<Numbers, Numbers> ports_of;
    for (const auto& [port, places] : places_of) ports_of[places].push_back(port);
    std::vector<Rectangle> out;
    out.reserve(ports_of.size());
    for (const auto& [places, with] : ports_of) out.push_back({places, with});
    return out;
  }

  Numbers all_but(const Numbers& members) const {
    Numbers out;
    const auto ports = static_cast<std::uint32_t>(space_.ports().size());
    for (std::uint32_t place = 0; place < space_.places().size(); ++place)
      for (std::uint32_t port = 0; port < ports; ++port)
        if (counts(place, port) && !space_.ports()[port].arrives &&
            !std::binary_search(members.begin(), members.end(), place * ports + port))
          out.push_back(place * ports + port);
    return out;
  }

  void add(const Side& before, const Side& after, const Box& box) {
    Change c;
    c.risk = risk_of(before, after);
    c.before = before;
    c.after = after;
    c.who = who_words(space_, box.sides[0]);
    c.when = state_words(space_, box.sides[2]);
    const std::vector<Rectangle> direct = rectangles(box.sides[1]), less = rectangles(all_but(box.sides[1]));
    if (direct.size() > 1 && less.size() < direct.size()) {
      std::vector<std::string> words;
      words.reserve(less.size());
      for (const Rectangle& r : less)
        words.push_back(port_words(space_, r.ports) + " " + place_words(space_, r.places));
      c.where = "anywhere";
      c.what = "any protocol, but not " + listed(words, 8, " nor ");
      add_example(box, pairs_of(direct), c);
      out_.changes.push_back(std::move(c));
      return;
    }
    for (const Rectangle& r : direct) {
      Change one = c;
      one.where = place_words(space_, r.places);
      one.what = port_words(space_, r.ports);
      add_example(box, pairs_of({r}), one);
      out_.changes.push_back(std::move(one));
    }
  }

  static std::vector<View::Traffic> pairs_of(const std::vector<Rectangle>& all) {
    std::vector<View::Traffic> out;
    for (const Rectangle& r : all)
      for (const std::uint32_t place : r.places)
        for (const std::uint32_t port : r.ports) out.push_back({place, port});
    return out;
  }

  void add_example(const Box& box, const std::vector<View::Traffic>& all, Change& c) {
    const auto simplest = [](const auto& things, const auto& cost) {
      return *std::min_element(things.begin(), things.end(),
                               [&](const auto& a, const auto& b) { return cost(a) < cost(b); });
    };
    const std::uint32_t state =
        simplest(box.sides[2], [&](std::uint32_t s) { return cost_of(space_, space_.states()[s]); });
    const std::uint32_t who =
        simplest(box.sides[0], [&](std::uint32_t w) { return cost_of(space_, space_.whos()[w]); });
    const View::Traffic traffic = simplest(all, [&](const View::Traffic& t) { return cost_of(space_, t); });
    const State& chosen = space_.states()[state];
    const policy::Flow flow =
        space_.flow(space_.whos()[who], space_.places()[traffic.place], space_.ports()[traffic.port], chosen);
    two_.show(chosen, two_.device(chosen), flow, c);
  }

  const Space& space_;
  const TwoPolicies two_{space_};
  const DiffOptions& options_;
  Difference out_;
  std::map<std::pair<Side, Side>, Found> found_;
  std::map<ClassKey, std::uint64_t> shared_;  // numbers of what states share for all senders
  std::map<ClassKey, Changed> known_;         // of senders in what they tell apart
};

}  // namespace

Result<Difference> diff(const policy::Policy& before, const policy::Policy& after, const DiffOptions& options) {
  Refinement refinement;
  for (const Expected& e : options.expected) {
    refine(e.flows, refinement);
    refine(e.states, refinement);
  }
  refinement.states = options.states;
  const policy::Policy* both[] = {&before, &after};
  auto space = Space::of(both, std::move(refinement));
  if (!space) return tl::unexpected(space.error());
  return Differ(*space, options).run();
}

}  // namespace vpn::analyse
