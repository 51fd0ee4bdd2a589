// Recorded packets through a policy: whose each is, which way it goes, and what the rules say of it. A packet of a flow
// that is known costs one look-up; verdicts are found anew when the device's state, a name or an app changes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/simulate/apps.h"
#include "compiler/simulate/client_hello.h"
#include "compiler/simulate/device.h"
#include "compiler/simulate/flow_table.h"
#include "compiler/simulate/names.h"
#include "compiler/simulate/packet.h"
#include "compiler/simulate/stream_heads.h"
#include "compiler/simulate/timeline.h"
#include "policy/decide.h"
#include "policy/result.h"

namespace vpn::simulate {

struct Options {
  std::vector<policy::Prefix> local;  ///< addresses of the device beside those of the states
  std::string interface;              ///< where all packets arrived; empty: told by their destination
  bool names_from_dns = true, names_from_tls = true;
  std::size_t most_flows = std::size_t{1} << 20;
  std::optional<std::uint64_t> seed;  ///< of the tables; nothing: a random one
};

struct Frame {
  Moment at = 0;
  std::uint32_t length = 0;  ///< on the wire
  Bytes bytes;               ///< what was captured of it
};

/// What came of a frame.
struct Judged {
  enum class What : std::uint8_t { flow, not_ip, malformed, another };
  What what = What::malformed;
  Direction direction = out;
  policy::Verdict verdict = policy::Verdict::drop;
  policy::Rule rule = policy::Rule::S8;
  std::uint32_t flow = policy::none;  ///< `none`: beyond the most that are listed
};

struct Counted {
  std::uint64_t packets = 0, bytes = 0;
  void add(std::uint64_t more_packets, std::uint64_t more_bytes) {
    packets += more_packets;
    bytes += more_bytes;
  }
};

struct Counts {
  Counted all, not_ip, malformed, another, forwarded;
  std::uint64_t fragments_alone = 0;               ///< without ports, for the first one was not captured
  std::uint64_t cut_short = 0;                     ///< without ports, for they were not captured
  std::array<std::array<Counted, 6>, 2> unlisted;  ///< of flows beyond the most, by Direction and Verdict
  Moment first = 0, last = 0;
};

/// A flow in one direction, as long as it had one verdict. Views live as long as the Simulation.
struct Listed {
  std::uint32_t number = 0;  ///< of the flow, from 1, in the order in which they began
  policy::Flow flow;         ///< as `explain` takes it
  policy::Address local;
  policy::Decision decision;
  std::uint32_t state = 0;  ///< of the timeline: the verdict was found in it
  Counted counted;
  Moment first = 0, last = 0;
};

class Simulation {
 public:
  /// `policy` outlives this.
  Simulation(const policy::Policy& policy, Timeline timeline, AppMap apps, Options options);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// To be called first, with the moment of the first packet. Errors: a timeline out of order.
  Result<void> begin(Link link, Moment beginning);
  /// Frames that come one behind the other, at most `most_together`, whose bytes live until the last was taken: what
  /// the next ones need is fetched while the first is judged.
  void prepare(std::span<const Frame> frames);
  static constexpr std::size_t most_together = 64;
  /// The next of those that were prepared.
  Judged take();
  Judged take(const Frame& frame) {
    prepare({&frame, 1});
    return take();
  }
  /// After the last frame.
  void finish();

  const Counts& counts() const { return counts_; }
  const Device& device() const { return device_; }
  const Timeline& timeline() const { return timeline_; }
  std::uint32_t flows() const { return flows_.size(); }
  /// In the order in which flows began; of each, in the order in which verdicts did.
  void each(const std::function<void(const Listed&)>& visit) const;
  /// What was assumed, and what could not be done; for people.
  std::vector<std::string> notes() const;

 private:
  struct Record;
  struct Quote;
  struct Fragments;
  /// A frame as far as it can be read without what the ones before it tell.
  struct Prepared {
    Moment at = 0;
    std::uint32_t length = 0;
    bool source_is_b = false;
    Packet packet;
    FlowKey key;
    std::uint64_t hash = 0;
  };
  struct Owner {
    const policy::FlowText* as = nullptr;
    std::uint32_t app = 0;  ///< of Attribution
  };
  /// What a flow is described with beside its key.
  struct Shown {
    std::uint32_t owner = 0;
    NameId name = 0;
    std::uint32_t arrives_by = policy::none;
  };
  struct Candidate {
    NameId name = 0;
    policy::Decision decision;
    std::uint32_t arrives_by = policy::none;  ///< tunnel
  };

  // Of a packet (simulation_packets.cpp).
  std::uint32_t quote_number();
  void join_fragments(Moment now);
  bool open(FlowEntry& flow, bool source_is_b);
  Judged take_unlisted(const Prepared& p);
  void look_into_lookup(FlowEntry& flow, Direction direction, Moment now);
  void look_into_stream(std::uint32_t number, Direction direction, Moment now);
  void look_into_quic(std::uint32_t number);
  void heard(std::uint32_t number, const ServerName& found);
  void tell_name(FlowEntry& flow, const std::string& name);
  void read_answer(const FlowEntry& flow, Bytes message, Moment now);

  // Of a verdict.
  void attend(std::uint32_t number, Direction direction, Moment now);
  void renew(FlowEntry& flow, Moment now);
  void flush(FlowEntry& flow);
  std::uint32_t judge(std::uint32_t number, Direction direction, Moment now);
  Candidate strictest(FlowEntry& flow, Direction direction, Moment now);
  void note_shared_name(const policy::Address& address, NameId holds, NameId loses);
  void note_endpoint(const policy::Flow& flow);
  policy::Flow described(const FlowEntry& flow, Direction direction, std::uint32_t state, const Shown& shown) const;
  void describe_owner(policy::Flow& flow, std::uint32_t owner, NameId name, bool forwarded) const;
  std::string_view arrived_on(const policy::Address& local, std::uint32_t state, std::uint32_t tunnel) const;
  Candidate decided(policy::Flow& flow, NameId name, bool follows);
  std::uint32_t owner_number(const Attribution::Answer& answer);
  const policy::Situation& situation();
  std::uint64_t generation() const { return static_cast<std::uint64_t>(clock_.state()) << 32 | name_changes_; }

  const policy::Policy& policy_;
  Timeline timeline_;
  AppMap map_;
  Options options_;
  std::uint64_t seed_;
  Link link_ = Link::ethernet;
  Clock clock_;
  Device device_;
  Names names_;
  StreamHeads streams_;
  std::optional<Attribution> attribution_;
  FlowTable flows_;
  std::vector<Record> records_;
  std::vector<Owner> owners_;  ///< 0: nobody of the map
  std::unordered_map<const policy::FlowText*, std::uint32_t> owner_numbers_;
  std::vector<std::unique_ptr<Quote>> quotes_;  ///< 0: none
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(const FlowKey& key) const { return key.hash(seed); }
  };
  std::unordered_map<FlowKey, std::uint32_t, KeyHash> quote_numbers_;
  std::unique_ptr<Fragments> fragments_;
  policy::Situation booting_;
  std::unordered_map<std::uint32_t, policy::Situation> situations_;
  std::uint32_t name_changes_ = 0;
  std::array<Prepared, most_together> prepared_;
  std::size_t next_prepared_ = 0;
  Packet* packet_ = nullptr;  ///< the one that is judged
  Counts counts_;
  std::vector<std::string> shared_names_;
  std::uint64_t shared_addresses_ = 0;
  std::vector<std::pair<std::string, std::uint64_t>> endpoints_;  ///< tunnel, flows to it that nobody is mapped to
};

}  // namespace vpn::simulate
