#include "agent/tunnel/strongswan/association.h"

#include <algorithm>
#include <charconv>

namespace vpn::agent::strongswan {
namespace {

using policy::Address;
using policy::Prefix;

std::optional<Address> address(std::optional<std::string_view> text) {
  return text ? Address::parse(*text) : std::nullopt;
}

void read_child(const Section& child, Association& out) {
  const auto state = child.text("state").value_or("");
  // Of a child that is rekeyed the old one carries packets until the new one is there; one that MOBIKE moves is back at
  // once.
  if (state != "INSTALLED" && state != "UPDATING" && state != "REKEYING" && state != "REKEYED") return;
  out.installed = true;
  if (child.text("encap") == "yes") out.udp_encapsulated = true;
  for (const std::string_view selector : child.texts("remote-ts")) {
    const auto prefixes = read_selector(selector);
    out.remote_networks.insert(out.remote_networks.end(), prefixes.begin(), prefixes.end());
  }
}

}  // namespace

std::vector<Prefix> read_selector(std::string_view text) {
  text = text.substr(0, text.find('['));
  const std::size_t range = text.find("..");
  if (range == std::string_view::npos) {
    const auto prefix = Prefix::parse(text);
    return prefix ? std::vector<Prefix>{*prefix} : std::vector<Prefix>{};
  }
  const auto first = Address::parse(text.substr(0, range));
  const auto last = Address::parse(text.substr(range + 2));
  return first && last ? policy::prefixes_between(*first, *last) : std::vector<Prefix>{};
}

std::optional<Association> read_association(const Section& event, std::string_view connection) {
  const Section* sa = event.find(connection);
  if (sa == nullptr) return std::nullopt;
  Association out;
  out.id = sa->text("uniqueid").value_or("");
  out.state = sa->text("state").value_or("");
  out.established = out.state == "ESTABLISHED" || out.state == "REKEYING" || out.state == "REKEYED";
  out.local = address(sa->text("local-host"));
  out.remote = address(sa->text("remote-host"));
  if (const auto port = sa->text("remote-port")) {
    std::from_chars(port->data(), port->data() + port->size(), out.remote_port);
  }
  for (const std::string_view vip : sa->texts("local-vips")) {
    if (const auto parsed = Address::parse(vip)) out.virtual_addresses.push_back(*parsed);
  }
  if (const Section* children = sa->find("child-sas")) {
    for (const auto& [name, child] : children->sections()) read_child(*child, out);
  }
  auto& networks = out.remote_networks;
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  return out;
}

}  // namespace vpn::agent::strongswan
