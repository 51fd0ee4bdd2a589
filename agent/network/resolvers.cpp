#include "agent/network/resolvers.h"

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

#include "policy/ascii.h"

namespace vpn::agent {
namespace {

constexpr std::size_t most_lines = 1000;
constexpr std::size_t most_entries = 64;
constexpr std::size_t largest_file = 65536;

std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (out.size() < most_entries) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(" \t\r"), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

bool is_loopback(const std::string& text) {
  const auto address = policy::Address::parse(text);
  return address && (address->v6 ? address->high == 0 && address->low == 1 : address->v4() >> 24 == 127);
}

// "192.168.1.1#name" and "[fe80::1]:53%3" are networkd's ways to say more than an address.
std::string server(std::string text) {
  text.resize(std::min(text.find('#'), text.size()));
  if (text.starts_with('[')) text = text.substr(1, text.find(']') - 1);
  return text.substr(0, text.find('%'));
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string out(largest_file, '\0');
  file.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(file.gcount()));
  return out;
}

// The end of a file to which leases are appended.
std::string tail(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const auto size = static_cast<std::streamoff>(file.tellg());
  const std::streamoff left = std::min<std::streamoff>(size, largest_file);
  file.seekg(size - left);
  std::string out(static_cast<std::size_t>(left), '\0');
  file.read(out.data(), left);
  out.resize(static_cast<std::size_t>(file.gcount()));
  return out;
}

}  // namespace

ResolverFacts parse_resolv_conf(std::string_view text) {
  ResolverFacts out;
  for (std::size_t i = 0; i < most_lines && !text.empty(); ++i) {
    std::vector<std::string> line = words(next_line(text));
    if (line.size() < 2) continue;
    if (line[0] == "nameserver" && out.dns_servers.size() < most_entries && !is_loopback(line[1]))
      out.dns_servers.push_back(line[1].substr(0, line[1].find('%')));
    if (line[0] == "search" || line[0] == "domain") out.search_domains.assign(line.begin() + 1, line.end());
  }
  return out;
}

ResolverFacts parse_networkd(std::string_view link, std::string_view lease) {
  ResolverFacts out;
  const auto value = [](std::string_view line, std::string_view key) {
    return line.starts_with(key) ? line.substr(key.size()) : std::string_view();
  };
  for (std::size_t i = 0; i < most_lines && !link.empty(); ++i) {
    const std::string_view line = next_line(link);
    for (const std::string& s : words(value(line, "DNS="))) out.dns_servers.push_back(server(s));
    for (const std::string& s : words(value(line, "DOMAINS="))) out.search_domains.push_back(s);
    if (const auto ssid = value(line, "SSID="); !ssid.empty()) out.ssid = ssid;
    if (const auto uri = value(line, "CAPTIVE_PORTAL="); !uri.empty()) out.captive_portal = uri;
  }
  for (std::size_t i = 0; i < most_lines && !lease.empty(); ++i) {
    const std::string_view line = next_line(lease);
    if (const auto s = value(line, "SERVER_ADDRESS="); !s.empty()) out.dhcp_server = policy::Address::parse(s);
  }
  return out;
}

// lease {
//   interface "eth0";
//   option domain-name-servers 192.0.2.1, 192.0.2.2;
// }
ResolverFacts parse_dhclient(std::string_view leases, std::string_view interface,
                             std::span<const policy::Address> addresses) {
  ResolverFacts out, lease;
  bool ours = false, here = false;
  const auto names = [](std::string_view text) {
    std::string plain(text);
    std::replace_if(
        plain.begin(), plain.end(), [](char c) { return c == ',' || c == '"'; }, ' ');
    return words(plain);
  };
  for (std::size_t i = 0; i < most_lines && !leases.empty(); ++i) {
    std::string_view line = ascii::trimmed(next_line(leases));
    if (line.ends_with(';')) line.remove_suffix(1);
    const auto value = [&](std::string_view key) {
      const bool is = line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ';
      return is ? names(line.substr(key.size())) : std::vector<std::string>();
    };
    if (line.starts_with("lease")) {
      lease = {};
      ours = here = false;
    } else if (line == "}" && ours && here) {
      out = std::exchange(lease, {});
    } else if (const auto name = value("interface"); name.size() == 1) {
      ours = name[0] == interface;
    } else if (const auto own = value("fixed-address"); own.size() == 1) {
      const auto address = policy::Address::parse(own[0]);
      here = address && std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
    } else if (auto servers = value("option domain-name-servers"); !servers.empty()) {
      lease.dns_servers = std::move(servers);
    } else if (auto search = value("option domain-search"); !search.empty()) {
      lease.search_domains = std::move(search);
    } else if (auto domain = value("option domain-name"); !domain.empty() && lease.search_domains.empty()) {
      lease.search_domains = std::move(domain);
    } else if (const auto server = value("option dhcp-server-identifier"); server.size() == 1) {
      lease.dhcp_server = policy::Address::parse(server[0]);
    } else if (const auto uri = value("option v4-captive-portal"); uri.size() == 1) {
      lease.captive_portal = uri[0];
    }
  }
  return out;
}

Resolvers read_resolvers(const NetworkView& view, std::uint32_t primary, const std::string& root) {
  Resolvers out;
  const std::string networkd = root + "/run/systemd/netif/";
  for (const Link& link : view.links) {
    if (link.loopback) continue;
    const std::string number = std::to_string(link.index);
    ResolverFacts facts = parse_networkd(content(std::string(networkd).append("links/").append(number)),
                                         content(std::string(networkd).append("leases/").append(number)));
    if (facts == ResolverFacts{}) {
      std::vector<policy::Address> own;
      for (const LinkAddress& a : view.addresses)
        if (a.link == link.index) own.push_back(a.address);
      // Debian's ifupdown names one file for each interface, dhclient by itself one for all.
      for (const std::string& file : {"dhclient." + link.name + ".leases", std::string("dhclient.leases")})
        if (facts == ResolverFacts{} && link.name.find('/') == std::string::npos && !own.empty())
          facts = parse_dhclient(tail(std::string(root).append("/var/lib/dhcp/").append(file)), link.name, own);
    }
    if (facts.dns_servers.empty() && link.index == primary) {
      // systemd-resolved's own list of servers stands beside the stub that /etc/resolv.conf then names.
      ResolverFacts plain = parse_resolv_conf(content(root + "/run/systemd/resolve/resolv.conf"));
      if (plain.dns_servers.empty()) plain = parse_resolv_conf(content(root + "/etc/resolv.conf"));
      facts.dns_servers = std::move(plain.dns_servers);
      if (facts.search_domains.empty()) facts.search_domains = std::move(plain.search_domains);
    }
    if (!(facts == ResolverFacts{})) out[link.name] = std::move(facts);
  }
  return out;
}

}  // namespace vpn::agent
