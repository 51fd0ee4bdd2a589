// VP13xx: what refers to another payload or declaration.
#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

using schema::Reference;

/// An error where the VPN authenticates by this certificate alone, otherwise a warning.
Severity certificate_severity(const Section& section) {
  if (is_set(section, "ExtendedAuthEnabled")) return Severity::warning;
  const std::string_view method = text(section, "AuthenticationMethod");
  if (method.empty()) return Severity::error;
  return method.find("Certificate") != std::string_view::npos ? Severity::error : Severity::warning;
}

/// The severity for an asset of an Authentication dictionary, with its Method and ExtendedAuth.
Severity identity_asset_severity(const Section& section) {
  Path path;
  if (is_set(child(section, "ExtendedAuth", path), "Enabled")) return Severity::warning;
  const std::string_view method = text(section, "Method");
  return method.find("Certificate") != std::string_view::npos ? Severity::error : Severity::warning;
}

void relate_target(Finding& f, const Named& target, std::string message) {
  const Member* const type = target.item->type_member;
  const Span span = type != nullptr ? type->value.span : target.item->dictionary->span;
  f.related.push_back({&target.profile->document->source(), span, std::move(message)});
}

void check_certificate_reference(Context& context, const Profile& profile, const Section& section, const Member& member,
                                 Reference wanted) {
  const std::string_view uuid = member.value.string();
  const Named* const target = profile.names.find(uuid);
  if (target == nullptr) {
    Finding& f = context.at_value(
        Code::dangling_certificate, section, member,
        quoted(member.key) + " refers to " + quoted(uuid) + ", which is in no payload of this profile");
    f.severity = certificate_severity(section);
    f.help = wanted == Reference::identity ? "add the identity (PKCS#12, SCEP or ACME), or correct the UUID"
                                           : "add the certificate, or correct the UUID";
    return;
  }
  const ItemKind kind = target->item->kind;
  if (serves(kind, wanted) || target->item->type.empty()) return;
  std::string what = kind == ItemKind::certificate ? "a certificate without a private key" : "no certificate";
  Finding& f =
      context.at_value(Code::wrong_certificate_kind, section, member,
                       quoted(member.key) + " refers to a payload of type " + quoted(target->item->type) + ", " + what);
  f.severity = certificate_severity(section);
  f.help = "refer to an identity: PKCS#12, SCEP or ACME";
  relate_target(f, *target, "the payload referred to");
}

void check_vpn_reference(Context& context, const Device& device, const Profile& profile, const Section& section,
                         const Member& member) {
  const std::string_view uuid = member.value.string();
  if (device.per_app_vpns.find(uuid) != nullptr) return;
  const Named* const payload = profile.names.find(uuid);
  if (payload != nullptr && payload->item->kind == ItemKind::per_app_vpn) {
    Finding& f = context.at_value(Code::wrong_vpn_reference, section, member,
                                  "'VPNUUID' refers to the 'PayloadUUID' of a per-app VPN, not to its 'VPNUUID'");
    const std::string_view meant = text({payload->item->dictionary, nullptr, {}}, "VPNUUID");
    if (!meant.empty()) f.help = "write " + quoted(meant);
    return relate_target(f, *payload, "the per-app VPN");
  }
  if (payload != nullptr) {
    Finding& f = context.at_value(
        Code::wrong_vpn_reference, section, member,
        "'VPNUUID' refers to a payload of type " + quoted(payload->item->type) + "; only a per-app VPN can be mapped");
    f.help = "make it a payload of type 'com.apple.vpn.managed.applayer'";
    return relate_target(f, *payload, "the payload referred to");
  }
  Finding& f =
      context.at_value(Code::dangling_vpn, section, member, "no per-app VPN has the 'VPNUUID' " + quoted(uuid));
  f.help = "the app would not be governed at all; add the per-app VPN, or correct the UUID";
}

void check_asset_reference(Context& context, const Device& device, const Section& section, const Member& member,
                           Reference wanted) {
  const std::string_view identifier = member.value.string();
  const Named* const target = device.declarations.find(identifier);
  if (target == nullptr) {
    Finding& f = context.at_value(
        Code::dangling_asset, section, member,
        quoted(member.key) + " refers to " + quoted(identifier) + ", which is in none of the files given");
    f.help = "give the asset's declaration as well, or correct the identifier";
    return;
  }
  if (serves(target->item->kind, wanted) || target->item->type.empty()) return;
  Finding& f =
      context.at_value(Code::wrong_asset_kind, section, member,
                       quoted(member.key) + " refers to a declaration of type " + quoted(target->item->type, 80));
  if (wanted == Reference::identity_asset) f.severity = identity_asset_severity(section);
  f.help = wanted == Reference::credential_asset ? "refer to an asset with a user name and password"
                                                 : "refer to an asset with an identity or certificate";
  relate_target(f, *target, "the declaration referred to");
}

}  // namespace

void check_reference(Context& context, const Device& device, const Profile& profile, const Section& section,
                     const Member& member, const schema::Key& key) {
  // Empty references are as absent ones: what needs them says so.
  if (!member.value.is(Type::string) || member.value.size == 0) return;
  switch (key.reference) {
    case Reference::none:
      return;
    case Reference::identity:
    case Reference::certificate:
      return check_certificate_reference(context, profile, section, member, key.reference);
    case Reference::per_app_vpn:
      return check_vpn_reference(context, device, profile, section, member);
    case Reference::identity_asset:
    case Reference::credential_asset:
    case Reference::certificate_asset:
      return check_asset_reference(context, device, section, member, key.reference);
  }
}

}  // namespace vpn::lint
