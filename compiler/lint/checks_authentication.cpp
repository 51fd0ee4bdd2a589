// VP13xx: whether a VPN has what its way of authentication needs; VP1610: an address to connect to.
#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

/// Absent, or an empty string; a placeholder counts as there.
bool lacks(const Section& section, std::string_view key) {
  const Member* const member = section.find(key);
  if (member == nullptr) return find_misspelt(section, key) == nullptr;  // a misspelt one was reported as such
  return usable(member->value) && (member->value.is(Type::string) || member->value.is(Type::data)) &&
         member->value.size == 0;
}

bool has_content(const Section& section, std::string_view key) { return section.has(key) && !lacks(section, key); }

/// The member to underline for what is said about the method, or the section itself.
Finding& at_method(Context& context, Code code, const Section& section, std::string_view key, std::string message) {
  const Member* const member = section.find(key);
  return member != nullptr ? context.at_value(code, section, *member, std::move(message))
                           : context.at_section(code, section, std::move(message));
}

void need_certificate(Context& context, const Section& section, std::string_view method_key, std::string_view key,
                      bool eap) {
  if (!lacks(section, key)) return;
  Finding& f = at_method(context, Code::certificate_missing, section, method_key,
                         "authentication by certificate, but " + quoted(key) + " is missing");
  if (eap) f.severity = Severity::warning;
  f.help = "refer to the identity that the device shows";
}

void need_secret(Context& context, const Section& section, std::string_view method_key, std::string_view key,
                 Severity severity) {
  if (!lacks(section, key)) return;
  Finding& f = at_method(context, Code::shared_secret_missing, section, method_key,
                         "authentication by shared secret, but " + quoted(key) + " is missing");
  f.severity = severity;
}

void need_eap(Context& context, const Section& section, std::string_view method_key, std::string_view eap_key,
              std::string_view secret_key) {
  const bool falls_back = has_content(section, secret_key);
  Finding& f = at_method(
      context, Code::none_without_eap, section, method_key,
      quoted(method_key) + " is None without " + quoted(eap_key) +
          (falls_back ? ", so the shared secret is used" : ", and there is no shared secret to fall back to"));
  if (falls_back) f.severity = Severity::warning;
  f.help = "set " + quoted(eap_key) + ", or say how the device authenticates";
}

void note_unread(Context& context, const Section& section, std::string_view key, std::string why) {
  const Member* const member = section.find(key);
  if (member == nullptr || !usable(member->value) || member->value.size == 0) return;
  context.at_key(Code::key_without_effect, section, *member, quoted(key) + " is not read " + std::move(why));
}

}  // namespace

void check_server(Context& context, const Section& settings, std::string_view key, bool required) {
  const Member* const member = text_member(settings, key);
  if (member == nullptr || member->value.string().find_first_not_of(" \t\r\n") != std::string_view::npos) return;
  Finding& f = context.at_value(Code::empty_server_address, settings, *member,
                                quoted(key) + " is empty: there is nothing to connect to");
  if (!required) f.severity = Severity::warning;
}

void check_ike_authentication(Context& context, const Section& settings) {
  constexpr std::string_view method_key = "AuthenticationMethod", eap_key = "ExtendedAuthEnabled";
  const Member* const local = text_member(settings, "LocalIdentifier");
  if (local != nullptr && local->value.size == 0)
    context.at_value(Code::empty_value, settings, *local, "'LocalIdentifier' is empty").help =
        "servers that choose by identity refuse the client";
  if (is_open(settings, method_key) || is_open(settings, eap_key)) return;
  const std::string_view method = text(settings, method_key);
  const bool eap = is_set(settings, eap_key);
  if (method == "Certificate") {
    need_certificate(context, settings, method_key, "PayloadCertificateUUID", eap);
    note_unread(context, settings, "SharedSecret", "with 'AuthenticationMethod' Certificate");
  } else if (method == "SharedSecret") {
    need_secret(context, settings, method_key, "SharedSecret", Severity::error);
    if (!eap) note_unread(context, settings, "PayloadCertificateUUID", "with 'AuthenticationMethod' SharedSecret");
  } else if (method == "None" && !eap) {
    need_eap(context, settings, method_key, eap_key, "SharedSecret");
  }
  if (!eap && !method.empty()) note_unread(context, settings, "AuthPassword", "without 'ExtendedAuthEnabled'");
  note_unread(context, settings, "Password", "under IKEv2; 'AuthPassword' is");
}

void check_ipsec_authentication(Context& context, const Section& settings) {
  constexpr std::string_view method_key = "AuthenticationMethod";
  if (is_open(settings, method_key)) return;
  if (text(settings, method_key) == "Certificate") {
    need_certificate(context, settings, method_key, "PayloadCertificateUUID", false);
    note_unread(context, settings, "SharedSecret", "with 'AuthenticationMethod' Certificate");
    return;
  }
  const Member* const group = text_member(settings, "LocalIdentifier");
  const std::string_view name = group == nullptr ? std::string_view() : group->value.string();
  if (name.ends_with("hybrid") || name.ends_with("[hybrid]")) return;
  need_secret(context, settings, method_key, "SharedSecret", Severity::warning);
  if (name.empty()) return;
  Finding& f = context.at_value(
      Code::group_secret, settings, *group,
      "whoever listens can find out the secret of the group " + quoted(name) + ": it takes aggressive mode");
  f.help = "authenticate by certificates or hybrid, or use IKEv2";
}

void check_plugin_authentication(Context& context, const Section& settings) {
  const std::string_view method = text(settings, "AuthenticationMethod");
  if (method.find("Certificate") != std::string_view::npos)
    need_certificate(context, settings, "AuthenticationMethod", "PayloadCertificateUUID", false);
}

void check_declared_authentication(Context& context, const Section& authentication) {
  if (!authentication || is_open(authentication, "Method")) return;
  Path path;
  const Section extended = child(authentication, "ExtendedAuth", path);
  if (is_open(extended, "Enabled")) return;
  const bool eap = is_set(extended, "Enabled");
  const std::string_view method = text(authentication, "Method");
  if (method.find("Certificate") != std::string_view::npos)
    need_certificate(context, authentication, "Method", "IdentityAssetReference", eap);
  if (method == "SharedSecret")
    need_secret(context, authentication, "Method", "CredentialsAssetReference", Severity::error);
  if (method == "None" && !eap)
    need_eap(context, authentication, "Method", "ExtendedAuth", "CredentialsAssetReference");
}

}  // namespace vpn::lint
