#include <algorithm>
#include <cstring>

#include "policy/file_checker.h"
#include "policy/file_header.h"
#include "policy_checked.h"

namespace vpn::policy {

std::string Where::to_string() const {
  std::string out = parent == nullptr ? std::string{} : parent->to_string();
  if (name[0] != '\0') {
    if (!out.empty()) out += '.';
    out += name;
  }
  if (index != no_index) out += "[" + std::to_string(index) + "]";
  return out;
}

bool valid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* const end = p + text.size();
  while (p < end) {
    std::uint64_t word = 0;
    if (end - p >= 8 && (std::memcpy(&word, p, 8), (word & 0x8080808080808080u) == 0)) {
      p += 8;
      continue;
    }
    const unsigned char lead = *p++;
    if (lead < 0x80) continue;
    // RFC 3629: the second byte's range depends on the first; no overlong forms, no surrogates, nothing above U+10FFFF.
    int more = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (end - p < more || *p < low || *p > high) return false;
    for (int i = 1; i < more; ++i) {
      if ((p[i] & 0xc0) != 0x80) return false;
    }
    p += more;
  }
  return true;
}

bool Checker::fault(const Where& where, std::string what) {
  if (!error_) {
    error_ = Error{ErrorKind::invalid_input, std::move(what), where.to_string(),
                   "compile the policy anew with this vpnprofile"};
  }
  return false;
}

Error Checker::take_error() { return std::move(*error_); }

bool Checker::index(const Where& where, std::uint32_t value, std::uint32_t count, const char* of) {
  if (value < count) return true;
  return fault(where, "the index " + std::to_string(value) + " is beyond the " + std::to_string(count) + " " + of);
}

bool Checker::index_or_none(const Where& where, std::uint32_t value, std::uint32_t count, const char* of) {
  return value == none || index(where, value, count, of);
}

bool Checker::source(const Where& parent, std::uint32_t value, const char* name) {
  return index({&parent, name}, value, size(policy_.sources()), "sources");
}

bool Checker::secret(const Where& parent, std::uint32_t value, const char* name) {
  return index_or_none({&parent, name}, value, policy_.secret_count(), "secrets");
}

bool Checker::identity(const Where& parent, std::uint32_t value, const char* name) {
  return index_or_none({&parent, name}, value, size(policy_.identities()), "identities");
}

bool Checker::text(const Where& parent, const flatbuffers::String* s, const char* name) {
  return valid_utf8(view(s)) || fault({&parent, name}, "the text is not UTF-8");
}

bool Checker::name(const Where& parent, const flatbuffers::String* s, const char* name) {
  if (view(s).empty()) return fault({&parent, name}, "a name is empty");
  return text(parent, s, name);
}

bool Checker::texts(const Where& parent, const Strings* list, const char* name) {
  for (std::uint32_t i = 0; i < size(list); ++i) {
    if (!valid_utf8(view(list->Get(i)))) return fault({&parent, name, i}, "the text is not UTF-8");
  }
  return true;
}

bool Checker::settings(const Where& parent, const Tables<fb::Setting>* list, const char* name) {
  std::string_view before;
  for (std::uint32_t i = 0; i < size(list); ++i) {
    const fb::Setting& setting = *list->Get(i);
    const Where where{&parent, name, i};
    if (!text(where, setting.key(), "key") || !text(where, setting.value(), "value") ||
        !secret(where, setting.secret(), "secret"))
      return false;
    if (setting.secret() != none && setting.value() != nullptr)
      return fault(where, "a secret setting has its value in the clear");
    if (i != 0 && before >= view(setting.key()))
      return fault(where, "the settings are not sorted by key, or one is there twice");
    before = view(setting.key());
  }
  return true;
}

bool Checker::list(const Where& parent, std::uint32_t value, const char* name, fb::ListKind kind, std::uint32_t owner) {
  const Where where{&parent, name};
  if (!index(where, value, size(policy_.domain_lists()), "domain lists")) return false;
  const fb::DomainList& list = *policy_.domain_lists()->Get(value);
  if (list.kind() != kind || list.owner() != owner)
    return fault(where, "the domain list is of another kind or belongs to another VPN");
  return true;
}

bool Checker::sources() {
  const Where all{nullptr, ""};
  if (!texts(all, policy_.files(), "files")) return false;
  for (std::uint32_t i = 0; i < size(policy_.sources()); ++i) {
    const Where where{nullptr, "sources", i};
    const fb::Source& s = *policy_.sources()->Get(i);
    if (!index({&where, "file"}, s.file(), size(policy_.files()), "files") || !text(where, s.path(), "path"))
      return false;
    if ((s.line() == 0) != (s.column() == 0)) return fault(where, "a line without a column, or the reverse");
  }
  return true;
}

bool Checker::domain_lists() {
  for (std::uint32_t i = 0; i < size(policy_.domain_lists()); ++i) {
    const Where where{nullptr, "domain_lists", i};
    const fb::DomainList& list = *policy_.domain_lists()->Get(i);
    if (list.kind() > fb::ListKind::evaluate) return fault({&where, "kind"}, "no kind of domain list has this number");
    const bool of_per_app = list.kind() <= fb::ListKind::associated;
    const Where owner{&where, "owner"};
    if (of_per_app ? !index(owner, list.owner(), size(policy_.per_app()), "per-app VPNs")
                   : !index(owner, list.owner(), size(policy_.tunnels()), "tunnels")) {
      return false;
    }
    if (!source(where, list.source())) return false;
  }
  return true;
}

bool Checker::servers() {
  std::string_view before;
  for (std::uint32_t i = 0; i < size(policy_.servers()); ++i) {
    const Where where{nullptr, "servers", i};
    const std::string_view host = view(policy_.servers()->Get(i));
    if (host.empty() || !valid_utf8(host)) return fault(where, "the name of a server is empty or not UTF-8");
    if (i != 0 && before >= host) return fault(where, "the servers are not sorted, or one is there twice");
    before = host;
  }
  std::pair<std::string_view, std::uint16_t> last;
  for (std::uint32_t i = 0; i < size(policy_.probes()); ++i) {
    const Where where{nullptr, "probes", i};
    const fb::ProbeTarget& probe = *policy_.probes()->Get(i);
    if (!name(where, probe.host(), "host")) return false;
    if (probe.port() == 0) return fault({&where, "port"}, "a probe needs a port");
    const std::pair key{view(probe.host()), probe.port()};
    if (i != 0 && last >= key) return fault(where, "the probes are not sorted, or one is there twice");
    last = key;
  }
  return true;
}

bool Checker::identities() {
  for (std::uint32_t i = 0; i < size(policy_.identities()); ++i) {
    const Where where{nullptr, "identities", i};
    const fb::Identity& identity = *policy_.identities()->Get(i);
    if (!name(where, identity.uuid(), "uuid") || !name(where, identity.kind(), "kind") ||
        !secret(where, identity.secret(), "secret") || !secret(where, identity.password(), "password") ||
        !settings(where, identity.settings(), "settings")) {
      return false;
    }
  }
  return true;
}

bool Checker::secrets() {
  const Where where{nullptr, "secrets"};
  if (size(policy_.secrets()) != 0 && policy_.secret_count() == 0)
    return fault(where, "sealed secrets are there, but none are counted");
  return true;
}

bool Checker::run(AppTable& app_names, DomainTable& domain_names) {
  if (policy_.platform() > static_cast<std::uint8_t>(Platform::linux))
    return fault({nullptr, "platform"}, "no platform has this number");
  if (!text({}, policy_.compiler(), "compiler")) return false;
  used_.assign(size(policy_.tunnels()), false);
  return sources() && domain_lists() && identities() && secrets() && tunnels() && always_on() && per_app() &&
         devices() && used_once() && services() && app_classes() && apps(app_names) && domains(domain_names) &&
         servers();
}

Result<const fb::Policy*> check_body(std::span<const std::byte> body, AppTable& apps, DomainTable& domains) {
  if (reinterpret_cast<std::uintptr_t>(body.data()) % file_alignment != 0) {
    return fail(ErrorKind::invalid_input,
                "the body is not aligned to " + std::to_string(file_alignment) + " bytes in memory");
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(body.data());
  BoundedVerifier verifier(body);
  if (body.size() < 8 || body.size() > largest_body || !checked::VerifyPolicyBuffer(verifier)) {
    return fail(ErrorKind::invalid_input, "the body is not a well-formed FlatBuffer",
                "offset " + std::to_string(header_bytes), "fetch the file again or compile it anew");
  }
  const fb::Policy* policy = fb::GetPolicy(bytes);
  Checker checker(*policy);
  if (!checker.run(apps, domains)) return tl::unexpected(checker.take_error());
  return policy;
}

}  // namespace vpn::policy
