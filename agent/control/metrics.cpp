#include "agent/control/metrics.h"

#include <array>
#include <map>

#include "policy/kernel/packet.h"

namespace vpn::agent {
namespace {

// A label's value (OpenMetrics, "escaped-string").
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string labels(const CounterLine& c) {
  std::string out =
      "{app=" + quoted(c.app) + ",direction=\"" + (c.incoming ? "in" : "out") + "\",rule=" + quoted(c.rule);
  if (!c.tunnel.empty()) out += ",tunnel=" + quoted(c.tunnel);
  return out + ",verdict=" + quoted(c.verdict) + "}";
}

std::string gauge(const std::string& name, const std::string& help, std::uint64_t value) {
  return "# TYPE " + name + " gauge\n# HELP " + name + " " + help + "\n" + name + " " + std::to_string(value) + "\n";
}

}  // namespace

std::string owner_name(std::uint8_t owner, const std::string& app) {
  switch (owner) {
    case VPN_FORWARDED:
      return "forwarded";
    case VPN_UNATTRIBUTED:
      return "unattributed";
    default:
      return app.empty() ? "other" : app;
  }
}

std::string openmetrics(const MetricsInput& input) {
  std::string out = gauge("vpn_guard_in_force", "Whether every part of the guard is in place.", input.in_force ? 1 : 0);
  out += gauge("vpn_guard_audit", "Whether verdicts are counted only.", input.audit ? 1 : 0);
  out += gauge("vpn_policy_serial", "Serial number of the policy in force.", input.serial);
  out += "# TYPE vpn_tunnel_status stateset\n# HELP vpn_tunnel_status Status of each tunnel.\n";
  constexpr std::array statuses{policy::TunnelStatus::invalid,     policy::TunnelStatus::disconnected,
                                policy::TunnelStatus::connecting,  policy::TunnelStatus::connected,
                                policy::TunnelStatus::reasserting, policy::TunnelStatus::disconnecting};
  for (const auto& [id, status] : input.tunnels) {
    for (const policy::TunnelStatus s : statuses)
      out += "vpn_tunnel_status{tunnel=" + quoted(id) + ",vpn_tunnel_status=\"" + std::string(to_string(s)) + "\"} " +
             (s == status ? "1\n" : "0\n");
  }
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums;
  for (const CounterLine& c : input.counters) {
    auto& [packets, bytes] = sums[labels(c)];
    packets += c.packets;
    bytes += c.bytes;
  }
  out += "# TYPE vpn_packets counter\n# HELP vpn_packets Packets by app, rule and verdict.\n";
  for (const auto& [label, sum] : sums) out += "vpn_packets_total" + label + " " + std::to_string(sum.first) + "\n";
  out += "# TYPE vpn_bytes counter\n# UNIT vpn_bytes bytes\n# HELP vpn_bytes Bytes of IP by app, rule and verdict.\n";
  for (const auto& [label, sum] : sums) out += "vpn_bytes_total" + label + " " + std::to_string(sum.second) + "\n";
  out += "# TYPE vpn_lookups counter\n# HELP vpn_lookups Lookups of governed apps by outcome.\n";
  for (const auto& [outcome, times] : input.lookups)
    out += "vpn_lookups_total{outcome=" + quoted(outcome) + "} " + std::to_string(times) + "\n";
  out +=
      "# TYPE vpn_drop_events_lost counter\n# HELP vpn_drop_events_lost Drops that are in no list, for lack of room.\n";
  return out + "vpn_drop_events_lost_total " + std::to_string(input.drops_lost) + "\n# EOF\n";
}

}  // namespace vpn::agent
