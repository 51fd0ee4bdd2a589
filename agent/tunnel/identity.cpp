#include "agent/tunnel/identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <limits>
#include <memory>

#include "agent/tunnel/openssl.h"
#include "policy/types.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

namespace fb = policy::fb;

std::string reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string out = text == nullptr ? "no reason given" : text;
  ERR_clear_error();
  return out;
}

Der der_of(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  const auto view = std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)));
  Der out(view.begin(), view.end());
  OPENSSL_free(bytes);
  return out;
}

WipedBytes pkcs8_of(const EVP_PKEY* key) {
  const Owned<PKCS8_PRIV_KEY_INFO> info(EVP_PKEY2PKCS8(key));
  unsigned char* bytes = nullptr;
  const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &bytes) : 0;
  if (size <= 0) return {};
  WipedBytes out = wiped(std::as_bytes(std::span(bytes, static_cast<std::size_t>(size))));
  OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
  return out;
}

KeyKind kind_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return KeyKind::rsa;
    case EVP_PKEY_EC:
      break;
    default:
      return KeyKind::other;
  }
  switch (EVP_PKEY_get_bits(key)) {
    case 256:
      return KeyKind::ecdsa256;
    case 384:
      return KeyKind::ecdsa384;
    case 521:
      return KeyKind::ecdsa521;
    default:
      return KeyKind::other;
  }
}

std::string common_name_of(const X509* certificate) {
  std::array<char, 256> text{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text.data(),
                                             static_cast<int>(text.size()));
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

bool add_authority(X509* certificate, std::vector<Authority>& out) {
  if (X509_check_ca(certificate) != 1) return false;
  out.push_back({der_of(certificate), common_name_of(certificate)});
  return true;
}

tl::unexpected<Error> unusable(const fb::Identity& identity, std::string what, std::string help = {}) {
  return fail(ErrorKind::invalid_input, std::move(what), identity.uuid()->str(), std::move(help));
}

/// RC2 and other ciphers of old containers, beside the usual ones; for one container only.
struct LegacyCiphers {
  LegacyCiphers() : context(OSSL_LIB_CTX_new()) {
    common = OSSL_PROVIDER_load(context, "default");
    legacy = OSSL_PROVIDER_load(context, "legacy");
  }
  ~LegacyCiphers() {
    if (legacy != nullptr) OSSL_PROVIDER_unload(legacy);
    if (common != nullptr) OSSL_PROVIDER_unload(common);
    OSSL_LIB_CTX_free(context);
  }
  LegacyCiphers(const LegacyCiphers&) = delete;
  LegacyCiphers& operator=(const LegacyCiphers&) = delete;
  OSSL_LIB_CTX* context;
  OSSL_PROVIDER *common = nullptr, *legacy = nullptr;
};

struct Opened {
  std::unique_ptr<LegacyCiphers> ciphers;  ///< outlives what was made with it
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
  Owned<STACK_OF(X509)> others;
};

// Whether it could be opened with these ciphers.
bool open_container(std::span<const std::byte> container, const char* password, Opened& out) {
  PKCS12* target = out.ciphers ? PKCS12_init_ex(NID_pkcs7_data, out.ciphers->context, nullptr) : nullptr;
  const auto* bytes = reinterpret_cast<const unsigned char*>(container.data());
  const Owned<PKCS12> file(
      d2i_PKCS12(target == nullptr ? nullptr : &target, &bytes, static_cast<long>(container.size())));
  if (!file) return false;
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  const int parsed = PKCS12_parse(file.get(), password, &key, &certificate, &others);
  out.key.reset(key);
  out.certificate.reset(certificate);
  out.others.reset(others);
  return parsed == 1;
}

Result<Opened> take_apart(const fb::Identity& identity, std::span<const std::byte> container, const char* password) {
  Opened out;
  if (!open_container(container, password, out)) {
    const std::string first = reason();
    out.ciphers = std::make_unique<LegacyCiphers>();
    if (!open_container(container, password, out)) {
      ERR_clear_error();
      return unusable(identity, "the identity's PKCS#12 container cannot be opened: " + first,
                      "is its password right?");
    }
  }
  if (!out.key || !out.certificate)
    return unusable(identity, "the identity's container holds no key with its certificate");
  return out;
}

}  // namespace

Result<DeviceIdentity> open_identity(const fb::Identity& identity, const FindSecret& secrets) {
  const std::string kind = identity.kind()->str();
  if (identity.secret() == policy::none) {
    return unusable(identity, "the identity is of kind " + kind + ": its key is not on this device yet",
                    "give it as a PKCS#12 payload");
  }
  const auto container = secrets(identity.secret());
  if (!container || container->size() > static_cast<std::size_t>(std::numeric_limits<long>::max())) {
    return unusable(identity, "the identity's container is not among the secrets");
  }
  WipedBytes password;
  if (identity.password() != policy::none) {
    const auto found = secrets(identity.password());
    if (!found) return unusable(identity, "the identity's password is not among the secrets");
    password = wiped(*found);
  }
  password.push_back(std::byte{0});
  auto opened = take_apart(identity, *container, reinterpret_cast<const char*>(password.data()));
  if (!opened) return tl::unexpected(std::move(opened.error()));
  DeviceIdentity out{pkcs8_of(opened->key.get()), kind_of(opened->key.get()), der_of(opened->certificate.get()), {}};
  if (out.key.empty() || out.certificate.empty())
    return unusable(identity, "the identity cannot be written for charon: " + reason());
  for (int i = 0; i < sk_X509_num(opened->others.get()); ++i) {
    out.others.push_back(der_of(sk_X509_value(opened->others.get(), i)));
  }
  return out;
}

namespace {

Owned<BIO> reader_of(std::span<const std::byte> bytes) {
  return Owned<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

int nobody_to_ask(char*, int, int, void*) { return -1; }

// The key, the certificate that fits it, and the others in their order.
Opened read_pem(std::span<const std::byte> text) {
  Opened out;
  const Owned<BIO> keys = reader_of(text), certificates = reader_of(text);
  if (keys) out.key.reset(PEM_read_bio_PrivateKey(keys.get(), nullptr, nobody_to_ask, nullptr));
  out.others.reset(sk_X509_new_null());
  while (certificates && out.key && out.others && sk_X509_num(out.others.get()) < 32) {
    Owned<X509> one(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    if (!out.certificate && X509_check_private_key(one.get(), out.key.get()) == 1) {
      out.certificate = std::move(one);
    } else if (sk_X509_push(out.others.get(), one.get()) > 0) {
      static_cast<void>(one.release());
    }
  }
  ERR_clear_error();
  return out;
}

}  // namespace

Result<DeviceIdentity> read_enrolled(std::span<const std::byte> output) {
  const auto refused = [](const char* what) { return fail(ErrorKind::invalid_input, what, "the enrolment program"); };
  if (output.empty() || output.size() > std::size_t{1} << 20) return refused("it gives no identity");
  Opened opened;
  if (text_of(output).find("-----BEGIN ") != std::string_view::npos) {
    opened = read_pem(output);
  } else {
    static_cast<void>(open_container(output, "", opened));
    ERR_clear_error();
  }
  if (!opened.key || !opened.certificate || X509_check_private_key(opened.certificate.get(), opened.key.get()) != 1) {
    ERR_clear_error();
    return refused("it gives no private key with its certificate, as PEM or as PKCS#12 without a password");
  }
  DeviceIdentity out{pkcs8_of(opened.key.get()), kind_of(opened.key.get()), der_of(opened.certificate.get()), {}};
  for (int i = 0; opened.others && i < sk_X509_num(opened.others.get()); ++i)
    out.others.push_back(der_of(sk_X509_value(opened.others.get(), i)));
  if (out.key.empty() || out.certificate.empty()) return refused("its identity cannot be written");
  return out;
}

bool has_expired(std::span<const std::byte> certificate) {
  const auto* at = reinterpret_cast<const unsigned char*>(certificate.data());
  const Owned<X509> one(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  ERR_clear_error();
  return !one || X509_cmp_current_time(X509_get0_notAfter(one.get())) <= 0;
}

std::vector<Authority> authorities(const fb::Policy& policy) {
  std::vector<Authority> out;
  if (policy.identities() == nullptr) return out;
  for (const fb::Identity* identity : *policy.identities()) {
    const auto* der = identity->certificate();
    // A container's own certificates, or those of an enrolment, prove who the device is; they make nobody trusted.
    if (der == nullptr || identity->secret() != policy::none) continue;
    const unsigned char* bytes = der->data();
    const Owned<X509> certificate(d2i_X509(nullptr, &bytes, static_cast<long>(der->size())));
    if (certificate) add_authority(certificate.get(), out);
  }
  ERR_clear_error();
  return out;
}

Result<std::vector<Authority>> authorities(const std::string& path) {
  const Owned<BIO> file(BIO_new_file(path.c_str(), "r"));
  if (!file) return fail(ErrorKind::unreadable, "cannot read the system's certificate authorities: " + reason(), path);
  std::vector<Authority> out;
  while (true) {
    const Owned<X509> certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    add_authority(certificate.get(), out);
  }
  ERR_clear_error();  // of the end of the file
  return out;
}

namespace {

template <class Bytes>
Bytes content_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  const auto* begin = reinterpret_cast<const typename Bytes::value_type*>(text);
  return size <= 0 ? Bytes() : Bytes(begin, begin + size);
}

}  // namespace

Result<WipedBytes> pem_of_key(std::span<const std::byte> pkcs8) {
  const auto* at = reinterpret_cast<const unsigned char*>(pkcs8.data());
  const Owned<PKCS8_PRIV_KEY_INFO> info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(pkcs8.size())));
  const Owned<BIO> bio(BIO_new(BIO_s_secmem()));
  if (!info || !bio || PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio.get(), info.get()) != 1)
    return fail(ErrorKind::invalid_input, "the identity's key cannot be written");
  return content_of<WipedBytes>(bio.get());
}

std::string pem_of_certificate(std::span<const std::byte> der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Owned<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (!certificate || !bio || PEM_write_bio_X509(bio.get(), certificate.get()) != 1) return {};
  return content_of<std::string>(bio.get());
}

}  // namespace vpn::agent
