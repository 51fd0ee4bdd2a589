#include "agent/tunnel/external_protocol.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "policy/ascii.h"
#include "policy/json/json.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_strings = 256;
constexpr std::size_t longest_string = 4096;
constexpr std::size_t longest_socket = 107;    // sun_path without its end
constexpr std::size_t longest_interface = 15;  // IFNAMSIZ without the end

tl::unexpected<Error> bad(const std::string& key, const std::string& what) {
  return fail(ErrorKind::invalid_input, "'" + key + "' must be " + what, {}, "see docs/external-protocol.md");
}

// Reads members of one object; keeps the first fault, and refuses keys that nobody asked for.
class Members {
 public:
  Members(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  const Json* get(const char* key) {
    known_.emplace_back(key);
    const auto it = object_.find(key);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  void text(const char* key, std::string& out) {
    const Json* value = get(key);
    if (value == nullptr) return;
    if (!value->is_string() || value->get_ref<const std::string&>().size() > longest_string)
      return fault(key, "a text of at most " + std::to_string(longest_string) + " bytes");
    out = value->get<std::string>();
    if (out.find('\0') != std::string::npos) fault(key, "a text without zero bytes");
  }
  void flag(const char* key, bool& out) {
    const Json* value = get(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) return fault(key, "true or false");
    out = value->get<bool>();
  }
  bool number(const char* key, std::uint64_t most, std::uint64_t& out) {
    const Json* value = get(key);
    if (value == nullptr) return false;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > most) {
      fault(key, "a number from 0 to " + std::to_string(most));
      return false;
    }
    out = value->get<std::uint64_t>();
    return true;
  }
  /// Calls back with each text of a list.
  template <class Each>
  void texts(const char* key, std::size_t most, const std::string& what, Each each) {
    const Json* value = get(key);
    if (value == nullptr) return;
    if (!value->is_array() || value->size() > most) return fault(key, "a list of at most " + std::to_string(most));
    for (const Json& item : *value) {
      if (!item.is_string() || item.get_ref<const std::string&>().size() > longest_string ||
          !each(item.get_ref<const std::string&>()))
        return fault(key, what);
    }
  }
  void fault(const char* key, const std::string& what) {
    if (!fault_) fault_ = bad(where_ + key, what).value();
  }
  const std::optional<Error>& finish() {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end() && !fault_)
        fault_ = bad(where_ + key.substr(0, 64), "left out: it is not known").value();
    }
    return fault_;
  }

 private:
  const Json& object_;
  std::string where_;
  std::vector<std::string> known_;
  std::optional<Error> fault_;
};

bool add_prefix(std::vector<policy::Prefix>& out, const std::string& text) {
  const auto prefix = policy::Prefix::parse(text);
  if (prefix) out.push_back(*prefix);
  return prefix.has_value();
}

bool add_own_address(std::vector<std::pair<policy::Address, std::uint8_t>>& out, const std::string& text) {
  const auto slash = text.find('/');
  const auto address = policy::Address::parse(std::string_view(text).substr(0, slash));
  const auto prefix = policy::Prefix::parse(text);
  if (address && prefix) out.emplace_back(*address, prefix->length);
  return address && prefix;
}

bool add_string(std::vector<std::string>& out, const std::string& text) {
  out.push_back(text);
  return text.find('\0') == std::string::npos;
}

bool read_endpoint(const Json& object, policy::Endpoint& out) {
  if (!object.is_object()) return false;
  std::string address, protocol;
  std::uint64_t port = 0;
  Members m(object, {});
  m.text("address", address);
  m.text("protocol", protocol);
  m.number("port", 65535, port);
  const auto parsed = policy::Address::parse(address);
  if (m.finish() || !parsed || !policy::parse_protocol(protocol, out.protocol)) return false;
  out.address = *parsed;
  out.port = static_cast<std::uint16_t>(port);
  // TCP and UDP without a port would exempt a whole host.
  return (out.protocol != 6 && out.protocol != 17) || out.port != 0;
}

Result<DnsSettings> read_dns(const Json& object) {
  if (!object.is_object()) return bad("settings.dns", "an object");
  DnsSettings out;
  Members m(object, "settings.dns.");
  m.texts("servers", most_strings, "a list of addresses", [&](const std::string& text) {
    const auto address = policy::Address::parse(text);
    if (address) out.servers.push_back(*address);
    return address.has_value();
  });
  m.texts("search_domains", most_strings, "a list of names",
          [&](const std::string& t) { return add_string(out.search_domains, t); });
  m.texts("match_domains", most_client_routes, "a list of names",
          [&](const std::string& t) { return add_string(out.match_domains, t); });
  if (const auto& fault = m.finish()) return tl::unexpected(*fault);
  return out;
}

Result<ProxyPlace> read_proxy(const Json& object) {
  if (!object.is_object()) return bad("settings.proxy", "an object");
  ProxyPlace out;
  std::string protocol, address;
  std::uint64_t port = 0;
  Members m(object, "settings.proxy.");
  m.text("protocol", protocol);
  m.text("address", address);
  m.number("port", 65535, port);
  m.text("socket", out.socket);
  m.flag("datagrams", out.datagrams);
  if (protocol != "socks5" && protocol != "http") m.fault("protocol", "socks5 or http");
  if (protocol == "http") out.protocol = ProxyPlace::Protocol::http;
  const auto parsed = policy::Address::parse(address);
  if (parsed) out.address = *parsed;
  out.port = static_cast<std::uint16_t>(port);
  const bool by_address = parsed && port != 0;
  if (by_address == !out.socket.empty())
    m.fault("address", "an address, with a port; or 'socket' is the absolute path of a Unix socket");
  if (!out.socket.empty() && (!out.socket.starts_with('/') || out.socket.size() > longest_socket))
    m.fault("socket", "an absolute path of at most " + std::to_string(longest_socket) + " bytes");
  if (out.datagrams && (protocol != "socks5" || !by_address)) m.fault("datagrams", "of SOCKS5 at an address");
  if (const auto& fault = m.finish()) return tl::unexpected(*fault);
  return out;
}

Result<ClientMessage> read_report(const Json& object) {
  ClientReport out;
  std::string status;
  Members m(object, {});
  m.text("status", status);
  m.text("reason", out.report.reason);
  m.flag("deliberate", out.report.deliberate);
  if (!policy::parse(status, out.report.status))
    m.fault("status", "invalid, disconnected, connecting, connected, reasserting or disconnecting");
  const Json* settings = m.get("settings");
  const Json* process = m.get("process");
  if (const auto& fault = m.finish()) return tl::unexpected(*fault);
  if (settings != nullptr) {
    auto read = parse_settings(*settings);
    if (!read) return tl::unexpected(read.error());
    out.report.settings = std::move(*read);
  }
  if (process != nullptr) {
    auto read = parse_process(*process);
    if (!read) return tl::unexpected(read.error());
    out.report.process = std::move(*read);
  }
  const NetworkSettings& said = out.report.settings;
  if (out.report.status == policy::TunnelStatus::connected && said.interface.empty() && !said.proxy)
    return bad("settings.interface", "there when the status is connected, or settings.proxy");
  return out;
}

Json prefix_list(const std::vector<policy::Prefix>& prefixes) {
  Json out = Json::array();
  for (const policy::Prefix& p : prefixes) out.push_back(p.to_string());
  return out;
}

Json address_list(const std::vector<policy::Address>& addresses) {
  Json out = Json::array();
  for (const policy::Address& a : addresses) out.push_back(a.to_string());
  return out;
}

Json proxy_json(const ProxyPlace& p) {
  Json out = {{"protocol", p.protocol == ProxyPlace::Protocol::http ? "http" : "socks5"}, {"datagrams", p.datagrams}};
  if (!p.socket.empty()) {
    out["socket"] = p.socket;
  } else {
    out["address"] = p.address.to_string();
    out["port"] = p.port;
  }
  return out;
}

// Texts of others may be no UTF-8: then they are shown with replacement characters, never thrown over.
std::string dump(const Json& object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Result<NetworkSettings> parse_settings(const Json& object) {
  if (!object.is_object()) return bad("settings", "an object");
  NetworkSettings out;
  Members m(object, "settings.");
  m.text("interface", out.interface);
  if (out.interface.size() > longest_interface || out.interface.find('/') != std::string::npos)
    m.fault("interface", "the name of an interface");
  m.texts("addresses", most_strings, "a list of addresses with prefix length",
          [&](const std::string& t) { return add_own_address(out.addresses, t); });
  m.texts("included_routes", most_client_routes, "a list of prefixes",
          [&](const std::string& t) { return add_prefix(out.included_routes, t); });
  m.texts("excluded_routes", most_client_routes, "a list of prefixes",
          [&](const std::string& t) { return add_prefix(out.excluded_routes, t); });
  std::uint64_t mtu = 0;
  m.number("mtu", 65535, mtu);
  out.mtu = static_cast<std::uint32_t>(mtu);
  if (const Json* endpoints = m.get("endpoints")) {
    const bool list = endpoints->is_array() && endpoints->size() <= most_strings;
    if (!list) m.fault("endpoints", "a list of at most " + std::to_string(most_strings));
    for (std::size_t i = 0; list && i < endpoints->size(); ++i) {
      if (!read_endpoint((*endpoints)[i], out.endpoints.emplace_back()))
        m.fault("endpoints", "a list of objects with address, protocol and port");
    }
  }
  const Json* dns = m.get("dns");
  const Json* proxy = m.get("proxy");
  if (const auto& fault = m.finish()) return tl::unexpected(*fault);
  if (dns != nullptr) {
    auto read = read_dns(*dns);
    if (!read) return tl::unexpected(read.error());
    out.dns = std::move(*read);
  }
  if (proxy != nullptr) {
    auto read = read_proxy(*proxy);
    if (!read) return tl::unexpected(read.error());
    out.proxy = std::move(*read);
  }
  return out;
}

Result<ProviderProcess> parse_process(const Json& object) {
  if (!object.is_object()) return bad("process", "an object");
  ProviderProcess out;
  Members m(object, "process.");
  const auto absolute = [](std::vector<std::string>& list, const std::string& t) {
    return t.starts_with('/') && add_string(list, t);
  };
  m.texts("executables", most_strings, "a list of absolute paths",
          [&](const std::string& t) { return absolute(out.executables, t); });
  m.texts("cgroups", most_strings, "a list of paths below cgroup v2's mount, each with a leading /",
          [&](const std::string& t) { return t.size() > 1 && absolute(out.cgroups, t); });
  std::uint64_t mark = 0;
  if (m.number("mark", std::numeric_limits<std::uint32_t>::max(), mark)) {
    if (mark == 0) m.fault("mark", "a number from 1 on");
    out.mark = static_cast<std::uint32_t>(mark);
  }
  if (const auto& fault = m.finish()) return tl::unexpected(*fault);
  return out;
}

Result<ClientMessage> parse_client_message(std::string_view text) {
  if (text.size() > largest_client_message)
    return fail(ErrorKind::invalid_input,
                "the message is longer than " + std::to_string(largest_client_message) + " bytes");
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(ErrorKind::invalid_input, "the message is no JSON object");
  if (!object.contains("hello")) return read_report(object);
  std::uint64_t version = 0;
  ClientHello hello;
  Members m(object, {});
  m.number("hello", 1, version);
  m.text("tunnel", hello.tunnel);
  if (version != 1) m.fault("hello", "1, the version of the protocol");
  if (hello.tunnel.empty()) m.fault("tunnel", "the identifier of a tunnel");
  if (const auto& fault = m.finish()) return tl::unexpected(*fault);
  hello.tunnel = ascii::upper_case(hello.tunnel);
  return hello;
}

std::string client_connect(const ConnectRequest& request) {
  return dump({{"command", "connect"}, {"underlay", request.underlay}, {"servers", address_list(request.servers)}});
}

std::string client_disconnect() { return dump({{"command", "disconnect"}}); }

std::string client_error(const Error& error) { return dump({{"error", error.what}, {"help", error.help}}); }

Json settings_json(const NetworkSettings& s) {
  Json addresses = Json::array();
  for (const auto& [address, length] : s.addresses)
    addresses.push_back(address.to_string() + "/" + std::to_string(length));
  Json endpoints = Json::array();
  for (const policy::Endpoint& e : s.endpoints) {
    endpoints.push_back(
        {{"address", e.address.to_string()}, {"protocol", policy::protocol_name(e.protocol)}, {"port", e.port}});
  }
  Json out = {{"interface", s.interface},
              {"addresses", std::move(addresses)},
              {"included_routes", prefix_list(s.included_routes)},
              {"excluded_routes", prefix_list(s.excluded_routes)},
              {"dns",
               {{"servers", address_list(s.dns.servers)},
                {"search_domains", s.dns.search_domains},
                {"match_domains", s.dns.match_domains}}},
              {"mtu", s.mtu},
              {"endpoints", std::move(endpoints)}};
  if (s.proxy) out["proxy"] = proxy_json(*s.proxy);
  return out;
}

Json process_json(const ProviderProcess& p) {
  Json out = {{"executables", p.executables}, {"cgroups", p.cgroups}};
  if (p.mark) out["mark"] = *p.mark;
  return out;
}

}  // namespace vpn::agent
