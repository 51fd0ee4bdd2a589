#include <openssl/evp.h>

#include <memory>

#include "policy/file_header.h"

namespace vpn::policy {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetching an algorithm costs more than hashing a small policy, so it is done once for the whole process.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

template <class T>
const unsigned char* octets(const T* data) {
  return reinterpret_cast<const unsigned char*>(data);
}

}  // namespace

bool sha256(std::span<const std::byte> bytes, Digest& digest) {
  unsigned size = 0;
  return sha256_algorithm() != nullptr &&
         EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, sha256_algorithm(), nullptr) == 1 &&
         size == digest.size();
}

Result<void> check_signature(const FileHeader& header, const Digest& public_key) {
  constexpr const char* where = "offset 128";
  if (!header.shown.is_signed) {
    return fail(ErrorKind::invalid_input, "the policy is not signed, but a key to check it with was given", where,
                "compile it with --sign-key, or do not ask for a signature");
  }
  Digest id{};
  if (!sha256(std::as_bytes(std::span(public_key)), id) || id != header.shown.key_id) {
    return fail(ErrorKind::invalid_input, "the policy is signed with another key than the one given", where,
                "give the key that belongs to it");
  }
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const auto text = signed_part(header);
  if (!key || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestVerify(context.get(), header.signature.data(), header.signature.size(), octets(text.data()),
                       text.size()) != 1) {
    return fail(ErrorKind::invalid_input, "the signature does not belong to this policy", where,
                "do not use the file: it was damaged or changed");
  }
  return {};
}

}  // namespace vpn::policy
