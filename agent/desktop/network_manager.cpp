#include "agent/desktop/network_manager.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::agent::desktop {
namespace {

using Json = nlohmann::json;

constexpr std::uint32_t device_activated = 100, connectivity_portal = 2, connectivity_full = 4;
constexpr std::uint32_t type_ethernet = 1, type_wifi = 2, type_modem = 8;  // NMDeviceType
constexpr std::size_t most_objects = 4096, most_links = 256, most_domains = 64, longest_domain = 255, longest_ssid = 32,
                      longest_link_name = 15, most_text = 32'768;

// The properties that are asked for, of whatever object.
struct Object {
  std::string interface, ip_interface, ip4, ip6, access_point, ssid;
  std::vector<std::string> searches, domains;
  std::uint32_t state = 0, connectivity = 0, type = 0;
};
using Objects = std::map<std::string, Object, std::less<>>;

int read_text(sd_bus_message* m, const char* type, std::string& out) {
  const char* text = nullptr;
  const int got = sd_bus_message_read(m, type, &text);
  if (got > 0) out = text;
  return got;
}

int read_texts(sd_bus_message* m, std::vector<std::string>& out) {
  int got = sd_bus_message_enter_container(m, 'a', "s");
  if (got < 0) return got;
  std::string text;
  while ((got = read_text(m, "s", text)) > 0)
    if (out.size() < most_domains && text.size() <= longest_domain) out.push_back(text);
  return got < 0 ? got : sd_bus_message_exit_container(m);
}

int read_bytes(sd_bus_message* m, std::string& out) {
  const void* data = nullptr;
  std::size_t size = 0;
  const int got = sd_bus_message_read_array(m, 'y', &data, &size);
  if (got > 0 && size <= longest_ssid) out.assign(static_cast<const char*>(data), size);
  return got;
}

// A variant whose type is as it ought to be, or nothing of it.
template <class Read>
int read_variant(sd_bus_message* m, const char* type, Read read) {
  const char* content = nullptr;
  char kind = 0;
  int got = sd_bus_message_peek_type(m, &kind, &content);
  if (got < 0) return got;
  if (kind != 'v' || std::strcmp(content, type) != 0) return sd_bus_message_skip(m, "v");
  if ((got = sd_bus_message_enter_container(m, 'v', type)) < 0) return got;
  if ((got = read(m)) < 0) return got;
  return sd_bus_message_exit_container(m);
}

int read_property(sd_bus_message* m, std::string_view interface, std::string_view name, Object& out) {
  const auto is = [&](std::string_view which, std::string_view property) {
    const std::string_view prefix(network_manager);
    return interface.starts_with(prefix) && interface.substr(prefix.size()) == which && name == property;
  };
  const auto text = [&](const char* type, std::string& into) {
    return read_variant(m, type, [&](sd_bus_message* v) { return read_text(v, type, into); });
  };
  const auto texts = [&](std::vector<std::string>& into) {
    return read_variant(m, "as", [&](sd_bus_message* v) { return read_texts(v, into); });
  };
  const auto number = [&](std::uint32_t& into) {
    return read_variant(m, "u", [&](sd_bus_message* v) { return sd_bus_message_read(v, "u", &into); });
  };
  if (is("", "Connectivity")) return number(out.connectivity);
  if (is(".Device", "DeviceType")) return number(out.type);
  if (is(".Device", "State")) return number(out.state);
  if (is(".Device", "Interface")) return text("s", out.interface);
  if (is(".Device", "IpInterface")) return text("s", out.ip_interface);
  if (is(".Device", "Ip4Config")) return text("o", out.ip4);
  if (is(".Device", "Ip6Config")) return text("o", out.ip6);
  if (is(".Device.Wireless", "ActiveAccessPoint")) return text("o", out.access_point);
  if (is(".AccessPoint", "Ssid"))
    return read_variant(m, "ay", [&](sd_bus_message* v) { return read_bytes(v, out.ssid); });
  if (is(".IP4Config", "Searches") || is(".IP6Config", "Searches")) return texts(out.searches);
  if (is(".IP4Config", "Domains") || is(".IP6Config", "Domains")) return texts(out.domains);
  return sd_bus_message_skip(m, "v");
}

// The entries of a dictionary, each with its key; `read` takes the value.
template <class Read>
int each_entry(sd_bus_message* m, const char* entry, const char* key_type, Read read) {
  int got = sd_bus_message_enter_container(m, 'a', entry);
  if (got < 0) return got;
  const std::string inner(entry + 1, std::strlen(entry) - 2);  // without its braces
  while ((got = sd_bus_message_enter_container(m, 'e', inner.c_str())) > 0) {
    const char* key = nullptr;
    if ((got = sd_bus_message_read(m, key_type, &key)) < 0 || (got = read(std::string(key))) < 0 ||
        (got = sd_bus_message_exit_container(m)) < 0)
      return got;
  }
  return got < 0 ? got : sd_bus_message_exit_container(m);
}

int read_objects(sd_bus_message* m, Objects& out) {
  return each_entry(m, "{oa{sa{sv}}}", "o", [&](const std::string& path) {
    if (out.size() >= most_objects) return sd_bus_message_skip(m, "a{sa{sv}}");
    Object& object = out[path];
    return each_entry(m, "{sa{sv}}", "s", [&](const std::string& interface) {
      return each_entry(m, "{sv}", "s",
                        [&](const std::string& name) { return read_property(m, interface, name, object); });
    });
  });
}

// In the order in which a resolver would try them; what only routes questions is searched by nobody.
void add_domains(const Object& config, Json& out, std::size_t& room) {
  for (const auto* list : {&config.searches, &config.domains})
    for (const std::string& domain : *list)
      if (!domain.empty() && !domain.starts_with('~') && out.size() < most_domains && domain.size() <= room &&
          std::find(out.begin(), out.end(), domain) == out.end()) {
        out.push_back(domain);
        room -= domain.size();
      }
}

// A network may be named by any bytes; the agent is told of names that are text.
bool is_utf8(const std::string& bytes) {
  using Handler = Json::error_handler_t;
  return Json(bytes).dump(-1, ' ', false, Handler::ignore) == Json(bytes).dump(-1, ' ', false, Handler::replace);
}

Json network_of(const Object& device, const Objects& objects, std::size_t& room) {
  Json domains = Json::array();
  for (const std::string* path : {&device.ip4, &device.ip6})
    if (const auto config = objects.find(*path); config != objects.end()) add_domains(config->second, domains, room);
  Json out = {{"search_domains", std::move(domains)}};
  if (device.type == type_ethernet) out["type"] = "ethernet";
  if (device.type == type_wifi) out["type"] = "wifi";
  if (device.type == type_modem) out["type"] = "cellular";
  const auto point = objects.find(device.access_point);
  if (point != objects.end() && !point->second.ssid.empty() && point->second.ssid.find('\0') == std::string::npos &&
      is_utf8(point->second.ssid))
    out["ssid"] = point->second.ssid;
  return out;
}

}  // namespace

int read_network_manager(sd_bus_message* answer, Json& facts) {
  Objects objects;
  if (const int got = read_objects(answer, objects); got < 0) return got;
  Json networks = Json::object();
  std::size_t room = most_text;
  std::uint32_t connectivity = 0;
  for (const auto& [path, object] : objects) {
    if (object.connectivity != 0) connectivity = object.connectivity;
    const std::string& link = object.ip_interface.empty() ? object.interface : object.ip_interface;
    if (object.state == device_activated && !link.empty() && link.size() <= longest_link_name &&
        networks.size() < most_links)
      networks[link] = network_of(object, objects, room);
  }
  facts["networks"] = std::move(networks);
  facts["portal"] = connectivity == connectivity_portal ? "there"
                    : connectivity == connectivity_full ? "none"
                                                        : "unknown";
  return 0;
}

}  // namespace vpn::agent::desktop
