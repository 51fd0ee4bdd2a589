// Whose flows those of a capture were: a map that somebody made (`--apps`, docs/cli.md), by address, port, protocol and
// time, or from the events of processes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/simulate/moment.h"
#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::simulate {

/// What the map asks of a flow. What has its default fits all.
struct FlowPattern {
  int protocol = -1;
  std::uint16_t local_first = 0, local_last = 65535, remote_first = 0, remote_last = 65535;
  bool has_local = false, has_remote = false;
  policy::Prefix local, remote;
  FileMoment from{always, true}, until{never, true};  ///< the first moment that counts, and the first that does not
};

struct MappedApp {
  FlowPattern pattern;
  std::shared_ptr<const policy::FlowText> as;  ///< of whose flow it counts: app, spawned_by, uid, provider_of, scope …
};

/// Entries in the order in which they are asked.
struct AppMap {
  std::vector<MappedApp> entries;
};

/// A map with more is refused, for each flow may ask all of an address and a port.
inline constexpr std::size_t most_general_entries = 4096, most_entries = 1'000'000;

struct AppMapReading {
  AppMap map;
  std::vector<Error> problems;
};
/// JSON or YAML. Strict: what is not known is a problem.
AppMapReading read_app_map(const std::string& path);

/// Seen from the device.
struct FlowEnds {
  policy::Address local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint8_t protocol = 0;
};

/// Answers from a map for one capture.
class Attribution {
 public:
  Attribution(AppMap map, Moment beginning);

  struct Answer {
    const policy::FlowText* as = nullptr;  ///< null: no entry fits; the flow is `other`
    std::uint32_t app = 0;                 ///< number of app and spawner among those of the map; 0: neither
    Moment until = never;                  ///< the answer may be another one from then on
  };
  Answer ask(const FlowEnds& flow, Moment now) const;
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    FlowPattern pattern;
    Moment from, until;
    std::shared_ptr<const policy::FlowText> as;
    std::uint32_t app;
  };
  void consider(std::uint32_t number, const FlowEnds& flow, Moment now, std::uint32_t& best, Moment& until) const;

  std::vector<Entry> entries_;
  std::unordered_map<std::uint16_t, std::vector<std::uint32_t>> by_local_port_;
  std::vector<std::uint32_t> general_;  ///< those that name no single local port
};

}  // namespace vpn::simulate
