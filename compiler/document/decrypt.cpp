#include "compiler/document/decrypt.h"

#include <openssl/err.h>

#include <algorithm>

#include "compiler/document/key_material.h"

namespace vpn::document {
namespace {

using findings::Code;

/// Each recipient costs a private key operation.
constexpr int most_recipients = 64;
constexpr std::string_view encrypted_key = "EncryptedPayloadContent", plain_key = "PayloadContent";

void report(Context& context, Code code, Span place, std::string message, std::string help) {
  Fault fault{code, 0, 0, std::move(message), std::move(help)};
  if (!place.known()) {
    context.report_file(fault);
    return;
  }
  fault.begin = place.begin;
  fault.end = place.end;
  context.report(fault, std::string(encrypted_key));
}

/// The decrypted property list; its bytes and values live in the arena, which is wiped. Nothing: a finding says why.
std::optional<Value> read_decrypted(Context& context, std::string_view plain) {
  context.document.wipe_at_end();
  Context inner{context.document, context.options, context.findings};
  inner.positions = false;
  inner.is_secret = true;
  inner.where = "in EncryptedPayloadContent: ";
  const std::string_view text = context.document.keep(plain);
  auto value = text.starts_with("bplist") ? read_binary(inner, text) : read_xml(inner, text);
  if (!value) return std::nullopt;
  if (const Member* const payloads = value->find(plain_key)) *value = payloads->value;
  if (value->is(Type::array)) return value;
  inner.report_file({Code::decryption_failed, 0, 0, "the root is not an array of payloads"});
  return std::nullopt;
}

Value with_payloads(Document& document, const Value& root, const Value& payloads) {
  auto* const members = document.allocate_array<Member>(root.size);
  Value out = root;
  out.members = members;
  out.size = 0;
  for (const Member& m : root.dictionary()) {
    if (m.key == plain_key) continue;
    members[out.size] = m;
    if (m.key == encrypted_key) {
      members[out.size].key = plain_key;
      members[out.size].value = payloads;
    }
    ++out.size;
  }
  return out;
}

}  // namespace

bool decrypt(Context& context, CMS_ContentInfo* cms, BIO* out, Span place) {
  const auto fail = [&](Code code, std::string message, std::string help) {
    report(context, code, place, std::move(message), std::move(help));
    return false;
  };
  if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped)
    return fail(Code::malformed_envelope, "the encrypted content is not CMS EnvelopedData",
                "encrypt the profile again");
  if (sk_CMS_RecipientInfo_num(CMS_get0_RecipientInfos(cms)) > most_recipients)
    return fail(Code::limit_exceeded, "the encrypted content has too many recipients (the limit is 64)", {});
  const auto identity = read_identity(*context.options.decrypt_key);
  if (!identity)
    return fail(Code::key_material_unreadable, identity.error().what,
                "give --decrypt-key the path of a private key without password");
  // The flag is for those who decrypt for others and must not tell them which step failed. Here the user has the key.
  const bool done = CMS_decrypt(cms, identity->key.get(), identity->certificate.get(), nullptr, out,
                                CMS_BINARY | CMS_DEBUG_DECRYPT) == 1;
  ERR_clear_error();
  return done || fail(Code::decryption_failed, "the key given does not open the encrypted content",
                      "it may be meant for another device, or be damaged");
}

Value open_encrypted_content(Context& context, const Value& root) {
  const Member* const encrypted = root.find(encrypted_key);
  if (encrypted == nullptr || !encrypted->value.is(Type::data) || encrypted->value.faulty) return root;
  const Value& value = encrypted->value;
  if (!context.options.decrypt_key) {
    report(context, Code::encrypted_content_not_judged, value.span, "the payloads are encrypted and cannot be judged",
           "give --decrypt-key the key that opens them");
    return root;
  }
  const auto* at = value.bytes;
  const Cms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(value.size)));
  ERR_clear_error();
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!cms) {
    report(context, Code::malformed_envelope, value.span, "the encrypted content is damaged",
           "encrypt the profile again");
    return root;
  }
  if (!decrypt(context, cms.get(), out.get(), value.span)) return root;
  Envelope envelope;
  envelope.kind = Envelope::Kind::encryption;
  context.document.envelopes.push_back(std::move(envelope));
  const auto payloads = read_decrypted(context, written(out.get()));
  return payloads ? with_payloads(context.document, root, *payloads) : root;
}

}  // namespace vpn::document
