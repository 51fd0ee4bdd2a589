#include <array>
#include <charconv>

#include "policy/json/fields.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::policy {
namespace {

using fields::Fault;
using fields::Json;

struct NamedProtocol {
  std::string_view name;
  std::uint8_t number;
};
constexpr std::array protocols{NamedProtocol{"tcp", 6},     NamedProtocol{"udp", 17},   NamedProtocol{"icmp", 1},
                               NamedProtocol{"icmpv6", 58}, NamedProtocol{"igmp", 2},   NamedProtocol{"esp", 50},
                               NamedProtocol{"ah", 51},     NamedProtocol{"gre", 47},   NamedProtocol{"ipip", 4},
                               NamedProtocol{"ipv6", 41},   NamedProtocol{"sctp", 132}, NamedProtocol{"udplite", 136},
                               NamedProtocol{"dccp", 33},   NamedProtocol{"l2tp", 115}};

std::string_view keep(const Json& object, const char* key, FlowText& out, Fault& fault) {
  std::string text;
  fields::read(object, key, text, fault);
  if (text.empty()) return {};
  out.strings.push_back(std::make_unique<std::string>(std::move(text)));
  return *out.strings.back();
}

void read_owner(const Json& object, FlowText& out, Fault& fault) {
  Flow& f = out.flow;
  f.app = keep(object, "app", out, fault);
  if (f.app.empty() || f.app == "other")
    f.owner = Owner::other;
  else if (f.app == "unattributed")
    f.owner = Owner::unattributed;
  else if (f.app == "forwarded")
    f.owner = Owner::forwarded;
  else
    f.owner = Owner::app;
  f.spawned_by = keep(object, "spawned_by", out, fault);
}

void read_numbers(const Json& object, Flow& f, Fault& fault) {
  std::int64_t number = 0;
  if (fields::read_number(object, "uid", 0, 0xffffffff, number, fault)) f.uid = static_cast<std::uint32_t>(number);
  if (fields::read_number(object, "icmp_type", 0, 255, number, fault)) {
    f.icmp_type = static_cast<std::uint8_t>(number);
    f.has_icmp_type = true;
  }
  if (fields::read_number(object, "hop_limit", 0, 255, number, fault)) f.hop_limit = static_cast<std::int16_t>(number);
  fields::read_port(object, "remote_port", f.remote_port, fault);
  fields::read_port(object, "local_port", f.local_port, fault);
}

void read_words(const Json& object, FlowText& out, Fault& fault) {
  Flow& f = out.flow;
  f.hostname = keep(object, "hostname", out, fault);
  f.scope = keep(object, "scope", out, fault);
  f.arrives_on = keep(object, "arrives_on", out, fault);
  f.provider_of = keep(object, "provider_of", out, fault);
  const std::string_view direction = keep(object, "direction", out, fault);
  if (!direction.empty() && direction != "out" && direction != "in") fault.set("direction", "'in' or 'out'");
  f.incoming = direction == "in";
  const std::string_view role = keep(object, "role", out, fault);
  if (!role.empty() && role != "agent") fault.set("role", "'agent'");
  f.agent = role == "agent";
  if (const std::string_view service = keep(object, "service", out, fault); !service.empty()) {
    Service s{};
    if (parse(service, s))
      f.service = s;
    else
      fault.set("service", "a service of S2, such as 'airprint'");
  }
}

// `quotes` nests once: an ICMP error quotes a flow, never another error.
FlowText read_flow(const Json& object, Fault& fault, std::vector<std::string>* unknown, bool may_quote) {
  FlowText out;
  fields::collect_unknown(object, fields::flow_keys, {}, unknown);
  read_owner(object, out, fault);
  if (!fields::read_protocol(object, "protocol", out.flow.protocol, fault)) fault.set("protocol", "given");
  if (!fields::read_address(object, "remote", out.flow.remote, fault)) fault.set("remote", "given");
  read_numbers(object, out.flow, fault);
  read_words(object, out, fault);
  if (const Json* quotes = fields::get(object, "quotes")) {
    if (!may_quote || !quotes->is_object()) {
      fault.set("quotes", "the flow that an ICMP error quotes");
    } else {
      out.quoted = std::make_unique<FlowText>(read_flow(*quotes, fault, unknown, false));
      out.flow.quoted = &out.quoted->flow;
    }
  }
  return out;
}

const fb::Source* source_of(const Policy& policy, const Decision& decision) {
  const auto* sources = policy.body().sources();
  return decision.source == none || sources == nullptr || decision.source >= sources->size()
             ? nullptr
             : sources->Get(decision.source);
}

}  // namespace

bool parse_protocol(std::string_view text, std::uint8_t& out) {
  for (const NamedProtocol& p : protocols) {
    if (p.name == text) {
      out = p.number;
      return true;
    }
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string protocol_name(std::uint8_t protocol) {
  for (const NamedProtocol& p : protocols)
    if (p.number == protocol) return std::string(p.name);
  return std::to_string(protocol);
}

std::vector<std::string_view> known_keys() {
  std::vector<std::string_view> all(fields::flow_keys.begin(), fields::flow_keys.end());
  for (const std::span<const std::string_view> keys : {std::span<const std::string_view>(fields::state_keys),
                                                       std::span<const std::string_view>(fields::interface_keys),
                                                       std::span<const std::string_view>(fields::tunnel_keys),
                                                       std::span<const std::string_view>(fields::endpoint_keys)})
    all.insert(all.end(), keys.begin(), keys.end());
  return all;
}

Result<FlowText> parse_flow(std::string_view text, std::vector<std::string>* unknown) {
  const auto json = fields::parse_object(text, "flow");
  if (!json) return tl::unexpected(json.error());
  Fault fault;
  FlowText out = read_flow(*json, fault, unknown, true);
  if (fault.any()) return fail(ErrorKind::invalid_input, fault.what, {}, "docs/cli.md describes a flow");
  return out;
}

namespace {

nlohmann::ordered_json place_of(const Policy& policy, const fb::Source* s) {
  if (s == nullptr) return nullptr;
  return {{"file", policy.body().files()->Get(s->file())->str()},
          {"line", s->line()},
          {"column", s->column()},
          {"path", s->path()->str()}};
}

}  // namespace

std::string source_json(const Policy& policy, std::uint32_t source) {
  const auto* sources = policy.body().sources();
  const bool known = sources != nullptr && source < sources->size();
  return place_of(policy, known ? sources->Get(source) : nullptr)
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string verdict_json(const Policy& policy, const Decision& decision) {
  nlohmann::ordered_json out;
  out["verdict"] = to_string(decision.verdict);
  if (decision.tunnel != none) out["tunnel"] = policy.body().tunnels()->Get(decision.tunnel)->id()->str();
  out["rule"] = to_string(decision.rule);
  out["source"] = place_of(policy, source_of(policy, decision));
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace vpn::policy
