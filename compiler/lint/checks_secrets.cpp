// VP1506: secrets that everybody who gets the file can read.
#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

constexpr unsigned deepest_vendor_value = 8;

bool holds_private_key(std::string_view text) {
  return text.find("PRIVATE KEY-----") != std::string_view::npos || text.find("PrivateKey") != std::string_view::npos;
}

void note(const Value& value, const Path& path, Span span, Secrets& secrets, unsigned depth) {
  if (depth > deepest_vendor_value || !usable(value)) return;
  if (value.is(Type::dictionary)) {
    for (const Member& member : value.dictionary())
      note(member.value, {&path, member.key}, member.key_span, secrets, depth + 1);
  } else if (value.is(Type::string) && holds_private_key(value.string())) {
    ++secrets.count;
    if (secrets.places.size() < most_secret_places) secrets.places.push_back({span, path.to_string()});
  }
}

}  // namespace

void note_vendor_secrets(Context& context, const Section& payload, Secrets& secrets) {
  const Member* const vendor = payload.find("VendorConfig");
  if (vendor == nullptr || !context.document.envelopes.empty()) return;
  note(vendor->value, {payload.path, vendor->key}, vendor->key_span, secrets, 0);
}

void check_secrets(Context& context, const Secrets& secrets) {
  if (secrets.count == 0) return;
  const Secrets::Place& first = secrets.places.front();
  std::string message = secrets.count == 1
                            ? "a secret stands in the clear in an unsigned profile"
                            : std::to_string(secrets.count) + " secrets stand in the clear in an unsigned profile";
  Finding& f = context.report(Code::secret_in_clear, first.span, std::move(message), nullptr);
  f.path = first.path;
  f.help = "sign and encrypt the profile for the device, or let it get an identity by SCEP or ACME";
  for (std::size_t i = 1; i < secrets.places.size(); ++i) context.relate(f, secrets.places[i].span, "another one");
}

}  // namespace vpn::lint
