// What the rules say of a flow, and when they are asked again.
#include "compiler/simulate/simulation.h"

#include <sys/random.h>

#include <algorithm>

#include "compiler/simulate/simulation_parts.h"
#include "policy/ascii.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::simulate {
namespace {

constexpr std::size_t most_situations = 64;
constexpr std::size_t most_said = 10;       // of notes of one kind
constexpr std::size_t most_endpoints = 64;  // of a tunnel that are looked for
constexpr std::size_t records_of_flow = 4;  // on average: beyond, they are only counted

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) seed = 0x5bd1e995u;
  return seed;
}

std::vector<const policy::DeviceState*> states_of(const Timeline& timeline) {
  std::vector<const policy::DeviceState*> out;
  for (const NamedState& s : timeline.states) out.push_back(&s.state);
  return out;
}

bool same(const policy::Decision& a, const policy::Decision& b) {
  return a.verdict == b.verdict && a.rule == b.rule && a.tunnel == b.tunnel && a.source == b.source;
}

}  // namespace

Simulation::Simulation(const policy::Policy& policy, Timeline timeline, AppMap apps, Options options)
    : policy_(policy),
      timeline_(std::move(timeline)),
      map_(std::move(apps)),
      options_(std::move(options)),
      seed_(options_.seed ? *options_.seed : random_seed()),
      device_(states_of(timeline_), options_.local),
      names_(policy.domains(), seed_),
      flows_(seed_, options_.most_flows),
      owners_(1),
      quote_numbers_(0, KeyHash{seed_}),
      fragments_(std::make_unique<Fragments>()),
      booting_(policy, {}) {
  quotes_.emplace_back();
}

Simulation::~Simulation() = default;

Result<void> Simulation::begin(Link link, Moment beginning) {
  link_ = link;
  auto clock = Clock::make(timeline_, beginning);
  if (!clock) return tl::unexpected(std::move(clock.error()));
  clock_ = std::move(*clock);
  attribution_.emplace(std::move(map_), beginning);
  counts_.first = counts_.last = beginning;
  return {};
}

void Simulation::finish() {
  for (std::uint32_t i = 0; i < flows_.size(); ++i) flush(flows_[i]);
}

const policy::Situation& Simulation::situation() {
  const std::uint32_t state = clock_.state();
  if (state == 0) return booting_;
  const auto known = situations_.find(state);
  if (known != situations_.end()) return known->second;
  if (situations_.size() >= most_situations) situations_.clear();
  return situations_.emplace(state, booting_.in(timeline_.states[state].state)).first->second;
}

// --- What a flow is -------------------------------------------------------------------------------------------------

std::uint32_t Simulation::owner_number(const Attribution::Answer& answer) {
  if (answer.as == nullptr) return 0;
  const auto [known, fresh] = owner_numbers_.try_emplace(answer.as, static_cast<std::uint32_t>(owners_.size()));
  if (fresh) owners_.push_back({answer.as, answer.app});
  return known->second;
}

void Simulation::describe_owner(policy::Flow& f, std::uint32_t owner, NameId name, bool forwarded) const {
  if (const policy::FlowText* as = owners_[owner].as) {
    f.owner = as->flow.owner;
    f.app = as->flow.app;
    f.spawned_by = as->flow.spawned_by;
    f.uid = as->flow.uid;
    f.scope = as->flow.scope;
    f.provider_of = as->flow.provider_of;
    f.service = as->flow.service;
    f.agent = as->flow.agent;
  } else if (forwarded) {
    f.owner = policy::Owner::forwarded;
  }
  f.hostname = names_.text(name);
}

policy::Flow Simulation::described(const FlowEntry& flow, Direction direction, std::uint32_t state,
                                   const Shown& shown) const {
  policy::Flow f;
  const bool local_is_b = (flow.flags & FlowEntry::local_is_b) != 0;
  describe_owner(f, shown.owner, shown.name, (flow.flags & FlowEntry::forwarded) != 0);
  f.protocol = flow.key.protocol;
  f.remote = local_is_b ? flow.key.a() : flow.key.b();
  f.remote_port = local_is_b ? flow.key.a_port : flow.key.b_port;
  f.local_port = local_is_b ? flow.key.b_port : flow.key.a_port;
  f.has_icmp_type = (flow.key.flags & FlowKey::has_icmp_type) != 0;
  f.icmp_type = flow.key.icmp_type;
  if ((flow.key.flags & FlowKey::has_hop_limit) != 0) f.hop_limit = flow.key.hop_limit;
  if (direction == in) {
    f.incoming = true;
    f.scope = {};
    f.arrives_on = arrived_on(local_is_b ? flow.key.b() : flow.key.a(), state, shown.arrives_by);
    if (flow.key.quote != 0) f.quoted = &quotes_[flow.key.quote]->flow;
  }
  return f;
}

// The tunnel's, else the one that has the address; empty: the primary one is assumed.
std::string_view Simulation::arrived_on(const policy::Address& local, std::uint32_t state, std::uint32_t tunnel) const {
  if (!options_.interface.empty()) return options_.interface;
  const policy::DeviceState& s = timeline_.states[state].state;
  if (tunnel != policy::none) {
    const std::string_view id = policy_.body().tunnels()->Get(tunnel)->id()->string_view();
    for (const policy::TunnelState& t : s.tunnels)
      if (ascii::equal_without_case(t.id, id)) return t.interface;
  }
  for (const policy::InterfaceState& i : s.interfaces)
    for (const auto& [address, length] : i.addresses)
      if (address == local) return i.name;
  return {};
}

// --- Verdicts -------------------------------------------------------------------------------------------------------

void Simulation::attend(std::uint32_t number, Direction direction, Moment now) {
  FlowEntry& flow = flows_[number];
  if (flow.recheck == always) renew(flow, now);  // whose a lookup is, is known before it is looked into
  if ((flow.flags & FlowEntry::lookup) != 0) look_into_lookup(flow, direction, now);
  if ((flow.flags & FlowEntry::stream) != 0) look_into_stream(number, direction, now);
  if (flow.generation != generation() || now >= flow.recheck || (flow.flags & FlowEntry::invalid) != 0)
    renew(flow, now);
}

// From here on both directions are judged anew.
void Simulation::renew(FlowEntry& flow, Moment now) {
  flush(flow);
  flow.record = {no_record, no_record};
  flow.flags &= static_cast<std::uint8_t>(~FlowEntry::invalid);
  flow.generation = generation();
  flow.recheck = never;
  if (attribution_->empty()) return;
  const bool local_is_b = (flow.flags & FlowEntry::local_is_b) != 0;
  FlowEnds ends{flow.key.a(), flow.key.b(), flow.key.a_port, flow.key.b_port, flow.key.protocol};
  if (local_is_b) {
    std::swap(ends.local, ends.remote);
    std::swap(ends.local_port, ends.remote_port);
  }
  const Attribution::Answer answer = attribution_->ask(ends, now);
  flow.owner = owner_number(answer);
  flow.recheck = answer.until;
}

void Simulation::flush(FlowEntry& flow) {
  for (const Direction d : {out, in}) {
    if (flow.packets[d] == 0) continue;
    if (flow.record[d] < records_.size()) {
      Record& r = records_[flow.record[d]];
      r.counted.add(flow.packets[d], flow.bytes[d]);
      r.last = std::max(r.last, flow.last[d]);
    } else {
      counts_.unlisted[d][static_cast<std::size_t>(flow.verdict(d))].add(flow.packets[d], flow.bytes[d]);
    }
    if ((flow.flags & FlowEntry::forwarded) != 0) counts_.forwarded.add(flow.packets[d], flow.bytes[d]);
    flow.packets[d] = 0;
    flow.bytes[d] = 0;
  }
}

// What comes back to the device comes the way that what it answers went: recorded without the tunnel, it would have
// come through it.
Simulation::Candidate Simulation::decided(policy::Flow& f, NameId name, bool follows) {
  f.hostname = names_.text(name);
  if (!follows) return {name, decide(situation(), f), policy::none};
  policy::Flow request = f.quoted == nullptr ? f : *f.quoted;
  request.incoming = false;
  request.quoted = nullptr;
  const policy::Decision way = decide(situation(), request);
  if (way.verdict != policy::Verdict::tunnel) return {name, decide(situation(), f), policy::none};
  const std::string_view before = f.arrives_on;
  f.arrives_on = arrived_on({}, clock_.state(), way.tunnel);
  const Candidate out{name, decide(situation(), f), way.tunnel};
  f.arrives_on = before;
  return out;
}

// "When two names share an address, the stricter verdict wins": of those that hold at this moment the newest one,
// unless another one is stricter. What the flow tells itself counts where no answer does, and a lookup's own name
// always.
Simulation::Candidate Simulation::strictest(FlowEntry& flow, Direction direction, Moment now) {
  policy::Flow f = described(flow, direction, clock_.state(), {flow.owner, flow.name});
  const bool follows = direction == in && (flow.flags & FlowEntry::begun) != 0 && options_.interface.empty();
  const auto verdict = [&](NameId name) { return decided(f, name, follows); };
  if ((flow.flags & FlowEntry::lookup) != 0) return verdict(flow.name);
  std::optional<Candidate> best;
  NameId loser = 0;
  const auto ties = names_.of(f.remote);
  for (std::size_t i = ties.size(); i-- > 0;) {
    const Names::Tie& tie = ties[i];
    if (tie.until <= now || (tie.app != 0 && tie.app != owners_[flow.owner].app)) continue;
    flow.recheck = std::min(flow.recheck, tie.until);
    const Candidate other = verdict(tie.name);
    if (!best) {
      best = other;
    } else if (is_stricter(other.decision, best->decision)) {
      loser = best->name;
      best = other;
    } else if (is_stricter(best->decision, other.decision)) {
      loser = other.name;
    }
  }
  if (best && loser != 0) note_shared_name(f.remote, best->name, loser);
  return best ? *best : verdict(flow.name);
}

std::uint32_t Simulation::judge(std::uint32_t number, Direction direction, Moment now) {
  FlowEntry& flow = flows_[number];
  const Candidate found = strictest(flow, direction, now);
  flow.say(direction, found.decision.verdict, found.decision.rule);
  std::uint32_t last = no_record;
  for (std::uint32_t r = flow.first_record; r != no_record; r = records_[r].next) {
    last = r;
    Record& known = records_[r];
    if (known.direction != direction || !same(known.decision, found.decision)) continue;
    if (known.name == 0 && found.name != 0) {  // the first that had a name shows it
      known.name = found.name;
      known.owner = flow.owner;
      known.state = clock_.state();
      known.arrives_by = found.arrives_by;
    }
    return r;
  }
  if (records_.size() >= flows_.most() * records_of_flow) return unlisted_record;
  Record fresh;
  fresh.decision = found.decision;
  fresh.flow = number;
  fresh.state = clock_.state();
  fresh.owner = flow.owner;
  fresh.name = found.name;
  fresh.arrives_by = found.arrives_by;
  fresh.direction = direction;
  fresh.first = now;
  const auto record = static_cast<std::uint32_t>(records_.size());
  records_.push_back(fresh);
  (last == no_record ? flow.first_record : records_[last].next) = record;
  if (last == no_record || direction == out) note_endpoint(described(flow, direction, clock_.state(), {flow.owner}));
  return record;
}

// --- Results --------------------------------------------------------------------------------------------------------

void Simulation::note_shared_name(const policy::Address& address, NameId holds, NameId loses) {
  std::string text = address.to_string() + " is known as " + std::string(names_.text(holds)) + " and as " +
                     std::string(names_.text(loses)) +
                     ", for which the policy says different things: the stricter holds";
  if (std::find(shared_names_.begin(), shared_names_.end(), text) != shared_names_.end()) return;
  ++shared_addresses_;
  if (shared_names_.size() < most_said) shared_names_.push_back(std::move(text));
}

// S1.c is for the provider alone; whose packets these are, only the map can say.
void Simulation::note_endpoint(const policy::Flow& flow) {
  if (!flow.provider_of.empty() || flow.owner == policy::Owner::app) return;
  for (const policy::TunnelState& t : timeline_.states[clock_.state()].state.tunnels) {
    const auto end = t.endpoints.begin() + static_cast<std::ptrdiff_t>(std::min(t.endpoints.size(), most_endpoints));
    const bool meant = std::any_of(t.endpoints.begin(), end, [&](const policy::Endpoint& e) {
      return e.address == flow.remote && e.protocol == flow.protocol && e.port == flow.remote_port;
    });
    if (!meant) continue;
    const auto known =
        std::find_if(endpoints_.begin(), endpoints_.end(), [&](const auto& entry) { return entry.first == t.id; });
    if (known != endpoints_.end())
      ++known->second;
    else if (endpoints_.size() < most_said)
      endpoints_.emplace_back(t.id, 1);
  }
}

void Simulation::each(const std::function<void(const Listed&)>& visit) const {
  for (std::uint32_t i = 0; i < flows_.size(); ++i) {
    const FlowEntry& flow = flows_[i];
    const bool local_is_b = (flow.flags & FlowEntry::local_is_b) != 0;
    for (std::uint32_t r = flow.first_record; r != no_record; r = records_[r].next) {
      const Record& record = records_[r];
      visit({i + 1, described(flow, record.direction, record.state, {record.owner, record.name, record.arrives_by}),
             local_is_b ? flow.key.b() : flow.key.a(), record.decision, record.state, record.counted, record.first,
             record.last});
    }
  }
}

std::vector<std::string> Simulation::notes() const {
  std::vector<std::string> out;
  const auto say = [&](std::uint64_t count, const char* one, const char* many, const std::string& text) {
    if (count != 0) out.push_back(std::to_string(count) + " " + (count == 1 ? one : many) + " " + text);
  };
  if (device_.basis() == Basis::assumed) {
    std::string text = "it was assumed that the device is ";
    for (std::size_t i = 0; i < device_.addresses().size(); ++i)
      text += (i == 0 ? "" : ", ") + device_.addresses()[i].base.to_string();
    out.push_back(text + "; --local says it, or the addresses of the states' interfaces");
  } else if (device_.basis() == Basis::link) {
    out.emplace_back("which packets left was taken from the link layer; with --local forwarded ones are told apart");
  }
  std::uint64_t too_early = 0;
  for (const Record& r : records_)
    if (r.state == 0) too_early += r.counted.packets;
  say(too_early, "packet", "packets", "before the timeline begins: judged for a device that boots");
  say(counts_.forwarded.packets, "packet", "packets", "without an end on the device: judged as 'forwarded'");
  for (const auto& [tunnel, flows] : endpoints_)
    say(flows, "flow", "flows",
        "to an endpoint of the tunnel '" + tunnel +
            "', judged as anybody's; where it is its provider's, an --apps entry with provider_of says so");
  out.insert(out.end(), shared_names_.begin(), shared_names_.end());
  say(shared_addresses_ - shared_names_.size(), "further address", "further addresses",
      "with names of which the stricter holds");
  say(counts_.fragments_alone, "fragment", "fragments",
      "judged without ports: the first of its packet is not in the capture");
  say(counts_.cut_short, "packet", "packets", "judged without ports: the capture holds too little of it (snaplen)");
  say(names_.refused(), "address", "addresses", "of resolvers' answers not taken in: there are too many");
  Counted unlisted;
  for (const auto& direction : counts_.unlisted)
    for (const Counted& c : direction) unlisted.add(c.packets, c.bytes);
  say(unlisted.packets, "packet", "packets",
      "of flows beyond the first " + std::to_string(flows_.most()) +
          " (--most-flows): judged and counted, their flows are not listed");
  return out;
}

}  // namespace vpn::simulate
