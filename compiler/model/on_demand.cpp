#include "compiler/model/parts.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

namespace fb = policy::fb;
constexpr auto evaluate_list = static_cast<std::uint8_t>(fb::ListKind::evaluate);

std::uint8_t action_of(std::string_view text) {
  // What is no action is ignored: lint has refused it.
  fb::OnDemandAction action = fb::OnDemandAction::ignore;
  if (text == "Connect") action = fb::OnDemandAction::connect;
  if (text == "Disconnect") action = fb::OnDemandAction::disconnect;
  if (text == "EvaluateConnection") action = fb::OnDemandAction::evaluate;
  if (text == "Allow") action = fb::OnDemandAction::allow;
  return static_cast<std::uint8_t>(action);
}

std::optional<policy::InterfaceType> interface_of(Reader& reader, Dict rule) {
  if (Reader::find(rule, "InterfaceTypeMatch") == nullptr) return std::nullopt;
  const std::string_view text = reader.text(rule, "InterfaceTypeMatch");
  if (text == "WiFi") return policy::InterfaceType::wifi;
  if (text == "Cellular") return policy::InterfaceType::cellular;
  return text == "Ethernet" ? policy::InterfaceType::ethernet : policy::InterfaceType::other;
}

EvaluateParameter read_parameter(Reader& reader, List list, std::uint32_t index) {
  EvaluateParameter out;
  out.place = reader.place(list, index);
  const Dict dict = reader.dict(list, index);
  out.domains = reader.domains(dict, "Domains", evaluate_list);
  if (out.domains.place == none) out.domains.place = out.place;
  out.never = reader.text(dict, "DomainAction") == "NeverConnect";
  out.dns_servers = reader.texts(dict, "RequiredDNSServers");
  out.url_probe = reader.text(dict, "RequiredURLStringProbe");
  return out;
}

OnDemandRule read_rule(Reader& reader, List list, std::uint32_t index) {
  OnDemandRule out;
  out.place = reader.place(list, index);
  const Dict dict = reader.dict(list, index);
  out.action = action_of(reader.text(dict, "Action"));
  out.interface_type = interface_of(reader, dict);
  out.ssids = reader.some_texts(dict, "SSIDMatch");
  out.dns_domains = reader.some_texts(dict, "DNSDomainMatch");
  out.dns_servers = reader.some_texts(dict, "DNSServerAddressMatch");
  if (Reader::find(dict, "URLStringProbe") != nullptr) out.url_probe = reader.text(dict, "URLStringProbe");
  if (out.action != static_cast<std::uint8_t>(fb::OnDemandAction::evaluate))
    return out;  // the parameters are read only there
  const List parameters = reader.list(dict, "ActionParameters");
  out.parameters.reserve(parameters.size());
  for (std::uint32_t i = 0; i < parameters.size(); ++i) out.parameters.push_back(read_parameter(reader, parameters, i));
  return out;
}

void read_rules(Reader& reader, List list, OnDemand& out) {
  out.rules.reserve(list.size());
  for (std::uint32_t i = 0; i < list.size(); ++i) out.rules.push_back(read_rule(reader, list, i));
}

// The keys from before OnDemandRules say what one rule with EvaluateConnection says now; Never comes first, for it
// takes names out of the other two.
void read_old_lists(Reader& reader, Dict block, OnDemand& out) {
  OnDemandRule rule;
  rule.action = static_cast<std::uint8_t>(fb::OnDemandAction::evaluate);
  for (const std::string_view key :
       {"OnDemandMatchDomainsNever", "OnDemandMatchDomainsAlways", "OnDemandMatchDomainsOnRetry"}) {
    EvaluateParameter parameter;
    parameter.domains = reader.domains(block, key, evaluate_list);
    if (parameter.domains.array == nullptr) continue;
    parameter.never = key == "OnDemandMatchDomainsNever";
    parameter.place = parameter.domains.place;
    rule.place = parameter.place;
    rule.parameters.push_back(std::move(parameter));
  }
  if (!rule.parameters.empty()) out.rules.push_back(std::move(rule));
}

}  // namespace

OnDemand read_on_demand(Reader& reader, Dict block, PlaceId owner) {
  OnDemand out;
  out.place = owner;
  out.enabled = reader.truth(block, "OnDemandEnabled");
  out.user_override_disabled = reader.truth(block, "OnDemandUserOverrideDisabled");
  read_rules(reader, reader.list(block, "OnDemandRules"), out);
  if (out.rules.empty()) read_old_lists(reader, block, out);
  return out;
}

OnDemand read_declared_on_demand(Reader& reader, Dict payload, PlaceId owner) {
  OnDemand out;
  out.place = owner;
  const Dict dict = reader.dict(payload, "OnDemand");
  out.enabled = reader.truth(dict, "Enabled");
  out.user_override_disabled = reader.truth(dict, "DisableUserOverride", reader.truth(dict, "UserOverrideDisabled"));
  read_rules(reader, reader.list(dict, "Rules"), out);
  return out;
}

}  // namespace vpn::model
