#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "compiler/document/coerce.h"
#include "compiler/model/parts.h"
#include "policy/ascii.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

using document::Type;

/// Texts to look for without regard to case, given in upper case, all of them in one pass.
template <std::size_t size>
class Needles {
 public:
  constexpr explicit Needles(const std::string_view (&needles)[size]) {
    for (std::size_t i = 0; i < size; ++i) {
      needles_[i] = needles[i];
      begins_[static_cast<unsigned char>(needles[i].front())] = true;
    }
  }

  bool any_in(std::string_view text) const {
    for (; !text.empty(); text.remove_prefix(1)) {
      if (!begins_[static_cast<unsigned char>(ascii::upper(text.front()))]) continue;
      if (std::any_of(needles_.begin(), needles_.end(), [&](std::string_view n) { return begins_with(text, n); }))
        return true;
    }
    return false;
  }

 private:
  static bool begins_with(std::string_view text, std::string_view needle) {
    return text.size() >= needle.size() &&
           std::equal(needle.begin(), needle.end(), text.begin(), [](char a, char b) { return a == ascii::upper(b); });
  }

  std::array<std::string_view, size> needles_{};
  std::array<bool, 256> begins_{};
};

// Vendors name their keys as they like: rather one too many is kept back than one shown.
bool is_secret_name(std::string_view name) {
  static constexpr Needles parts({"PASSW",       "PASSPHRASE",   "PASSCODE",  "SECRET",     "PRIVATEKEY",
                                  "PRIVATE_KEY", "PRIVATE-KEY",  "PRESHARED", "PRE-SHARED", "PRE_SHARED",
                                  "PSK",         "TOKEN",        "CHALLENGE", "CREDENTIAL", "APIKEY",
                                  "API_KEY",     "API-KEY",      "TLS-AUTH",  "TLS-CRYPT",  "AUTH-USER-PASS",
                                  "PKCS12",      "WGQUICKCONFIG"});
  constexpr std::string_view names[] = {"KEY", "PIN", "PWD", "PASS", "STATIC-KEY"};
  if (name.ends_with("AssetReference")) return false;  // names a declaration
  return parts.any_in(name) || std::any_of(std::begin(names), std::end(names),
                                           [&](std::string_view n) { return ascii::equal_without_case(name, n); });
}

bool is_secret_text(std::string_view text) {
  static constexpr Needles parts({"PRIVATEKEY", "PRIVATE KEY-----", "PRESHAREDKEY", "STATIC KEY V1-----"});
  return parts.any_in(text);
}

std::string encode_base64(std::span<const std::uint8_t> bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

template <class Number>
std::string decimal(Number number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), end.ptr};
}

class Flattener {
 public:
  explicit Flattener(Reader& reader) : reader_(reader) {}

  // Documents are no deeper than document::Limits::depth, and so is this recursion.
  void members(const document::Value& dict, const std::string& prefix) {
    for (const document::Member& member : dict.dictionary()) {
      value(member.value, prefix.empty() ? std::string(member.key) : prefix + "." + std::string(member.key),
            member.key);
    }
  }
  std::vector<Setting> take() { return std::move(settings_); }

 private:
  void value(const document::Value& v, std::string key, std::string_view name) {
    switch (v.type) {
      case Type::dictionary:
        members(v, key);
        return;
      case Type::array:
        for (std::uint32_t i = 0; i < v.size; ++i) value(v.array()[i], key + "." + std::to_string(i), name);
        return;
      case Type::null:
        return;
      case Type::boolean:
        settings_.push_back({std::move(key), v.boolean ? "true" : "false", none});
        return;
      case Type::integer:
        number(std::move(key), decimal(v.integer), name);
        return;
      case Type::real:
        number(std::move(key), decimal(v.real), name);
        return;
      case Type::string:
        text(std::move(key), v.string(), name);
        return;
      case Type::date:
        settings_.push_back({std::move(key), std::string(v.string()), none});
        return;
      case Type::data:
        data(std::move(key), v.data(), name);
        return;
    }
  }

  void number(std::string key, std::string digits, std::string_view name) {
    const bool is_flag = digits == "0" || digits == "1";
    if (is_secret_name(name) && !is_flag) {
      settings_.push_back({std::move(key), {}, reader_.secret(digits)});
    } else {
      settings_.push_back({std::move(key), std::move(digits), none});
    }
  }

  void text(std::string key, std::string_view text, std::string_view name) {
    if (!text.empty() && (is_secret_name(name) || is_secret_text(text))) {
      settings_.push_back({std::move(key), {}, reader_.secret(text)});
    } else {
      settings_.push_back({std::move(key), std::string(text), none});
    }
  }

  void data(std::string key, std::span<const std::uint8_t> bytes, std::string_view name) {
    const std::string_view as_text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!bytes.empty() && (is_secret_name(name) || is_secret_text(as_text))) {
      settings_.push_back({std::move(key), {}, reader_.secret(bytes)});
    } else {
      settings_.push_back({std::move(key), encode_base64(bytes), none});
    }
  }

  Reader& reader_;
  std::vector<Setting> settings_;
};

// Keys of a declaration's Proxies under the names that the payload has for them, so that both give one policy.
std::string payload_name(std::string_view declared) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"AutoConfigEnable", "ProxyAutoConfigEnable"},
      {"AutoConfigURLString", "ProxyAutoConfigURLString"},
      {"AutoDiscoveryEnable", "ProxyAutoDiscoveryEnable"},
      {"Protocol.HTTP.Enable", "HTTPEnable"},
      {"Protocol.HTTP.HostName", "HTTPProxy"},
      {"Protocol.HTTP.Port", "HTTPPort"},
      {"Protocol.HTTPS.Enable", "HTTPSEnable"},
      {"Protocol.HTTPS.HostName", "HTTPSProxy"},
      {"Protocol.HTTPS.Port", "HTTPSPort"},
  };
  for (const auto& [from, to] : names) {
    if (from == declared) return std::string(to);
  }
  return std::string(declared);
}

// Proxies are switched by 0 and 1 in payloads and by booleans in declarations.
void settle_flags(std::vector<Setting>& settings) {
  for (Setting& setting : settings) {
    if (setting.value == "true") setting.value = "1";
    if (setting.value == "false") setting.value = "0";
  }
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    visit(ascii::trimmed(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// wg-quick(8): "Endpoint = host:port" in each [Peer].
void add_wireguard(std::string_view text, std::vector<std::string_view>& out) {
  each_line(text, [&](std::string_view line) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos ||
        !ascii::equal_without_case(ascii::trimmed(line.substr(0, equals)), "Endpoint"))
      return;
    out.push_back(ascii::trimmed(line.substr(equals + 1)));
  });
}

// openvpn(8): "remote host [port] [protocol]"; as a key of its own the word "remote" is not repeated.
void add_openvpn(std::string_view text, bool is_remote, std::vector<std::string_view>& out) {
  each_line(text, [&](std::string_view line) {
    std::string_view rest = line;
    if (!is_remote) {
      if (!rest.starts_with("remote ") && !rest.starts_with("remote\t")) return;
      rest = ascii::trimmed(rest.substr(7));
    }
    const std::string_view host = rest.substr(0, rest.find_first_of(" \t"));
    if (!host.empty()) out.push_back(host);
  });
}

}  // namespace

std::vector<Setting> flatten(Reader& reader, Dict dict, std::string_view prefix) {
  if (!dict) return {};
  Flattener flattener(reader);
  flattener.members(*dict.value, std::string(prefix));
  return flattener.take();
}

std::vector<Setting> read_proxies(Reader& reader, Dict payload) {
  auto settings = flatten(reader, reader.dict(payload, "Proxies"));
  settle_flags(settings);
  return settings;
}

std::vector<Setting> read_declared_proxies(Reader& reader, Dict payload, Identities& identities) {
  const Dict dict = reader.dict(payload, "Proxies");
  auto settings = flatten(reader, dict);
  settle_flags(settings);
  for (Setting& setting : settings) setting.key = payload_name(setting.key);
  const auto account = identities.credentials(reader, reader.dict(dict, "Protocol"), "CredentialsAssetReference");
  if (!account.user.empty()) settings.push_back({"HTTPProxyUsername", std::string(account.user), none});
  if (account.password != none) settings.push_back({"HTTPProxyPassword", {}, account.password});
  // The reference stays only where the device has to fetch what it names.
  if (account.asset == none) {
    std::erase_if(settings, [](const Setting& s) { return s.key == "Protocol.CredentialsAssetReference"; });
  }
  return settings;
}

std::vector<std::string_view> read_endpoints(Reader& reader, Dict vendor_config, std::uint8_t provider) {
  std::vector<std::string_view> out;
  const auto kind = static_cast<policy::fb::Provider>(provider);
  if (!vendor_config) return out;
  if (kind == policy::fb::Provider::wireguard) add_wireguard(reader.text(vendor_config, "WgQuickConfig"), out);
  if (kind != policy::fb::Provider::openvpn) return out;
  for (const document::Member& member : vendor_config.value->dictionary()) {
    if (!member.value.is(Type::string)) continue;
    const bool is_remote = member.key == "remote" || member.key.starts_with("remote.");
    add_openvpn(member.value.string(), is_remote, out);
  }
  return out;
}

}  // namespace vpn::model
