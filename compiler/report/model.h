// What the page says, before it is HTML. Every verdict in here is decide()'s. Internal to compiler/report.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy_generated.h"

namespace vpn::report {

namespace fb = policy::fb;

/// Senders that no rule names.
enum Unnamed : unsigned { other_apps = 1, unattributed = 2, forwarded = 4, all_unnamed = 7 };

/// Whose flows: apps that the rules judge alike, in whatever state.
struct Sender {
  std::string title;                 ///< "com.example.mail and 3 more"
  std::vector<std::string> groups;   ///< titles of the groups of named apps in it
  std::vector<std::string> members;  ///< some of them, by name
  std::uint32_t more = 0;            ///< members that are not listed
  policy::Flow as;                   ///< owner, app, spawner, class of names
  std::vector<std::uint32_t> asked;  ///< indexes of those that were put together here, among all that were asked
  bool is_system = false;            ///< has flows of its own only: DHCP, the provider
  bool is_named = false;             ///< an app that the policy names
  unsigned unnamed = 0;              ///< kinds of senders without a name in it: bits of Unnamed
};

/// One flow, its owner apart.
struct Item {
  /// Incoming: by the interface of the network, or by that of a tunnel.
  enum class Way : std::uint8_t { leaves, by_network, by_tunnel };
  Way way = Way::leaves;
  std::string title;   ///< "Printing (AirPrint)"; items of one title are one thing in IPv4 and IPv6
  std::string sample;  ///< "tcp 192.168.1.60:631"
  policy::Flow flow;
  bool is_rest = false;  ///< the ordinary internet: what is left when nothing special is meant
  /// For senders that have flows of their own: index of the sender; none: all others.
  std::uint32_t sender = policy::none;
};

/// A state of the device as the page names it.
struct State {
  std::string network;  ///< "Wi-Fi “Office”"; empty where there is none
  std::string status;   ///< "connected"
  policy::DeviceState device;
  bool is_connected = false;
  bool is_given = false;  ///< by the reader
};

/// States in which every flow of the scene has the same verdict.
struct Column {
  struct Part {
    std::string statuses, networks;
  };
  std::string title;  ///< short: "Not connected"
  std::vector<Part> parts;
  std::vector<std::uint32_t> states;  ///< indexes into Scene::states
};

/// Traffic of a sender that is judged alike in each state.
struct Row {
  std::uint32_t sender = 0;          ///< index into Scene::senders
  std::string title;                 ///< "Everything else"
  std::vector<std::string> things;   ///< "Printing (AirPrint)", …
  std::vector<std::string> samples;  ///< one flow for each
  std::vector<std::uint32_t> asked;  ///< indexes of the items
  std::vector<std::string> rest;     ///< of `things` those of the ordinary internet
  std::vector<std::uint32_t> cells;  ///< index into Scene::decisions, for each column; none: cannot be
};

/// One VPN, or several together, in all states that matter.
struct Scene {
  std::string anchor, title, kind, id;
  std::uint32_t tunnel = policy::none;  ///< what a verdict names; of an always-on VPN the first
  std::vector<std::string> promise;     ///< sentences, from the verdicts
  std::vector<State> states;
  std::vector<Sender> senders;
  std::vector<Column> columns;
  std::vector<Row> rows;                    ///< by sender
  std::vector<policy::Decision> decisions;  ///< each once, in the order of the rules
  std::vector<std::string> notes;           ///< what was assumed or left out
  const fb::OnDemand* on_demand = nullptr;
  std::vector<std::uint32_t> tunnels;  ///< those whose status the states vary
  bool has_others = false;             ///< the policy has VPNs beside these
  bool has_guessed_routes = false;
  std::size_t most_groups = 40;            ///< of senders in the table
  std::string everything = "All traffic";  ///< what a row is called that is a sender's only one
  std::vector<Scene> arrivals;             ///< what arrives in the same states; one, but none where there is no VPN
};

inline auto key(const policy::Decision& d) { return std::tuple(d.rule, d.verdict, d.tunnel, d.source); }

}  // namespace vpn::report
