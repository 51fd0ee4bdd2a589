#include "agent/control/machine_facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace vpn::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_networks = 256, most_domains = 64, longest_domain = 255, longest_ssid = 32,
                      longest_link_name = 15;

bool is_text(const Json& value, std::size_t longest) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return text.size() <= longest && text.find('\0') == std::string::npos;
}

std::optional<ResolverFacts> parse_network(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  ResolverFacts out;
  for (const auto& [key, value] : object.items()) {
    if (key == "ssid" && value.is_string()) {
      // Anybody may name a network so that its name is none of a network's any more: all else that is told still
      // counts.
      if (is_text(value, longest_ssid)) out.ssid = value.get<std::string>();
    } else if (policy::InterfaceType type{};
               key == "type" && value.is_string() && policy::parse(value.get_ref<const std::string&>(), type)) {
      out.type = type;
    } else if (key == "search_domains" && value.is_array() && value.size() <= most_domains &&
               std::all_of(value.begin(), value.end(), [](const Json& v) { return is_text(v, longest_domain); })) {
      out.search_domains = value.get<std::vector<std::string>>();
    } else {
      return std::nullopt;
    }
  }
  return out;
}

bool set(MachineFacts& out, const std::string& key, const Json& value) {
  using Portal = MachineFacts::Portal;
  if (key == "asleep" && value.is_boolean()) {
    out.asleep = value.get<bool>();
  } else if (key == "portal" && (value == "unknown" || value == "none" || value == "there")) {
    out.portal = value == "there" ? Portal::there : value == "none" ? Portal::none : Portal::unknown;
  } else if (key == "networks" && value.is_object() && value.size() <= most_networks) {
    for (const auto& [name, network] : value.items()) {
      auto parsed = parse_network(network);
      if (!parsed || name.empty() || name.size() > longest_link_name) return false;
      out.networks[name] = std::move(*parsed);
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<MachineFacts> parse_machine_facts(const Json& object) {
  if (!object.is_object()) return fail(ErrorKind::usage, "'facts' must be an object");
  MachineFacts out;
  for (const auto& [key, value] : object.items())
    if (!set(out, key, value)) return fail(ErrorKind::usage, "this is no fact of a machine", key);
  return out;
}

}  // namespace vpn::agent
