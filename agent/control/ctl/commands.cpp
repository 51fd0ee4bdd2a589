#include "agent/control/ctl/commands.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>

#include "agent/control/ctl/answer.h"
#include "agent/control/ctl/connection.h"
#include "agent/control/ctl/follow.h"
#include "agent/control/ctl/text.h"

namespace vpn::agent::ctl {
namespace {

using cli::Arguments;
using cli::Option;

constexpr Option control{"control", 0, "SOCKET", "the agent's socket; /run/vpnprofile/control.sock unless said", {}};
constexpr Option format{"format", 0, "FORMAT", "how to print", "text,json"};
constexpr Option plain[] = {control, format};

int print_json(const Json& result) {
  return cli::print(result.dump(2, ' ', false, Json::error_handler_t::replace) + "\n") ? cli::Exit::ok
                                                                                       : cli::Exit::unreadable;
}

int print_text(const std::string& text) { return cli::print(text) ? cli::Exit::ok : cli::Exit::unreadable; }

// One request, one answer: as JSON, or in words.
int simple(const Arguments& arguments, const Json& request, std::string (*words)(const Json&, bool)) {
  const auto result = ask(socket_of(arguments), request);
  if (!result) return cli::report(result.error());
  if (as_json(arguments)) return print_json(*result);
  return print_text(words(*result, cli::use_color(1)));
}

std::string done(const Json&, bool) { return "done\n"; }

bool number(const std::string& text, std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

int usage(const std::string& what, const std::string& help) { return cli::report({ErrorKind::usage, what, {}, help}); }

// --- status, connect, disconnect, reload, confirm --------------------------------------------------------------------

int run_status(const Arguments& a) { return simple(a, {{"command", "status"}}, status_text); }
int run_connect(const Arguments& a) { return simple(a, {{"command", "connect"}, {"tunnel", a.positional()[0]}}, done); }
int run_disconnect(const Arguments& a) {
  return simple(a, {{"command", "disconnect"}, {"tunnel", a.positional()[0]}}, done);
}
int run_reload(const Arguments& a) { return simple(a, {{"command", "reload"}}, status_text); }
int run_confirm(const Arguments& a) { return simple(a, {{"command", "confirm"}}, done); }

// --- apply -----------------------------------------------------------------------------------------------------------

constexpr Option apply_options[] = {
    {"confirm", 0, "SECONDS", "go back to the policy before unless 'vpnagentctl confirm' follows in time", {}},
    control,
    format,
};

int run_apply(const Arguments& a) {
  std::error_code error;
  const std::string path = std::filesystem::absolute(a.positional()[0], error).string();
  Json request = {{"command", "apply"}, {"policy", path}};
  std::uint32_t seconds = 0;
  if (a.has("confirm")) {
    if (!number(a.get("confirm"), seconds) || seconds == 0 || seconds > 3600)
      return usage("--confirm takes 1 to 3600 seconds", "vpnagentctl apply POLICY --confirm 120");
    request["confirm"] = seconds;
  }
  return simple(a, request, status_text);
}

// --- why -------------------------------------------------------------------------------------------------------------

constexpr Option why_options[] = {
    {"pid", 0, "PID", "for the app of this process", {}},
    {"app", 0, "ID", "for this app, by its bundle identifier", {}},
    {"to", 0, "HOST:PORT", "where to", {}},
    {"protocol", 0, "NAME", "tcp unless said; udp, icmp, or a number", {}},
    {"flow", 0, "JSON", "a whole flow instead, as 'vpnprofile explain' takes it", {}},
    control,
    format,
};

struct Target {
  std::string host;
  std::uint32_t port = 0;
};

// HOST:PORT, [V6]:PORT, or without a port.
bool split(const std::string& text, Target& out) {
  const auto colon = text.rfind(':');
  std::string port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return false;
    out.host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return false;
      port = text.substr(end + 2);
    }
  } else if (colon != std::string::npos && text.find(':') == colon) {
    out.host = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else {
    out.host = text;
  }
  return !out.host.empty() && (port.empty() || (number(port, out.port) && out.port <= 65535));
}

std::string address_of(const std::string& host) {
  addrinfo* found = nullptr;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    return {};
  const std::string all = text.data();
  return all.substr(0, all.find('%'));
}

int run_why(const Arguments& a) {
  Json request = {{"command", "why"}};
  std::uint32_t pid = 0;
  if (a.has("pid")) {
    if (!number(a.get("pid"), pid)) return usage("--pid takes the number of a process", {});
    request["pid"] = pid;
  }
  if (a.has("flow")) {
    request["flow"] = a.get("flow");
    return simple(a, request, why_text);
  }
  Target target;
  if (!a.has("to") || !split(a.get("to"), target))
    return usage("where to?", "vpnagentctl why --app com.example.mail --to mail.example.com:993");
  const std::string address = address_of(target.host);
  if (address.empty()) {
    return cli::report({ErrorKind::environment,
                        "the name '" + target.host + "' cannot be looked up",
                        {},
                        "give an address, and the name by --flow"});
  }
  Json flow = {{"remote", address}, {"protocol", a.get("protocol", "tcp")}, {"remote_port", target.port}};
  if (address != target.host) flow["hostname"] = target.host;
  if (a.has("app")) flow["app"] = a.get("app");
  request["flow"] = flow.dump();
  return simple(a, request, why_text);
}

// --- metrics, support, stop ------------------------------------------------------------------------------------------

std::string metrics_text(const Json& result, bool) { return result.value("text", std::string()); }
int run_metrics(const Arguments& a) { return simple(a, {{"command", "metrics"}}, metrics_text); }

std::string support_text(const Json& result, bool) {
  return result.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}
int run_support(const Arguments& a) { return simple(a, {{"command", "support"}}, support_text); }

constexpr Option stop_options[] = {
    {"remove-guard", 0, {}, "take the guard away: from then on everything leaves as if there were no policy", {}},
    control,
    format,
};
int run_stop(const Arguments& a) {
  return simple(a, {{"command", "stop"}, {"remove_guard", a.has("remove-guard")}}, done);
}

// --- All of them -----------------------------------------------------------------------------------------------------

const cli::Command all[] = {
    {"status",
     "what is in force, and how the tunnels are",
     {},
     0,
     0,
     plain,
     "  vpnagentctl status --format json",
     run_status},
    {"connect", "brings a tunnel up", "ID", 1, 1, plain, "  vpnagentctl connect 0C6E1B1E-4B8C-4F0E-9D55-8E1A2B3C4D5E",
     run_connect},
    {"disconnect", "takes a tunnel down, where the policy lets it", "ID", 1, 1, plain,
     "  vpnagentctl disconnect Office", run_disconnect},
    {"answer", "says what a tunnel asks for: a password, a PIN, a code; from the terminal, or standard input", "[ID]",
     0, 1, plain, "  vpnagentctl answer Office", run_answer},
    {"reload",
     "reads configuration, app maps and the policy's file again",
     {},
     0,
     0,
     plain,
     "  vpnagentctl reload",
     run_reload},
    {"apply", "puts another policy in force", "POLICY", 1, 1, apply_options,
     "  vpnagentctl apply new.vpnpolicy --confirm 120", run_apply},
    {"confirm",
     "keeps the policy that was applied with --confirm",
     {},
     0,
     0,
     plain,
     "  vpnagentctl confirm",
     run_confirm},
    {"why",
     "what happens to a flow at this moment, and which line of which profile says so",
     {},
     0,
     0,
     why_options,
     "  vpnagentctl why --pid 4711 --to mail.example.com:993",
     run_why},
    {"drops",
     "what was dropped, by app, destination and rule",
     {},
     0,
     0,
     drops_options(),
     "  vpnagentctl drops --follow",
     run_drops},
    {"watch",
     "a live view: tunnels, network, and what apps send and are refused",
     {},
     0,
     0,
     plain,
     "  vpnagentctl watch",
     run_watch},
    {"notify",
     "tells people when something is blocked because its VPN is not connected",
     {},
     0,
     0,
     notify_options(),
     "  vpnagentctl notify --every 300",
     run_notify},
    {"metrics", "counters and states as OpenMetrics text", {}, 0, 0, plain, "  vpnagentctl metrics", run_metrics},
    {"support",
     "everything that helps to find a fault, without secrets, as JSON",
     {},
     0,
     0,
     plain,
     "  vpnagentctl support > support.json",
     run_support},
    {"stop", "ends the agent; the guard stays", {}, 0, 0, stop_options, "  vpnagentctl stop --remove-guard", run_stop},
};

// Each of them, whatever their number.
template <std::size_t... index>
constexpr std::array<const cli::Command*, sizeof...(index)> pointers_to(std::index_sequence<index...>) {
  return {&all[index]...};
}
constexpr auto pointers = pointers_to(std::make_index_sequence<std::size(all)>());

}  // namespace

const cli::Program vpnagentctl{
    "vpnagentctl",
    "ask and command the agent that holds this machine to its VPN policy",
    "vpnagentctl asks vpnagentd what is in force, why something is blocked, and tells it what to do.",
    "Speaks to vpnagentd over its control socket. 'status' is for everybody, the rest for root and for the members of\n"
    "the group that the agent's configuration names; 'stop' is for root alone.",
    ".SH EXIT STATUS\n.TP\n.B 0\nDone.\n.TP\n.B 1\nThe policy or the configuration is wrong.\n.TP\n.B 2\nWrong usage, "
    "or "
    "something that the policy does not allow.\n.TP\n.B 3\nA file cannot be opened, read or written.\n.TP\n.B 4\nThe "
    "agent does not run, or this is not allowed to you.\n",
    pointers,
};

}  // namespace vpn::agent::ctl
