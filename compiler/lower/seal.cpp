#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <limits>

#include "compiler/lower/crypto.h"
#include "compiler/lower/lower.h"
#include "compiler/lower/openssl.h"

namespace vpn::lower {
namespace {

Result<OpenSsl<X509>> read_certificate(const std::string& path) {
  if (is_folder(path)) return fail(ErrorKind::unreadable, "this is a folder, not a file", path);
  const OpenSsl<BIO> file(BIO_new_file(path.c_str(), "rb"));
  if (!file) return fail(ErrorKind::unreadable, "cannot read the device's certificate: " + openssl_reason(), path);
  OpenSsl<X509> certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  if (!certificate && BIO_seek(file.get(), 0) == 0) certificate.reset(d2i_X509_bio(file.get(), nullptr));
  if (!certificate) {
    return fail(ErrorKind::invalid_input, "there is no certificate in the file", path,
                "give the device's certificate as PEM or DER");
  }
  ERR_clear_error();  // of the attempt as PEM
  return certificate;
}

// RSA keys get OAEP with SHA-256 (RFC 4056's counterpart for encryption, RFC 3560); PKCS #1 v1.5 is OpenSSL's default.
bool add_recipient(CMS_ContentInfo* cms, X509* certificate) {
  CMS_RecipientInfo* recipient = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
  if (recipient == nullptr) return false;
  EVP_PKEY_CTX* context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  if (context == nullptr || EVP_PKEY_is_a(X509_get0_pubkey(certificate), "RSA") != 1) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

void append_base64(model::Secret& out, std::span<const std::uint8_t> bytes) {
  // In pieces of whole triples, so that the text of a container needs no second large buffer.
  std::array<unsigned char, 4 * 256 + 1> text{};
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), std::size_t{3} * 256));
    const int size = EVP_EncodeBlock(text.data(), piece.data(), static_cast<int>(piece.size()));
    out.append(std::span(text.data(), static_cast<std::size_t>(size)));
    bytes = bytes.subspan(piece.size());
  }
  OPENSSL_cleanse(text.data(), text.size());
}

void append_hex(model::Secret& out, std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const std::uint8_t b : bytes) {
    const std::array<char, 2> pair{digits[b >> 4], digits[b & 15]};
    out.append(std::string_view(pair.data(), pair.size()));
  }
}

}  // namespace

Result<void> check_certificate(const std::string& certificate_path) {
  const auto certificate = read_certificate(certificate_path);
  return certificate ? Result<void>{} : tl::unexpected(certificate.error());
}

Result<void> check_key_material(const Options& options) {
  if (options.sign_key) {
    if (auto ok = check_signing_key(*options.sign_key); !ok) return ok;
  }
  return options.encrypt_to ? check_certificate(*options.encrypt_to) : Result<void>{};
}

Result<std::vector<std::byte>> seal(const model::Secret& text, const std::string& certificate_path) {
  auto certificate = read_certificate(certificate_path);
  if (!certificate) return tl::unexpected(std::move(certificate.error()));
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(ErrorKind::invalid_input, "the secrets are too large to be sealed");
  }
  constexpr unsigned flags = CMS_BINARY | CMS_PARTIAL;
  const OpenSsl<BIO> plain(BIO_new_mem_buf(text.bytes().data(), static_cast<int>(text.size())));
  const OpenSsl<BIO> out(BIO_new(BIO_s_mem()));
  const OpenSsl<CMS_ContentInfo> cms(CMS_encrypt(nullptr, nullptr, EVP_aes_256_gcm(), flags));
  if (!plain || !out || !cms || !add_recipient(cms.get(), certificate->get()) ||
      CMS_final(cms.get(), plain.get(), nullptr, CMS_BINARY) != 1 || i2d_CMS_bio(out.get(), cms.get()) != 1) {
    return fail(ErrorKind::invalid_input, "cannot seal the secrets for this certificate: " + openssl_reason(),
                certificate_path, "give a certificate with an RSA or elliptic-curve key that may be used to encrypt");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  const auto bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

model::Secret secrets_json(const std::vector<model::Secret>& secrets, const policy::Digest* policy) {
  std::size_t size = 128;
  for (const model::Secret& secret : secrets) size += secret.size() * 4 / 3 + 8;
  model::Secret out;
  out.reserve(size);
  out.append(std::string_view("{\"format\": 1"));
  if (policy != nullptr) {
    out.append(std::string_view(", \"policy\": \""));
    append_hex(out, *policy);
    out.append(std::string_view("\""));
  }
  out.append(std::string_view(", \"secrets\": ["));
  bool first = true;
  for (const model::Secret& secret : secrets) {
    out.append(std::string_view(first ? "\"" : ", \""));
    first = false;
    append_base64(out, secret.bytes());
    out.append(std::string_view("\""));
  }
  out.append(std::string_view("]}\n"));
  return out;
}

}  // namespace vpn::lower
