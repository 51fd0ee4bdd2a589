#include <openssl/evp.h>
#include <openssl/sha.h>

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

template <class T>
const unsigned char* octets(const T* data) {
  return reinterpret_cast<const unsigned char*>(data);
}

}  // namespace

// EVP_MD_fetch() reads OpenSSL's configuration, starts its provider and fills its tables of names: 5,300,000
// instructions, as much as all else that a process does to compile a profile. These functions do the same sums without.
// OpenSSL would rather have EVP; its release 3 keeps them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
bool sha256(std::span<const std::byte> bytes, Digest& digest) {
  static_assert(std::tuple_size_v<Digest> == SHA256_DIGEST_LENGTH);
  SHA256_CTX context;
  return SHA256_Init(&context) == 1 && SHA256_Update(&context, bytes.data(), bytes.size()) == 1 &&
         SHA256_Final(digest.data(), &context) == 1;
}
#pragma GCC diagnostic pop

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
