#include "compiler/lower/hosts.h"

#include <algorithm>
#include <charconv>

#include "compiler/schema/schema.h"
#include "policy/address.h"
#include "policy/ascii.h"
#include "policy/domain_table.h"

namespace vpn::lower {
namespace {

std::uint16_t port_of(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size() ? port : std::uint16_t{0};
}

bool has_scheme(std::string_view text, std::string_view scheme) {
  if (text.size() < scheme.size()) return false;
  return std::equal(scheme.begin(), scheme.end(), text.begin(),
                    [](char wanted, char c) { return wanted == ascii::lower(c); });
}

// RFC 3986: scheme, "//", an optional user name, the host, an optional port, and what follows.
std::uint16_t strip_scheme(std::string_view& text) {
  std::uint16_t port = 0;
  if (has_scheme(text, "https://")) port = 443;
  if (has_scheme(text, "http://")) port = 80;
  if (const auto mark = text.find("://"); mark != std::string_view::npos) text.remove_prefix(mark + 3);
  text = text.substr(0, text.find_first_of("/?#"));
  if (const auto user = text.rfind('@'); user != std::string_view::npos) text.remove_prefix(user + 1);
  return port;
}

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

class Probes {
 public:
  void add(std::string_view host, std::uint16_t port) {
    bool is_address = false;
    std::string normal = normal_host(host, is_address);
    if (!normal.empty() && port != 0) targets_.emplace_back(std::move(normal), port);
  }
  void add_url(std::string_view url) {
    if (url.empty()) return;
    const HostPort target = split_host(url);
    add(target.host, target.port);
  }
  void add(const model::OnDemand& on_demand) {
    if (!on_demand.enabled) return;  // dead rules are never probed, and need no exemption (S1.f)
    for (const model::OnDemandRule& rule : on_demand.rules) {
      if (rule.url_probe) add_url(*rule.url_probe);
      for (const model::EvaluateParameter& parameter : rule.parameters) {
        add_url(parameter.url_probe);
        for (const std::string_view server : parameter.dns_servers) add(server, 53);
      }
    }
  }
  std::vector<std::pair<std::string, std::uint16_t>> take() {
    sort_unique(targets_);
    return std::move(targets_);
  }

 private:
  std::vector<std::pair<std::string, std::uint16_t>> targets_;
};

}  // namespace

HostPort split_host(std::string_view text) {
  HostPort out;
  out.port = strip_scheme(text);
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return out;
    out.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    out.host = text.substr(0, colon);
    rest = text.substr(colon);
  } else {
    out.host = text;  // no colon, or several: an IPv6 address without brackets
  }
  if (rest.size() > 1 && rest.front() == ':') out.port = port_of(rest.substr(1));
  return out;
}

std::string normal_host(std::string_view host, bool& is_address) {
  const auto address = policy::Address::parse(host);
  is_address = address.has_value();
  if (address) return address->to_string();
  std::string storage;
  std::string_view normal;
  if (policy::normalise_name(host, storage, normal) != policy::NameFault::none) return {};
  return std::string(normal);
}

std::vector<std::string> server_names(const model::Model& model) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view text) {
    bool is_address = false;
    std::string name = normal_host(split_host(text).host, is_address);
    if (!name.empty() && !is_address) names.push_back(std::move(name));
  };
  for (const model::Tunnel& tunnel : model.tunnels) {
    if (!tunnel.server.empty()) add(tunnel.server);
    for (const std::string_view endpoint : tunnel.endpoints) add(endpoint);
  }
  sort_unique(names);
  return names;
}

std::vector<std::pair<std::string, std::uint16_t>> probe_targets(const model::Model& model) {
  Probes probes;
  for (const schema::ProbeTarget& target : schema::captive_probes()) probes.add(target.host, target.port);
  for (const model::PerApp& vpn : model.per_app) probes.add(vpn.on_demand);
  for (const model::Device& vpn : model.devices) probes.add(vpn.on_demand);
  return probes.take();
}

}  // namespace vpn::lower
