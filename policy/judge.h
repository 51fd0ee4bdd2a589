// One flow before the rules. For decide*.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/decide.h"
#include "policy/kernel/packet.h"
#include "policy/situation.h"

namespace vpn::policy {

/// Works out what the rules ask of a flow: address and app at once, services and the name's class when a rule asks.
class Judge {
 public:
  Judge(const Situation& situation, const Flow& flow, std::vector<Passed>* passed);
  Decision outgoing();
  Decision incoming();

 private:
  // The rules: true when one decided, then `out_` holds the verdict.
  bool loopback();                          // S0
  bool control_plane();                     // S1
  bool always_on(const Plan::AlwaysOn& a);  // S3, always decides
  bool per_app();                           // S4
  bool include_all(const Plan::Device& v);  // S5 of an engaged VPN, always decides
  bool enforced_routes();                   // S6
  bool routes();                            // S7

  // Parts of S1 (decide_control_plane.cpp).
  bool dhcp() const;
  bool discovery() const;
  bool membership() const;
  bool provider() const;
  bool server_lookup() const;  // by the agent
  bool probe() const;          // by the agent

  // Parts of S3.
  bool captive_exception(const Plan::AlwaysOn& a);
  bool service_exception(const Plan::AlwaysOn& a);
  bool application_exception();

  // Parts of S4.
  void explain_bypassed(std::size_t word, std::uint64_t governed, std::uint64_t excluded);

  bool decided(Verdict v, Rule r, std::uint32_t source = none, std::uint32_t tunnel = none) {
    out_ = {v, r, tunnel, source};
    return true;
  }
  /// The verdict of a rule that says `tunnel(t)`; a proxy carries TCP and UDP only, `otherwise` is for the rest.
  bool through(std::uint32_t tunnel, Rule r, std::uint32_t source, Verdict otherwise) {
    if (!plan_.tunnels[tunnel].app_proxy) return decided(Verdict::tunnel, r, source, tunnel);
    if (udp_or_tcp()) return decided(Verdict::proxy, r, source, tunnel);
    return decided(otherwise, r, source, otherwise == Verdict::drop ? tunnel : none);
  }
  void pass(Rule r, std::string_view why, std::uint32_t tunnel = none, std::uint32_t source = none) {
    if (passed_ != nullptr) passed_->push_back({r, why, tunnel, source});
  }

  /// Only under an always-on VPN.
  const Plan::AppExceptions& exceptions() const {
    static constexpr Plan::AppExceptions no_exceptions{none, none, none, none};
    return app_ == none ? no_exceptions : plan_.app_exceptions[app_];
  }
  bool has_role(Role r) const { return (app_class_->roles & bit(r)) != 0; }
  /// The flow as the kernel sees a packet, for the predicates that both share; `hop_limit` is the one that the rule
  /// wants, for a flow that has none.
  vpn_packet packet(std::uint8_t hop_limit) const {
    vpn_packet p{};
    p.remote_port = f_.remote_port;
    p.local_port = f_.local_port;
    p.v6 = remote_.v6 ? 1 : 0;
    p.protocol = f_.protocol;
    p.icmp_type = f_.icmp_type;
    p.has_icmp_type = f_.has_icmp_type ? 1 : 0;
    p.hop_limit = f_.hop_limit < 0 ? hop_limit : static_cast<std::uint8_t>(f_.hop_limit);
    p.incoming = f_.incoming ? 1 : 0;
    return p;
  }
  std::uint8_t fact(std::uint16_t dimension) const { return facts_[dimension]; }
  bool is(std::uint8_t protocol) const { return f_.protocol == protocol; }
  bool udp_or_tcp() const { return is(VPN_UDP) || is(VPN_TCP); }
  // Names go over 53 and 853: these ports never count as local.
  bool local() const { return fact(dim_local) != 0 && f_.remote_port != 53 && f_.remote_port != 853; }
  bool in(Services set) {
    if (!services_known_) find_services();
    return (services_ & set) != 0;
  }
  bool in(Service s) { return in(service_bit(s)); }
  void find_services();
  std::string_view hostname(std::string& storage) const;  // empty: unknown, or no name
  DomainClass domain_class();
  Decision judged_by_quote();

  const Situation& situation_;
  const Situation::Data& d_;
  const Plan& plan_;
  const Flow& f_;
  std::vector<Passed>* passed_;
  Address remote_;                       // embedded IPv4 taken out
  const std::uint8_t* facts_ = nullptr;  // of its class in the range table, by dimension
  bool has_app_;                         // `forwarded` and `unattributed` flows meet nothing that needs an app
  bool services_known_ = false;
  bool domain_known_ = false;
  Services services_ = 0;
  std::uint32_t app_ = none, spawner_ = none;  // indexes of the policy's apps
  const Plan::AppClass* app_class_ = nullptr;
  const Plan::AppClass* spawner_class_ = nullptr;
  DomainClass domain_ = 0;
  Decision out_;
};

}  // namespace vpn::policy
