#include "compiler/document/envelope.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "compiler/document/decrypt.h"
#include "compiler/document/key_material.h"
#include "policy/ascii.h"

namespace vpn::document {
namespace {

using findings::Code;

/// Each signer costs a public key operation, each digest algorithm a pass over the content.
constexpr int most_signers = 16, most_certificates = 64, most_algorithms = 16;

/// A mail header whose content type is one that CMS uses (RFC 8551).
bool is_smime(std::string_view text) {
  if (text.empty() || (text.front() | 0x20) < 'a' || (text.front() | 0x20) > 'z') return false;
  const std::string head = ascii::lower_case(text.substr(0, 4096));
  const std::size_t type = head.starts_with("content-type:") ? 0 : head.find("\ncontent-type:");
  const std::size_t body = std::min(head.find("\n\n"), head.find("\r\n\r\n"));
  if (type >= body) return false;
  const std::string_view header = std::string_view(head).substr(type, body - type);
  return header.find("pkcs7-mime") != std::string_view::npos ||
         header.find("multipart/signed") != std::string_view::npos;
}

Cms parse(std::string_view bytes, Wrapping wrapping, int flags, Bio& detached) {
  const Bio in = reader_of(bytes);
  BIO* content = nullptr;
  Cms cms;
  switch (wrapping) {
    case Wrapping::der:
      cms.reset(d2i_CMS_bio(in.get(), nullptr));
      break;
    case Wrapping::pem:
      cms.reset(PEM_read_bio_CMS(in.get(), nullptr, no_password, nullptr));
      break;
    default:
      cms.reset(SMIME_read_CMS_ex(in.get(), flags, &content, nullptr));
  }
  detached.reset(content);
  ERR_clear_error();
  return cms;
}

std::string name_of(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()));
  // RFC 2253, but letters beyond ASCII as they are.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return shown(written(out.get()), 256);
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<std::int64_t>(::timegm(&parts));
}

std::string day_of(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts));
}

/// Digest algorithms of SignedData (RFC 5652, 5.1). OpenSSL keeps them to itself, so they are counted in its DER.
int algorithms_of(CMS_ContentInfo* cms) {
  unsigned char* der = nullptr;
  const int size = i2d_CMS_ContentInfo(cms, &der);
  const std::unique_ptr<unsigned char, ReleasesBytes> owner(der);
  const unsigned char* at = der;
  const unsigned char* const end = der + std::max(size, 0);
  long length = 0;
  int tag = 0, kind = 0, count = 0;
  const auto header = [&] { return at < end && (ASN1_get_object(&at, &length, &tag, &kind, end - at) & 0x80) == 0; };
  const auto skip = [&] { return header() ? (at += length, true) : false; };
  // ContentInfo, contentType; [0], SignedData, version; digestAlgorithms.
  if (!header() || !skip() || !header() || !header() || !skip() || !header()) return most_algorithms + 1;
  for (const unsigned char* const stop = at + length; at < stop; ++count)
    if (!skip()) return most_algorithms + 1;
  return count;
}

class Opener {
 public:
  Opener(Context& context, Wrapping wrapping) : context_(context), wrapping_(wrapping) {}
  bool run();

 private:
  bool fail(Code code, std::string message, std::string help = {}) {
    context_.report_file({code, 0, 0, std::move(message), std::move(help)});
    return false;
  }
  bool malformed(std::string message) {
    return fail(Code::malformed_envelope, std::move(message), "sign or export the profile again");
  }
  bool open_signed();
  bool open_encrypted();
  Bio verified(STACK_OF(X509) * trust);
  bool chain_is_trusted(X509* signer, STACK_OF(X509) * trust, std::string& why) const;
  void describe(STACK_OF(X509) * trust);
  bool replace(std::string_view content);

  Context& context_;
  Wrapping wrapping_;
  Cms cms_;
  Bio detached_;
};

bool Opener::run() {
  cms_ = parse(context_.document.source().text(), wrapping_, 0, detached_);
  if (!cms_) {
    return malformed(wrapping_ == Wrapping::der   ? "the CMS envelope is damaged or cut off"
                     : wrapping_ == Wrapping::pem ? "the PEM text holds no CMS (PKCS #7) that can be read"
                                                  : "the S/MIME message holds no CMS that can be read");
  }
  switch (OBJ_obj2nid(CMS_get0_type(cms_.get()))) {
    case NID_pkcs7_signed:
      return open_signed();
    case NID_pkcs7_enveloped:
      return open_encrypted();
    default:
      return malformed("the CMS envelope is neither a signature nor an encryption");
  }
}

bool Opener::replace(std::string_view content) {
  if (content.empty()) return malformed("there is nothing in the envelope");
  context_.document.source().replace_text(std::string(content), false);
  return true;
}

bool Opener::open_signed() {
  const STACK_OF(CMS_SignerInfo)* const signers = CMS_get0_SignerInfos(cms_.get());
  const Certificates certificates(CMS_get1_certs(cms_.get()));
  if (sk_CMS_SignerInfo_num(signers) <= 0) return malformed("the CMS envelope has no signer");
  if (sk_CMS_SignerInfo_num(signers) > most_signers || sk_X509_num(certificates.get()) > most_certificates ||
      algorithms_of(cms_.get()) > most_algorithms) {
    context_.report_file(beyond("the signature has too many signers, certificates or algorithms", most_signers, 0, 0));
    return false;
  }
  ASN1_OCTET_STRING** const embedded = CMS_get0_content(cms_.get());
  const bool has_content = detached_ || (embedded != nullptr && *embedded != nullptr);
  if (!has_content) return malformed("the signature is detached: the profile itself is not in the file");
  auto trust = read_certificates(context_.options.trust);
  if (!trust) {
    fail(Code::key_material_unreadable, trust.error().what, "give --trust the path of a PEM or DER certificate");
    trust = Certificates(sk_X509_new_null());
  }
  Bio out = verified(trust->get());
  if (!out && detached_) {
    // Mail signs text with CRLF, but some programs sign the bytes as they are.
    cms_ = parse(context_.document.source().text(), wrapping_, CMS_BINARY, detached_);
    if (cms_) out = verified(trust->get());
  }
  if (out) {
    describe(trust->get());
    return replace(written(out.get()));
  }
  const bool unknown_signer = ERR_GET_REASON(ERR_peek_last_error()) == CMS_R_SIGNER_CERTIFICATE_NOT_FOUND;
  ERR_clear_error();
  fail(Code::invalid_signature,
       unknown_signer ? "the signature cannot be checked: the certificate of the signer is not in the file"
                      : "the signature does not match the profile",
       unknown_signer ? "sign it again with the certificate included, or give it with --trust"
                      : "the profile was changed after it was signed; sign it again");
  // What it holds is read all the same: it is judged as unsigned, and the error above stands.
  if (!detached_)
    return replace({reinterpret_cast<const char*>(ASN1_STRING_get0_data(*embedded)),
                    static_cast<std::size_t>(ASN1_STRING_length(*embedded))});
  return false;
}

/// The content, when every signature matches it. The chains are judged apart: here they would have to suit mail.
Bio Opener::verified(STACK_OF(X509) * trust) {
  Bio out(BIO_new(BIO_s_mem()));
  const unsigned flags = CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY;
  if (CMS_verify(cms_.get(), trust, nullptr, detached_.get(), out.get(), flags) == 1) return out;
  return nullptr;
}

/// The chain may end in any of the certificates given, whatever their purpose; the time is judged apart.
bool Opener::chain_is_trusted(X509* signer, STACK_OF(X509) * trust, std::string& why) const {
  const Store store(X509_STORE_new());
  for (int i = 0; i < sk_X509_num(trust); ++i) X509_STORE_add_cert(store.get(), sk_X509_value(trust, i));
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  const Certificates others(CMS_get1_certs(cms_.get()));
  const std::unique_ptr<X509_STORE_CTX, Releases<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
  if (!check || X509_STORE_CTX_init(check.get(), store.get(), signer, others.get()) != 1) return false;
  const bool trusted = X509_verify_cert(check.get()) == 1;
  if (!trusted) why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
  ERR_clear_error();
  return trusted;
}

void Opener::describe(STACK_OF(X509) * trust) {
  const std::int64_t now =
      context_.options.now != 0 ? context_.options.now : static_cast<std::int64_t>(std::time(nullptr));
  const bool check = !context_.options.trust.empty();
  const std::unique_ptr<STACK_OF(X509), ReleasesStack> signers(CMS_get0_signers(cms_.get()));
  for (int i = 0; i < sk_X509_num(signers.get()); ++i) {
    X509* const signer = sk_X509_value(signers.get(), i);
    Envelope e;
    e.signer = name_of(X509_get_subject_name(signer));
    e.issuer = name_of(X509_get_issuer_name(signer));
    e.not_before = seconds_of(X509_get0_notBefore(signer));
    e.not_after = seconds_of(X509_get0_notAfter(signer));
    std::string why;
    e.verified = check && chain_is_trusted(signer, trust, why);
    const std::string who = e.signer.empty() ? "a certificate without a name" : e.signer;
    context_.report_file({Code::signed_profile, 0, 0,
                          "signed by " + who + ", certificate valid until " + day_of(e.not_after) +
                              (e.verified ? ", trusted"
                               : check    ? ", not trusted"
                                          : ", chain not checked"),
                          check ? "" : "give --trust to have the chain checked"});
    if (check && !e.verified)
      fail(Code::untrusted_signer, std::string("the signer ").append(who).append(" is not trusted: ").append(why),
           "give --trust the certificate of the authority that issued it, if you trust that");
    if (now < e.not_before || now > e.not_after)
      fail(Code::signer_expired,
           now > e.not_after ? "the certificate of the signer has expired on " + day_of(e.not_after)
                             : "the certificate of the signer is valid from " + day_of(e.not_before) + " on only",
           "sign the profile again with a current certificate");
    context_.document.envelopes.push_back(std::move(e));
  }
}

bool Opener::open_encrypted() {
  if (!context_.options.decrypt_key)
    return fail(Code::decryption_failed, "the whole file is encrypted", "give --decrypt-key the key that opens it");
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!decrypt(context_, cms_.get(), out.get(), {})) return false;
  Envelope e;
  e.kind = Envelope::Kind::encryption;
  context_.document.envelopes.push_back(std::move(e));
  context_.document.source().wipe_at_end();
  return replace(written(out.get()));
}

}  // namespace

Wrapping wrapping_of(std::string_view bytes) {
  // A SEQUENCE, whose length is indefinite or takes bytes of its own unless it is short and begins with its OID.
  if (bytes.size() > 2 && bytes[0] == '\x30' &&
      ((static_cast<unsigned char>(bytes[1]) & 0x80u) != 0 || bytes[2] == '\x06'))
    return Wrapping::der;
  while (!bytes.empty() && ascii::is_space(bytes.front())) bytes.remove_prefix(1);
  constexpr std::string_view pem[] = {"-----BEGIN CMS-----", "-----BEGIN PKCS7-----",
                                      "-----BEGIN PKCS #7 SIGNED DATA-----"};
  if (std::any_of(std::begin(pem), std::end(pem), [&](std::string_view p) { return bytes.starts_with(p); }))
    return Wrapping::pem;
  return is_smime(bytes) ? Wrapping::smime : Wrapping::none;
}

bool open_envelope(Context& context, Wrapping wrapping) { return Opener(context, wrapping).run(); }

}  // namespace vpn::document
