#include <openssl/pem.h>

#include "compiler/lower/crypto.h"
#include "compiler/lower/openssl.h"

namespace vpn::lower {
namespace {

// Without a callback of ours OpenSSL would ask for a passphrase on the terminal, which a pipeline does not have.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<OpenSsl<EVP_PKEY>> read_key(const std::string& path) {
  if (is_folder(path)) return fail(ErrorKind::unreadable, "this is a folder, not a file", path);
  const OpenSsl<BIO> file(BIO_new_file(path.c_str(), "rb"));
  if (!file) return fail(ErrorKind::unreadable, "cannot read the signing key: " + openssl_reason(), path);
  bool asked = false;
  OpenSsl<EVP_PKEY> key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, &asked));
  if (!key && asked) {
    ERR_clear_error();
    return fail(ErrorKind::invalid_input, "the signing key is protected by a passphrase", path,
                "give a key without one, readable by this user alone");
  }
  if (!key) {
    return fail(ErrorKind::invalid_input, "there is no private key in the file", path,
                "make one with `openssl genpkey -algorithm ed25519`");
  }
  if (EVP_PKEY_is_a(key.get(), "ED25519") != 1) {
    return fail(ErrorKind::invalid_input, "the signing key is not an Ed25519 key", path,
                "make one with `openssl genpkey -algorithm ed25519`");
  }
  return key;
}

}  // namespace

Result<void> check_signing_key(const std::string& key_path) {
  const auto key = read_key(key_path);
  return key ? Result<void>{} : tl::unexpected(key.error());
}

Result<void> sign(policy::FileHeader& header, const std::string& key_path) {
  auto key = read_key(key_path);
  if (!key) return tl::unexpected(std::move(key.error()));
  policy::Digest raw{};
  std::size_t raw_size = raw.size();
  header.shown.is_signed = true;
  if (EVP_PKEY_get_raw_public_key(key->get(), raw.data(), &raw_size) != 1 || raw_size != raw.size() ||
      !policy::sha256(std::as_bytes(std::span(raw)), header.shown.key_id)) {
    return fail(ErrorKind::environment, "cannot work out the key's identifier: " + openssl_reason(), key_path);
  }
  const auto text = policy::signed_part(header);
  const OpenSsl<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::size_t size = header.signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key->get()) != 1 ||
      EVP_DigestSign(context.get(), header.signature.data(), &size, reinterpret_cast<const unsigned char*>(text.data()),
                     text.size()) != 1 ||
      size != header.signature.size()) {
    return fail(ErrorKind::environment, "cannot sign the policy: " + openssl_reason(), key_path);
  }
  return {};
}

}  // namespace vpn::lower
