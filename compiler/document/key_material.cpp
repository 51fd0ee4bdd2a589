#include "compiler/document/key_material.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <limits>

#include "compiler/document/document.h"

namespace vpn::document {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

/// The file in memory that is wiped when it is freed.
Result<Bio> read_file(const std::string& path) {
  const Bio file(BIO_new_file(path.c_str(), "rb"));
  if (!file) return fail(ErrorKind::unreadable, "cannot read '" + path + "'");
  Bio memory(BIO_new(BIO_s_secmem()));
  std::array<char, 4096> buffer{};
  std::size_t total = 0;
  int n = 0;
  while (memory && (n = BIO_read(file.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0) {
    total += static_cast<std::size_t>(n);
    if (total > largest_file)
      return fail(ErrorKind::invalid_input, "'" + path + "' is too large for a key or certificate");
    BIO_write(memory.get(), buffer.data(), n);
  }
  OPENSSL_cleanse(buffer.data(), buffer.size());
  if (total == 0) return fail(ErrorKind::unreadable, "'" + path + "' is empty, or a folder");
  return memory;
}

}  // namespace

Bio reader_of(std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string_view written(BIO* memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  return size <= 0 ? std::string_view() : std::string_view(bytes, static_cast<std::size_t>(size));
}

int no_password(char*, int, int, void*) { return -1; }

Result<Certificates> read_certificates(const std::vector<std::string>& paths) {
  Certificates all(sk_X509_new_null());
  for (const std::string& path : paths) {
    const auto file = read_file(path);
    if (!file) return tl::unexpected(file.error());
    const std::string_view bytes = written(file->get());
    const int before = sk_X509_num(all.get());
    const Bio pem = reader_of(bytes);
    while (X509* const certificate = PEM_read_bio_X509_AUX(pem.get(), nullptr, no_password, nullptr))
      sk_X509_push(all.get(), certificate);
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    if (sk_X509_num(all.get()) == before)
      if (X509* const certificate = d2i_X509(nullptr, &at, static_cast<long>(bytes.size())))
        sk_X509_push(all.get(), certificate);
    ERR_clear_error();
    if (sk_X509_num(all.get()) == before)
      return fail(ErrorKind::invalid_input, "'" + path + "' holds no certificate (PEM or DER)");
  }
  return all;
}

Result<Identity> read_identity(const std::string& path) {
  const auto file = read_file(path);
  if (!file) return tl::unexpected(file.error());
  const std::string_view bytes = written(file->get());
  Identity identity;
  identity.key.reset(PEM_read_bio_PrivateKey(reader_of(bytes).get(), nullptr, no_password, nullptr));
  if (!identity.key) identity.key.reset(d2i_PrivateKey_bio(reader_of(bytes).get(), nullptr));
  if (!identity.key) {
    const std::unique_ptr<PKCS12, Releases<PKCS12_free>> bag(d2i_PKCS12_bio(reader_of(bytes).get(), nullptr));
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
    if (bag && PKCS12_parse(bag.get(), "", &key, &certificate, nullptr) == 1) {
      identity.key.reset(key);
      identity.certificate.reset(certificate);
    }
  }
  ERR_clear_error();
  if (identity.key) return identity;
  return fail(ErrorKind::invalid_input, "'" + path + "' holds no private key without password (PEM, DER or PKCS#12)");
}

Result<void> check_key_material(const ReadOptions& options) {
  if (const auto trust = read_certificates(options.trust); !trust) return tl::unexpected(trust.error());
  if (!options.decrypt_key) return {};
  if (const auto key = read_identity(*options.decrypt_key); !key) return tl::unexpected(key.error());
  return {};
}

}  // namespace vpn::document
