// VP1507 to VP1511: certificates that are in the profile.
#include <cstdio>
#include <ctime>

#include "compiler/document/scalars.h"
#include "compiler/lint/certificates.h"
#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

constexpr std::int64_t day = 86400;

std::string date_of(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "an unknown date";
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
  return text;
}

void report_validity(Context& context, const Section& section, const Member& member, const Validity& validity) {
  const std::int64_t now = context.options.now;
  const std::int64_t left = validity.not_after - now;
  if (left < 0) {
    context
        .at_key(Code::certificate_expired, section, member, "the certificate expired on " + date_of(validity.not_after))
        .help = "issue a new one";
  } else if (validity.not_before > now) {
    context.at_key(Code::certificate_not_yet_valid, section, member,
                   "the certificate is not valid before " + date_of(validity.not_before));
  } else if (left < std::int64_t{context.options.expiry_days} * day) {
    const std::int64_t days = left / day;
    context
        .at_key(Code::certificate_expires_soon, section, member,
                "the certificate expires on " + date_of(validity.not_after) + ", in " + std::to_string(days) +
                    (days == 1 ? " day" : " days"))
        .help = "issue a new one in time";
  }
}

void report(Context& context, const Section& section, const Member& member, const CertificateReading& reading) {
  switch (reading.fault) {
    case CertificateFault::unreadable:
      context.at_key(Code::certificate_unreadable, section, member, "the data is no certificate, or a damaged one");
      return;
    case CertificateFault::wrong_password:
      context.at_key(Code::wrong_password, section, member, "the password does not open the PKCS#12 container").help =
          "correct it; a device would ask the user";
      return;
    case CertificateFault::not_judged:
      return;
    case CertificateFault::none:
      break;
  }
  for (const Validity& validity : reading.certificates) report_validity(context, section, member, validity);
}

void check_container(Context& context, const Section& section, const Member& content,
                     std::span<const std::uint8_t> bytes) {
  const Member* const password = text_member(section, "Password");
  if (password == nullptr) return report(context, section, content, read_container(bytes, nullptr));
  const std::string text(password->value.string());
  const CertificateReading reading = read_container(bytes, &text);
  report(context, section, reading.fault == CertificateFault::wrong_password ? *password : content, reading);
}

}  // namespace

void check_certificate(Context& context, const Item& item, const Section& payload) {
  if (item.kind != ItemKind::certificate && item.kind != ItemKind::identity) return;
  Path path;
  const bool container = item.type == "com.apple.security.pkcs12" || item.type == "com.apple.asset.credential.identity";
  const Section section = item.is_declaration ? child(payload, "Payload", path) : payload;
  const std::string_view key = !item.is_declaration ? "PayloadContent" : container ? "Identity" : "Certificate";
  const Member* const content = usable_member(section, key);
  if (content == nullptr) return;
  std::span<const std::uint8_t> bytes;
  std::vector<std::uint8_t> decoded;
  if (content->value.is(Type::data)) {
    bytes = content->value.data();
  } else if (content->value.is(Type::string) && item.is_declaration) {
    decoded.resize(content->value.size);
    std::size_t bad = 0;
    const auto size = document::decode_base64(content->value.string(), decoded.data(), bad);
    if (!size) return report(context, section, *content, {CertificateFault::unreadable, {}});
    bytes = std::span<const std::uint8_t>(decoded).first(*size);
  } else {
    return;
  }
  if (container) return check_container(context, section, *content, bytes);
  report(context, section, *content, read_certificates(bytes));
}

}  // namespace vpn::lint
