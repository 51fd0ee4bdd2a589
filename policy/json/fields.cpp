#include "policy/json/fields.h"

#include <algorithm>

#include "policy/json/json.h"

namespace vpn::policy {

bool nests_at_most(std::string_view json, std::size_t most) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most) return false;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return true;
}

namespace fields {
namespace {

constexpr std::size_t maximum_depth = 32;

}  // namespace

Result<Json> parse_object(std::string_view text, std::string_view what) {
  if (!nests_at_most(text, maximum_depth))
    return fail(ErrorKind::invalid_input, "the " + std::string(what) + " is nested too deeply");
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded())
    return fail(ErrorKind::invalid_input, "the " + std::string(what) + " is not valid JSON", {},
                "check it with 'python3 -m json.tool'");
  if (!json.is_object()) return fail(ErrorKind::invalid_input, "the " + std::string(what) + " must be a JSON object");
  return json;
}

const Json* get(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

void read(const Json& object, const char* key, std::string& out, Fault& fault) {
  const Json* v = get(object, key);
  if (v == nullptr) return;
  if (!v->is_string()) return fault.set(key, "a string");
  out = v->get<std::string>();
}

void read(const Json& object, const char* key, bool& out, Fault& fault) {
  const Json* v = get(object, key);
  if (v == nullptr) return;
  if (!v->is_boolean()) return fault.set(key, "true or false");
  out = v->get<bool>();
}

bool read_number(const Json& object, const char* key, std::int64_t low, std::int64_t high, std::int64_t& out,
                 Fault& fault) {
  const Json* v = get(object, key);
  if (v == nullptr) return false;
  const bool fits = v->is_number_integer() && (!v->is_number_unsigned() || v->get<std::uint64_t>() <= INT64_MAX);
  const std::int64_t number = fits ? v->get<std::int64_t>() : low - 1;
  if (!fits || number < low || number > high) {
    fault.set(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
    return false;
  }
  out = number;
  return true;
}

void read_port(const Json& object, const char* key, std::uint16_t& out, Fault& fault) {
  std::int64_t number = 0;
  if (read_number(object, key, 0, 65535, number, fault)) out = static_cast<std::uint16_t>(number);
}

bool read_address(const Json& object, const char* key, Address& out, Fault& fault) {
  const Json* v = get(object, key);
  if (v == nullptr) return false;
  const auto address = v->is_string() ? Address::parse(v->get_ref<const std::string&>()) : std::nullopt;
  if (!address) {
    fault.set(key, "an IPv4 or IPv6 address");
    return false;
  }
  out = *address;
  return true;
}

bool read_protocol(const Json& object, const char* key, std::uint8_t& out, Fault& fault) {
  const Json* v = get(object, key);
  if (v == nullptr) return false;
  if (v->is_string() && parse_protocol(v->get_ref<const std::string&>(), out)) return true;
  std::int64_t number = 0;
  if (!v->is_string() && read_number(object, key, 0, 255, number, fault)) {
    out = static_cast<std::uint8_t>(number);
    return true;
  }
  fault.set(key, "a protocol name ('tcp', 'udp', 'icmp', 'icmpv6', 'igmp', …) or a number from 0 to 255");
  return false;
}

const Json* read_array(const Json& object, const char* key, Fault& fault) {
  const Json* v = get(object, key);
  if (v != nullptr && !v->is_array()) {
    fault.set(key, "an array");
    return nullptr;
  }
  return v;
}

void read_prefixes(const Json& object, const char* key, std::vector<Prefix>& out, Fault& fault) {
  const Json* list = read_array(object, key, fault);
  if (list == nullptr) return;
  for (const Json& item : *list) {
    const auto prefix = item.is_string() ? Prefix::parse(item.get_ref<const std::string&>()) : std::nullopt;
    if (!prefix) return fault.set(key, "an array of prefixes such as \"10.0.0.0/8\"");
    out.push_back(*prefix);
  }
}

void read_strings(const Json& object, const char* key, std::vector<std::string>& out, Fault& fault) {
  const Json* list = read_array(object, key, fault);
  if (list == nullptr) return;
  for (const Json& item : *list) {
    if (!item.is_string()) return fault.set(key, "an array of strings");
    out.push_back(item.get<std::string>());
  }
}

void collect_unknown(const Json& object, std::span<const std::string_view> known, const std::string& where,
                     std::vector<std::string>* unknown) {
  if (unknown == nullptr) return;
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end()) unknown->push_back(where + key);
}

}  // namespace fields
}  // namespace vpn::policy
