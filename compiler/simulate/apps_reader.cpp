// Reads the file of `--apps`.
#include <algorithm>
#include <array>
#include <map>

#include "compiler/scenario/strict_reader.h"
#include "compiler/simulate/apps.h"
#include "policy/ascii.h"
#include "policy/json/json.h"

namespace vpn::simulate {
namespace {

using scenario::Member;
using scenario::Node;
using Kind = Node::Kind;

constexpr std::array<std::string_view, 7> who_keys{"app",         "spawned_by", "uid", "scope",
                                                   "provider_of", "service",    "role"};
constexpr std::array<std::string_view, 14> flow_keys{"app",     "spawned_by",  "uid",      "scope", "provider_of",
                                                     "service", "role",        "protocol", "local", "local_port",
                                                     "remote",  "remote_port", "from",     "until"};
constexpr std::array<std::string_view, 14> event_keys{"at",         "event",      "pid",     "parent",     "app",
                                                      "spawned_by", "uid",        "service", "scope",      "protocol",
                                                      "local",      "local_port", "remote",  "remote_port"};

/// A process while the events are read.
struct Process {
  std::shared_ptr<const policy::FlowText> as;
  std::vector<std::size_t> open;  ///< entries of its sockets
};

class AppMapReader : scenario::StrictReader {
 public:
  explicit AppMapReader(const std::string& path)
      : StrictReader(path, "\"Whose flows\" of simulate in docs/cli.md describes the shape") {}

  AppMapReading read() {
    auto root = scenario::read_tree(file());
    if (!root) {
      problems().push_back(std::move(root.error()));
    } else if (!root->is(Kind::map)) {
      problem(root->position, "this file is a mapping of keys to values");
    } else {
      check_keys(*root, std::array<std::string_view, 2>{"flows", "events"});
      if (const Member* m = root->find("events")) each(*m, [&](const Node& n) { read_event(n); });
      if (const Member* m = root->find("flows")) each(*m, [&](const Node& n) { read_flow(n); });
    }
    check_size();
    return {std::move(map_), std::move(problems())};
  }

 private:
  template <class Read>
  void each(const Member& m, Read read) {
    if (!m.value.is(Kind::list)) return problem(m.value.position, "'" + m.key + "' must be a list");
    if (m.value.items.size() > most_entries)
      return problem(m.value.position, "there are more than " + std::to_string(most_entries) + " entries");
    for (const Node& item : m.value.items) {
      if (item.is(Kind::map)) {
        read(item);
      } else {
        problem(item.position, "an entry of '" + m.key + "' is a mapping of keys to values");
      }
    }
  }

  void check_size() {
    const auto general = std::count_if(map_.entries.begin(), map_.entries.end(), [](const MappedApp& e) {
      return e.pattern.local_first != e.pattern.local_last;
    });
    if (static_cast<std::size_t>(general) > most_general_entries)
      problem({}, "more than " + std::to_string(most_general_entries) +
                      " entries name no single local port: every flow "
                      "would be held against each of them");
  }

  // --- What both forms share ---

  bool read_ports(const Node& node, const char* key, std::uint16_t& first, std::uint16_t& last) {
    const Member* m = node.find(key);
    if (m == nullptr) return true;
    const Node& v = m->value;
    if (v.is(Kind::integer) && v.integer >= 0 && v.integer <= 65535) {
      first = last = static_cast<std::uint16_t>(v.integer);
      return true;
    }
    const auto dash = v.text.find('-');
    if (v.is(Kind::text) && dash != std::string::npos &&
        ascii::read_number(std::string_view(v.text).substr(0, dash), first) &&
        ascii::read_number(std::string_view(v.text).substr(dash + 1), last) && first <= last)
      return true;
    problem(v.position, "'" + m->key + "' must be a port, or a range such as 50000-50999");
    return false;
  }

  bool read_prefix(const Node& node, const char* key, bool& has, policy::Prefix& out) {
    const Member* m = node.find(key);
    if (m == nullptr) return true;
    const auto prefix = m->value.is(Kind::text) ? policy::Prefix::parse(m->value.text) : std::nullopt;
    if (!prefix) {
      problem(m->value.position, "'" + m->key + "' must be an address or a prefix such as 192.0.2.0/24");
      return false;
    }
    has = true;
    out = *prefix;
    return true;
  }

  bool read_protocol(const Node& node, int& out) {
    const Member* m = node.find("protocol");
    if (m == nullptr) return true;
    const Node& v = m->value;
    std::uint8_t number = 0;
    if (v.is(Kind::text) && policy::parse_protocol(v.text, number)) {
      out = number;
      return true;
    }
    if (v.is(Kind::integer) && v.integer >= 0 && v.integer <= 255) {
      out = static_cast<int>(v.integer);
      return true;
    }
    problem(v.position, "'protocol' must be a name such as tcp, or a number from 0 to 255");
    return false;
  }

  bool read_time(const Node& node, const char* key, FileMoment& out) {
    const Member* m = node.find(key);
    if (m == nullptr) return true;
    const auto moment = read_moment(m->value);
    if (moment) {
      out = *moment;
      return true;
    }
    problem(m->value.position, "'" + m->key +
                                   "' must be seconds from the beginning of the capture, or a time such as "
                                   "2026-11-23T17:00:00Z");
    return false;
  }

  bool read_ends(const Node& node, FlowPattern& p) {
    bool fine = read_protocol(node, p.protocol);  // all of them, for their problems
    fine = read_prefix(node, "local", p.has_local, p.local) && fine;
    fine = read_prefix(node, "remote", p.has_remote, p.remote) && fine;
    fine = read_ports(node, "local_port", p.local_first, p.local_last) && fine;
    return read_ports(node, "remote_port", p.remote_first, p.remote_last) && fine;
  }

  /// The keys of a flow that say whose it is, read as `explain` reads them.
  std::shared_ptr<const policy::FlowText> read_who(const Node& node) {
    Node flow;
    flow.kind = Kind::map;
    for (const Member& m : node.members)
      if (std::find(who_keys.begin(), who_keys.end(), m.key) != who_keys.end()) flow.members.push_back(m);
    if (flow.members.empty()) {
      problem(node.position, "it does not say whose flows these are: 'app', 'spawned_by' or 'provider_of'");
      return nullptr;
    }
    for (const auto& [key, value] : {std::pair("protocol", "tcp"), std::pair("remote", "0.0.0.0")}) {
      Member& m = flow.members.emplace_back();
      m.key = key;
      m.value.kind = Kind::text;
      m.value.text = value;
    }
    auto parsed = policy::parse_flow(scenario::to_json(flow));
    if (parsed) return std::make_shared<const policy::FlowText>(std::move(*parsed));
    problem(file(), node.position, parsed.error().what, parsed.error().help);
    return nullptr;
  }

  // --- Flows ---

  void read_flow(const Node& node) {
    check_keys(node, flow_keys);
    MappedApp entry;
    bool fine = read_ends(node, entry.pattern);
    fine = read_time(node, "from", entry.pattern.from) && fine;
    fine = read_time(node, "until", entry.pattern.until) && fine;
    entry.as = read_who(node);
    if (fine && entry.as != nullptr) map_.entries.push_back(std::move(entry));
  }

  // --- Events of processes ---

  void read_event(const Node& node) {
    check_keys(node, event_keys);
    const std::string event = text(node, "event");
    FileMoment at;
    if (node.find("at") == nullptr) return problem(node.position, "the event does not say when it was: 'at'");
    if (!read_time(node, "at", at)) return;
    const Member* pid = node.find("pid");
    if (pid == nullptr || !pid->value.is(Kind::integer))
      return problem(node.position, "the event does not say of which process it is: 'pid', a number");
    if (event == "start") {
      start(node, pid->value.integer);
    } else if (event == "exit") {
      end_all(pid->value.integer, at);
    } else if (event == "open" || event == "close") {
      const auto process = processes_.find(pid->value.integer);
      if (process == processes_.end()) return problem(pid->value.position, "no 'start' of this process stands before");
      if (event == "open")
        open(node, process->second, at);
      else
        close(node, process->second, at);
    } else if (!event.empty()) {
      problem(node.find("event")->value.position, "'event' must be start, open, close or exit");
    } else if (node.find("event") == nullptr) {
      problem(node.position, "the event does not say what happened: 'event'");
    }
  }

  /// A process of which nothing is said is its parent's helper.
  void start(const Node& node, std::int64_t pid) {
    Node named = node;
    if (const Member* parent = node.find("parent"); parent != nullptr && node.find("spawned_by") == nullptr) {
      const auto of = processes_.find(parent->value.is(Kind::integer) ? parent->value.integer : -1);
      if (of == processes_.end()) return problem(parent->value.position, "no 'start' of the parent stands before");
      const policy::Flow& spawner = of->second.as->flow;
      Member m;
      m.key = "spawned_by";
      m.value.kind = Kind::text;
      m.value.text = std::string(spawner.app.empty() ? spawner.spawned_by : spawner.app);
      if (!m.value.text.empty()) named.members.push_back(std::move(m));
    }
    Process process;
    process.as = read_who(named);
    if (process.as != nullptr) processes_[pid] = std::move(process);
  }

  void open(const Node& node, Process& process, const FileMoment& at) {
    MappedApp entry;
    if (!read_ends(node, entry.pattern)) return;
    entry.pattern.from = at;
    entry.as = process.as;
    process.open.push_back(map_.entries.size());
    map_.entries.push_back(std::move(entry));
  }

  void close(const Node& node, Process& process, const FileMoment& at) {
    FlowPattern which;
    if (!read_ends(node, which)) return;
    const auto same = std::find_if(process.open.rbegin(), process.open.rend(), [&](std::size_t number) {
      const FlowPattern& p = map_.entries[number].pattern;
      return p.protocol == which.protocol && p.local_first == which.local_first && p.local_last == which.local_last &&
             (!which.has_remote || p.remote == which.remote) && (!which.has_local || p.local == which.local);
    });
    if (same == process.open.rend()) return problem(node.position, "this process has no such socket open");
    map_.entries[*same].pattern.until = at;
    process.open.erase(std::next(same).base());
  }

  void end_all(std::int64_t pid, const FileMoment& at) {
    const auto process = processes_.find(pid);
    if (process == processes_.end()) return;  // it ran before anybody looked
    for (const std::size_t number : process->second.open) map_.entries[number].pattern.until = at;
    processes_.erase(process);
  }

  AppMap map_;
  std::map<std::int64_t, Process> processes_;
};

}  // namespace

AppMapReading read_app_map(const std::string& path) { return AppMapReader(path).read(); }

}  // namespace vpn::simulate
