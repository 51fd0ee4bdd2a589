#include "compiler/lint/certificates.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

namespace vpn::lint {
namespace {

/// Tools write 2,048 to 600,000 iterations.
constexpr long most_iterations = 1'000'000;
constexpr int most_certificates = 100;

struct Free {
  void operator()(ASN1_TIME* p) const { ASN1_TIME_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(PKCS12* p) const { PKCS12_free(p); }
  void operator()(PBEPARAM* p) const { PBEPARAM_free(p); }
  void operator()(PBE2PARAM* p) const { PBE2PARAM_free(p); }
  void operator()(PBKDF2PARAM* p) const { PBKDF2PARAM_free(p); }
  void operator()(STACK_OF(PKCS7) * p) const { sk_PKCS7_pop_free(p, PKCS7_free); }
  void operator()(STACK_OF(PKCS12_SAFEBAG) * p) const { sk_PKCS12_SAFEBAG_pop_free(p, PKCS12_SAFEBAG_free); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::optional<std::int64_t> seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&parts));
}

std::optional<Validity> validity_of(const X509* certificate) {
  const auto before = seconds_of(X509_get0_notBefore(certificate));
  const auto after = seconds_of(X509_get0_notAfter(certificate));
  if (!before || !after) return std::nullopt;
  return Validity{*before, *after};
}

/// A place in DER; every step checks that the element lies within its parent.
struct Cursor {
  const unsigned char* at = nullptr;
  const unsigned char* end = nullptr;

  bool header(int& tag, int& form_and_class, long& length, const unsigned char*& content) const {
    content = at;
    const int result = ASN1_get_object(&content, &length, &tag, &form_and_class, end - at);
    return (result & 0x80) == 0 && (result & 1) == 0 && length >= 0 && length <= end - content;
  }
  /// Into a constructed element of the tag.
  bool enter(int wanted, Cursor& inside) {
    int tag = 0, kind = 0;
    long length = 0;
    const unsigned char* content = nullptr;
    if (at >= end || !header(tag, kind, length, content) || tag != wanted) return false;
    inside = {content, content + length};
    at = content + length;
    return true;
  }
  /// Over an element, whatever it is.
  bool skip() {
    int tag = 0, kind = 0;
    long length = 0;
    const unsigned char* content = nullptr;
    if (at >= end || !header(tag, kind, length, content)) return false;
    at = content + length;
    return true;
  }
  bool is_version() const { return at < end && *at == 0xa0; }
};

/// The dates of a certificate (RFC 5280, 4.1) without decoding its key, which costs a hundred times more.
std::optional<Validity> quick_validity(std::span<const std::uint8_t> der) {
  Cursor all{der.data(), der.data() + der.size()}, certificate, body, validity;
  if (!all.enter(V_ASN1_SEQUENCE, certificate) || all.at != all.end) return std::nullopt;
  if (!certificate.enter(V_ASN1_SEQUENCE, body)) return std::nullopt;
  if (body.is_version() && !body.skip()) return std::nullopt;
  for (int i = 0; i < 3; ++i)  // serial number, signature algorithm, issuer
    if (!body.skip()) return std::nullopt;
  if (!body.enter(V_ASN1_SEQUENCE, validity)) return std::nullopt;
  // Subject, key; then the algorithm and the signature: the certificate is whole.
  if (!body.skip() || !body.skip() || !certificate.skip() || !certificate.skip()) return std::nullopt;
  const Owned<ASN1_TIME> before(d2i_ASN1_TIME(nullptr, &validity.at, validity.end - validity.at));
  if (!before) return std::nullopt;
  const Owned<ASN1_TIME> after(d2i_ASN1_TIME(nullptr, &validity.at, validity.end - validity.at));
  const auto from = seconds_of(before.get()), to = seconds_of(after.get());
  if (!from || !to) return std::nullopt;
  return Validity{*from, *to};
}

CertificateReading read_pem(std::span<const std::uint8_t> bytes) {
  CertificateReading reading;
  const Owned<BIO> bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  for (int i = 0; bio && i < most_certificates; ++i) {
    // No password is ever asked for: certificates are not encrypted.
    const Owned<X509> certificate(PEM_read_bio_X509(
        bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
    if (!certificate) break;
    if (const auto validity = validity_of(certificate.get())) reading.certificates.push_back(*validity);
  }
  ERR_clear_error();
  if (reading.certificates.empty()) reading.fault = CertificateFault::unreadable;
  return reading;
}

bool is_reasonable(const ASN1_INTEGER* iterations) {
  if (iterations == nullptr) return true;
  const long count = ASN1_INTEGER_get(iterations);
  return count >= 0 && count <= most_iterations;
}

/// Whether the key derivation of an encrypted part is one that is known, with a bounded number of rounds.
bool is_reasonable(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* oid = nullptr;
  int type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(&oid, &type, &parameter, algorithm);
  if (type != V_ASN1_SEQUENCE) return false;
  const auto* const sequence = static_cast<const ASN1_STRING*>(parameter);
  const unsigned char* at = ASN1_STRING_get0_data(sequence);
  const int length = ASN1_STRING_length(sequence);
  if (OBJ_obj2nid(oid) != NID_pbes2) {
    const Owned<PBEPARAM> parameters(d2i_PBEPARAM(nullptr, &at, length));
    return parameters && is_reasonable(parameters->iter);
  }
  const Owned<PBE2PARAM> parameters(d2i_PBE2PARAM(nullptr, &at, length));
  if (!parameters) return false;
  X509_ALGOR_get0(&oid, &type, &parameter, parameters->keyfunc);
  if (OBJ_obj2nid(oid) != NID_id_pbkdf2 || type != V_ASN1_SEQUENCE) return false;
  const auto* const inner = static_cast<const ASN1_STRING*>(parameter);
  at = ASN1_STRING_get0_data(inner);
  const Owned<PBKDF2PARAM> derivation(d2i_PBKDF2PARAM(nullptr, &at, ASN1_STRING_length(inner)));
  return derivation && is_reasonable(derivation->iter);
}

void read_bags(const STACK_OF(PKCS12_SAFEBAG) * bags, std::vector<Validity>& out) {
  for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && out.size() < most_certificates; ++i) {
    const PKCS12_SAFEBAG* const bag = sk_PKCS12_SAFEBAG_value(bags, i);
    if (PKCS12_SAFEBAG_get_nid(bag) != NID_certBag) continue;
    const Owned<X509> certificate(PKCS12_SAFEBAG_get1_cert(bag));
    if (!certificate) continue;
    if (const auto validity = validity_of(certificate.get())) out.push_back(*validity);
  }
}

CertificateReading read_safes(PKCS12* container, const std::string& password) {
  CertificateReading reading;
  const Owned<STACK_OF(PKCS7)> safes(PKCS12_unpack_authsafes(container));
  if (!safes || sk_PKCS7_num(safes.get()) > 8) return {CertificateFault::unreadable, {}};
  for (int i = 0; i < sk_PKCS7_num(safes.get()); ++i) {
    PKCS7* const safe = sk_PKCS7_value(safes.get(), i);
    Owned<STACK_OF(PKCS12_SAFEBAG)> bags;
    if (PKCS7_type_is_data(safe)) {
      bags.reset(PKCS12_unpack_p7data(safe));
    } else if (PKCS7_type_is_encrypted(safe)) {
      if (!is_reasonable(safe->d.encrypted->enc_data->algorithm)) return {CertificateFault::not_judged, {}};
      bags.reset(PKCS12_unpack_p7encdata(safe, password.c_str(), static_cast<int>(password.size())));
      // An old cipher that this machine does not load is no fault of the container.
      if (!bags) return {CertificateFault::not_judged, {}};
    }
    if (bags) read_bags(bags.get(), reading.certificates);
  }
  return reading;
}

}  // namespace

CertificateReading read_certificates(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find("-----BEGIN") != std::string_view::npos) return read_pem(bytes);
  const auto validity = quick_validity(bytes);
  if (!validity) {
    ERR_clear_error();
    return {CertificateFault::unreadable, {}};
  }
  return {CertificateFault::none, {*validity}};
}

CertificateReading read_container(std::span<const std::uint8_t> bytes, const std::string* password) {
  const unsigned char* at = bytes.data();
  const Owned<PKCS12> container(d2i_PKCS12(nullptr, &at, static_cast<long>(bytes.size())));
  if (!container) {
    ERR_clear_error();
    return {CertificateFault::unreadable, {}};
  }
  if (password == nullptr) return {CertificateFault::not_judged, {}};
  const ASN1_INTEGER* iterations = nullptr;
  PKCS12_get0_mac(nullptr, nullptr, nullptr, &iterations, container.get());
  if (PKCS12_mac_present(container.get()) != 1 || !is_reasonable(iterations)) return {CertificateFault::not_judged, {}};
  CertificateReading reading{CertificateFault::wrong_password, {}};
  if (PKCS12_verify_mac(container.get(), password->c_str(), static_cast<int>(password->size())) == 1)
    reading = read_safes(container.get(), *password);
  ERR_clear_error();
  return reading;
}

}  // namespace vpn::lint
