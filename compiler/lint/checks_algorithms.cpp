// VP15xx: ciphers, integrity checks, groups and TLS versions.
#include <array>

#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

struct Cipher {
  std::string_view name;
  unsigned bits;  ///< of security
  bool weak;
};
constexpr std::array<Cipher, 7> ciphers{{
    {"DES", 56, true},
    {"3DES", 112, true},
    {"AES-128", 128, false},
    {"AES-128-GCM", 128, false},
    {"AES-256", 256, false},
    {"AES-256-GCM", 256, false},
    {"ChaCha20Poly1305", 256, false},
}};
constexpr std::string_view default_cipher = "AES-256";
constexpr std::int64_t least_group = 14;

const Cipher* find_cipher(std::string_view name) {
  for (const Cipher& cipher : ciphers)
    if (cipher.name == name) return &cipher;
  return nullptr;
}

Severity severity(bool error) { return error ? Severity::error : Severity::warning; }

std::string refused_by(AlgorithmRules rules, bool by_always_on) {
  if (rules.strict) return ", and 'EnforceStrictAlgorithmSelection' refuses it";
  return by_always_on && rules.always_on ? ", and always-on tunnels refuse it" : "";
}

void check_association(Context& context, const Section& association, AlgorithmRules rules) {
  if (const Member* const member = text_member(association, "EncryptionAlgorithm")) {
    const Cipher* const cipher = find_cipher(member->value.string());
    if (cipher != nullptr && cipher->weak) {
      Finding& f = context.at_value(Code::weak_cipher, association, *member,
                                    std::string(cipher->name) + " can be broken" + refused_by(rules, false));
      f.severity = severity(rules.strict);
      f.help = "use AES-256-GCM";
    }
  }
  if (const Member* const member = text_member(association, "IntegrityAlgorithm");
      member != nullptr && member->value.string().starts_with("SHA1")) {
    Finding& f = context.at_value(Code::weak_integrity, association, *member,
                                  std::string(member->value.string()) + " is outdated" + refused_by(rules, false));
    f.severity = severity(rules.strict);
    f.help = "use SHA2-256";
  }
  const auto group = integer(association, "DiffieHellmanGroup");
  if (!group || *group >= least_group || *group < 1) return;
  Finding& f =
      context.at_value(Code::weak_group, association, *association.find("DiffieHellmanGroup"),
                       "Diffie-Hellman group " + std::to_string(*group) + " is too weak" + refused_by(rules, true));
  f.severity = severity(rules.strict || rules.always_on);
  f.help = "use group 19 or 14";
}

/// Under strict selection the key that protects the keys must not be the weaker one.
void check_strengths(Context& context, const Section& ike, const Section& child_association) {
  if (!child_association || is_open(ike, "EncryptionAlgorithm")) return;
  const std::string_view name = text(ike, "EncryptionAlgorithm");
  const Cipher* const outer = find_cipher(name.empty() ? default_cipher : name);
  const Cipher* const inner = find_cipher(text(child_association, "EncryptionAlgorithm"));
  // A weak cipher has been reported already.
  if (outer == nullptr || inner == nullptr || outer->weak || outer->bits >= inner->bits) return;
  Finding& f =
      context.at_value(Code::ike_weaker_than_child, child_association, *child_association.find("EncryptionAlgorithm"),
                       "the child's " + std::string(inner->name) + " is stronger than " + std::string(outer->name) +
                           " of the IKE association, which strict selection refuses");
  if (const Member* const member = ike.find("EncryptionAlgorithm"))
    context.relate(f, member->value.span, "the IKE association");
  f.help = "use the same cipher for both";
}

}  // namespace

void check_algorithms(Context& context, const Section& settings, AlgorithmRules rules) {
  if (!settings) return;
  Path ike_path, child_path;
  const Section ike = child(settings, "IKESecurityAssociationParameters", ike_path);
  const Section child_association = child(settings, "ChildSecurityAssociationParameters", child_path);
  if (ike) check_association(context, ike, rules);
  if (child_association) check_association(context, child_association, rules);
  if (rules.strict) check_strengths(context, ike, child_association);
}

void check_tls_versions(Context& context, const Section& settings) {
  if (!settings) return;
  const std::string_view least = text(settings, "TLSMinimumVersion"), most = text(settings, "TLSMaximumVersion");
  if (!least.empty() && !most.empty() && least > most) {
    Finding& f = context.at_value(Code::tls_range_empty, settings, *settings.find("TLSMinimumVersion"),
                                  "'TLSMinimumVersion' is above 'TLSMaximumVersion', so no version is left");
    context.relate(f, settings.find("TLSMaximumVersion")->value.span, "the maximum");
    return;
  }
  for (const std::string_view key : {"TLSMinimumVersion", "TLSMaximumVersion"}) {
    const std::string_view version = text(settings, key);
    if (version != "1.0" && version != "1.1") continue;
    Finding& f = context.at_value(Code::weak_tls, settings, *settings.find(key),
                                  "TLS " + std::string(version) + " is outdated (RFC 8996)");
    f.help = "use 1.2";
  }
}

}  // namespace vpn::lint
