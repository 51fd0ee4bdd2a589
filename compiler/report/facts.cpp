#include "compiler/report/facts.h"

#include <algorithm>
#include <map>

#include "compiler/report/words.h"
#include "policy/local_networks.h"

namespace vpn::report {
namespace {

using policy::none;

constexpr std::uint32_t most_apps = 200;
constexpr std::size_t most_spaces = 64, most_prefixes = 500;

class Exceptions {
 public:
  explicit Exceptions(const policy::Policy& policy) : policy_(policy), body_(policy.body()) {}

  std::vector<Exception> all() {
    always_on();
    for (std::uint32_t v = 0; body_.always_on() == nullptr && body_.per_app() != nullptr && v < body_.per_app()->size();
         ++v)
      per_app(v);
    for (std::uint32_t d = 0; body_.always_on() == nullptr && body_.devices() != nullptr && d < body_.devices()->size();
         ++d)
      device(*body_.devices()->Get(d));
    return std::move(out_);
  }

 private:
  Exception& add(std::string title, std::string reason, const char* rule, std::uint32_t source) {
    out_.push_back({vpn_, std::move(title), std::move(reason), rule, source, false, false});
    return out_.back();
  }

  void always_on() {
    const fb::AlwaysOn* a = body_.always_on();
    if (a == nullptr) return;
    vpn_ = a->tunnels()->size() != 0 ? tunnel_name(policy_, a->tunnels()->Get(0)->tunnel()) : "Always-on VPN";
    if (a->captive_websheet())
      add("The captive-portal web sheet",
          "A network that wants a log-in first can be used at all. Only behind a portal.", "S3.a",
          a->captive_websheet_source());
    if (a->captive_all())
      add("Every captive-networking app", "Such apps log in to networks. Only behind a portal.", "S3.a",
          a->captive_all_source());
    for (std::uint32_t i = 0; a->services() != nullptr && i < a->services()->size(); ++i) {
      const fb::ServiceException& s = *a->services()->Get(i);
      const std::string name(policy::to_string(static_cast<policy::Service>(s.service())));
      const bool drops = s.action() == fb::ServiceAction::drop;
      add("Service " + name + (drops ? " is blocked" : ""),
          drops ? "The service may not even use the tunnel." : "The service works on the underlying network only.",
          "S3.b", s.source())
          .keeps_in = drops;
    }
    apps(*a);
  }

  void apps(const fb::AlwaysOn& a) {
    std::uint32_t shown = 0, more = 0;
    for (std::uint32_t i = 0; body_.apps() != nullptr && i < body_.apps()->size(); ++i) {
      const fb::App& app = *body_.apps()->Get(i);
      const bool plugin = !a.captive_all() && app.captive_plugin() != none;
      if (app.exception_any() == none && app.exception_udp() == none && app.exception_tcp() == none && !plugin)
        continue;
      if (++shown > most_apps) {
        ++more;
        continue;
      }
      const std::string name(policy_.apps().name(i));
      if (app.exception_any() != none) {
        add("App " + name, "Everything that the app itself sends; what it starts is not excepted.", "S3.c",
            app.exception_any());
      } else {
        if (app.exception_udp() != none)
          add("App " + name + ", UDP only", "Limited to the protocol that the profile names.", "S3.c",
              app.exception_udp());
        if (app.exception_tcp() != none)
          add("App " + name + ", TCP only", "Limited to the protocol that the profile names.", "S3.c",
              app.exception_tcp());
      }
      if (plugin)
        add("Captive-networking app " + name, "It may log in to a network. Only behind a portal.", "S3.a",
            app.captive_plugin());
    }
    if (more != 0) add(counted(more, "more app", "more apps"), "See the list of apps.", "S3.c", a.source());
  }

  void per_app(std::uint32_t index) {
    const fb::PerApp& v = *body_.per_app()->Get(index);
    vpn_ = tunnel_name(policy_, v.tunnel());
    for (std::uint32_t i = 0; body_.domain_lists() != nullptr && i < body_.domain_lists()->size(); ++i) {
      const fb::DomainList& list = *body_.domain_lists()->Get(i);
      if (list.kind() == fb::ListKind::excluded && list.owner() == index)
        add(counted(list.count(), "excluded domain", "excluded domains"),
            "The governed apps reach these hosts without this VPN.", "S4.b", list.source());
    }
    const fb::OnDemand* on_demand = v.on_demand();
    if (on_demand == nullptr || !on_demand->enabled() || on_demand->rules() == nullptr) return;
    for (const fb::OnDemandRule* rule : *on_demand->rules()) {
      if (rule->action() != fb::OnDemandAction::disconnect) continue;
      const std::vector<std::string> asked = criteria(*rule);
      add("Networks where on-demand disconnects" + (asked.empty() ? std::string{} : ": " + joined(asked, ", ", ", ")),
          "There the governed apps use the network as every app does.", "S4.a", rule->source());
    }
  }

  void device(const fb::Device& d) {
    vpn_ = tunnel_name(policy_, d.tunnel());
    const auto exclusion = [&](bool holds, const char* title, const char* reason, const char* rule,
                               std::uint32_t source) {
      if (holds) add(title, reason, rule, source).is_default = source == d.source();
    };
    if (!d.include_all() && !d.enforce_routes()) return;
    exclusion(d.exclude_local(), "Local networks", "Printers, shares and routers of the place stay reachable.",
              d.include_all() ? "S5.c" : "S6.a", d.exclude_local_source());
    if (!d.include_all()) return;
    exclusion(d.exclude_device_communication(), "Communication with attached devices",
              "Devices beside this one cannot be reached through a tunnel.", "S5.b", d.exclude_device_source());
    exclusion(d.exclude_cellular(), "Cellular services", "The carrier serves Wi-Fi calling, MMS and voicemail itself.",
              "S5.d", d.exclude_cellular_source());
    exclusion(d.exclude_apns(), "Push notifications", "Notifications arrive whatever becomes of the VPN.", "S5.e",
              d.exclude_apns_source());
    Exception& companion = add("Companion device", "A paired watch talks to this device directly; no key changes that.",
                               "S5.b", d.include_all_source());
    companion.is_default = true;
    Exception& captive = add("Captive-networking apps", "Only behind a portal: a network that wants a log-in first.",
                             "S5.a", d.include_all_source());
    captive.is_default = true;
  }

  const policy::Policy& policy_;
  const fb::Policy& body_;
  std::string vpn_;
  std::vector<Exception> out_;
};

std::vector<policy::Prefix> parsed(std::initializer_list<const char*> texts) {
  std::vector<policy::Prefix> out;
  for (const char* text : texts)
    if (const auto prefix = policy::Prefix::parse(text)) out.push_back(*prefix);
  return out;
}

/// Prefixes that stand in the text of a tunnel's setting.
std::vector<policy::Prefix> prefixes_in(std::string_view text) {
  constexpr std::size_t most = 256;
  std::vector<policy::Prefix> out;
  for (std::size_t at = 0; at < text.size() && out.size() < most;) {
    const std::size_t end = std::min(text.find_first_of(" ,;\t\r\n", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (word.find('/') != std::string_view::npos && word.size() < 64)
      if (const auto prefix = policy::Prefix::parse(word)) out.push_back(*prefix);
    at = end + 1;
  }
  return out;
}

}  // namespace

std::vector<Exception> exceptions(const policy::Policy& policy) { return Exceptions(policy).all(); }

std::vector<Space> spaces(const policy::Policy& policy, const std::vector<NamedState>& own) {
  const fb::Policy& body = policy.body();
  std::vector<Space> out;
  std::map<std::uint8_t, std::vector<policy::Prefix>> services;
  for (std::uint32_t i = 0; body.services() != nullptr && i < body.services()->size(); ++i) {
    const fb::ServiceSelector& s = *body.services()->Get(i);
    for (std::uint32_t k = 0; s.prefixes() != nullptr && k < s.prefixes()->size(); ++k)
      if (const auto prefix = policy::Prefix::parse(s.prefixes()->Get(k)->string_view()))
        services[s.service()].push_back(*prefix);
  }
  out.reserve(services.size() + 2);
  for (auto& [service, prefixes] : services)
    out.push_back({"Service " + std::string(policy::to_string(static_cast<policy::Service>(service))),
                   "Destinations by which the service is told (S2).", std::move(prefixes), none});
  out.push_back({"Always local", "Local networks in every place: link-local addresses and multicast that stays near.",
                 policy::always_local(), none});
  out.push_back({"May be local",
                 "The network a device is in counts as local where it lies in here as a whole, and is no wider than /8 "
                 "(IPv4) or /32 (IPv6).",
                 parsed({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}), none});
  for (std::uint32_t t = 0; body.tunnels() != nullptr && t < body.tunnels()->size() && out.size() < most_spaces; ++t) {
    const fb::Tunnel& tunnel = *body.tunnels()->Get(t);
    for (std::uint32_t i = 0; tunnel.settings() != nullptr && i < tunnel.settings()->size(); ++i) {
      const fb::Setting& setting = *tunnel.settings()->Get(i);
      if (setting.value() == nullptr) continue;
      std::vector<policy::Prefix> prefixes = prefixes_in(setting.value()->string_view());
      if (!prefixes.empty())
        out.push_back({"Setting " + setting.key()->str() + " of " + tunnel_name(policy, t),
                       "Handed to the provider, which may make routes of it.", std::move(prefixes), tunnel.source()});
    }
  }
  for (const NamedState& state : own)
    for (const policy::TunnelState& t : state.state.tunnels) {
      const std::string where = " of " + t.id + " in " + quoted(state.name);
      if (out.size() < most_spaces && !t.included_routes.empty())
        out.push_back({"Included routes" + where, "As your state has them.", t.included_routes, none});
      if (out.size() < most_spaces && !t.excluded_routes.empty())
        out.push_back({"Excluded routes" + where, "As your state has them.", t.excluded_routes, none});
    }
  for (Space& space : out) {
    if (space.prefixes.size() <= most_prefixes) continue;
    space.note += " The first " + grouped(most_prefixes) + " of " + grouped(space.prefixes.size()) + ".";
    space.prefixes.resize(most_prefixes);
  }
  return out;
}

}  // namespace vpn::report
