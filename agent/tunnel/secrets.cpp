#include "agent/tunnel/secrets.h"

#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "agent/tunnel/openssl.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;
using Bytes = WipedBytes;

constexpr std::size_t largest_file = std::size_t{64} << 20;

void wipe(std::string& text) { OPENSSL_cleanse(text.data(), text.size()); }

tl::unexpected<Error> bad_secret(const std::string& where, std::string what) {
  return fail(ErrorKind::invalid_input, std::move(what), where, "compile the policy again, and bring both files");
}

// Of an owner that others cannot become, and closed to everybody else.
Result<std::string> read_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0)
    return fail(ErrorKind::unreadable, std::string("cannot open the secrets: ") + std::strerror(errno), path);
  struct stat s {};
  std::string text;
  const bool known = ::fstat(file, &s) == 0 && S_ISREG(s.st_mode) && std::cmp_less_equal(s.st_size, largest_file);
  const bool closed = known && (s.st_mode & 077) == 0 && (s.st_uid == 0 || s.st_uid == ::geteuid());
  if (closed) {
    text.resize(static_cast<std::size_t>(s.st_size));
    std::size_t got = 0;
    while (got < text.size()) {
      const ssize_t n = ::read(file, text.data() + got, text.size() - got);
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    text.resize(got);
  }
  ::close(file);
  if (!known) return fail(ErrorKind::unreadable, "the secrets are no regular file of at most 64 MB", path);
  if (!closed) {
    return fail(ErrorKind::unreadable, "others than root can read or change the secrets", path,
                "chown root FILE; chmod 600 FILE");
  }
  return text;
}

Owned<BIO> open_file(const std::string& path) { return Owned<BIO>(BIO_new_file(path.c_str(), "rb")); }
int no_passphrase(char*, int, int, void*) { return -1; }

Result<std::string> unseal(std::span<const std::uint8_t> sealed, const SecretSources& sources) {
  const Owned<BIO> certificate_file = open_file(sources.certificate);
  const Owned<BIO> key_file = open_file(sources.key);
  const Owned<X509> certificate(certificate_file ? PEM_read_bio_X509(certificate_file.get(), nullptr, nullptr, nullptr)
                                                 : nullptr);
  const Owned<EVP_PKEY> key(key_file ? PEM_read_bio_PrivateKey(key_file.get(), nullptr, no_passphrase, nullptr)
                                     : nullptr);
  ERR_clear_error();
  if (!certificate) {
    return fail(ErrorKind::unreadable, "there is no certificate to unseal the secrets with", sources.certificate,
                "name the device's certificate and key (PEM) in the configuration");
  }
  if (!key) return fail(ErrorKind::unreadable, "there is no private key to unseal the secrets with", sources.key);
  const unsigned char* data = sealed.data();
  const Owned<CMS_ContentInfo> cms(d2i_CMS_ContentInfo(nullptr, &data, static_cast<long>(sealed.size())));
  const Owned<BIO> plain(BIO_new(BIO_s_secmem()));
  const bool done =
      cms && plain && CMS_decrypt(cms.get(), key.get(), certificate.get(), nullptr, plain.get(), CMS_BINARY) == 1;
  ERR_clear_error();
  if (!done) {
    return fail(ErrorKind::invalid_input, "the secrets cannot be unsealed", sources.certificate,
                "they were sealed for another certificate; compile with --encrypt-to this one");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(plain.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

bool decode(const std::string& base64, Bytes& out) {
  if (base64.size() % 4 != 0) return false;
  out.resize(base64.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
  if (size < 0) return false;
  const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with("=") ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return true;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

Result<std::vector<Bytes>> parse(const std::string& text, const policy::Policy& policy, const std::string& where,
                                 bool separate) {
  Json tree = Json::parse(text, nullptr, false);
  const auto wipe_tree = [](Json& t) {
    if (!t.is_object() || !t.contains("secrets") || !t["secrets"].is_array()) return;
    for (Json& s : t["secrets"])
      if (s.is_string()) wipe(s.get_ref<std::string&>());
  };
  std::vector<Bytes> out;
  std::string fault;
  if (!tree.is_object() || tree.value("format", Json()) != Json(1) || !tree.contains("secrets") ||
      !tree["secrets"].is_array()) {
    fault = "this is no file of secrets that this version can read";
  } else if (separate && tree.value("policy", Json()) != Json(hex(policy.header().sha256))) {
    fault = "these secrets belong to another policy";
  } else if (tree["secrets"].size() != policy.body().secret_count()) {
    fault = "the policy counts another number of secrets";
  } else {
    for (const Json& s : tree["secrets"]) {
      if (!s.is_string() || !decode(s.get_ref<const std::string&>(), out.emplace_back()))
        fault = "a secret is no Base64";
    }
  }
  wipe_tree(tree);
  if (!fault.empty()) return bad_secret(where, fault);
  return out;
}

}  // namespace

Result<Secrets> Secrets::read(const policy::Policy& policy, const SecretSources& sources) {
  Secrets out;
  if (policy.body().secret_count() == 0) return out;
  const auto* sealed = policy.body().secrets();
  const bool separate = sealed == nullptr;
  if (separate && sources.file.empty()) {
    return fail(ErrorKind::unreadable, "the policy's secrets are in a file of their own, and none is named", {},
                "name it in the configuration, or compile with --encrypt-to the device's certificate");
  }
  auto text = separate ? read_private(sources.file) : unseal({sealed->data(), sealed->size()}, sources);
  if (!text) return tl::unexpected(text.error());
  auto secrets = parse(*text, policy, separate ? sources.file : "the policy's sealed secrets", separate);
  OPENSSL_cleanse(text->data(), text->size());
  if (!secrets) return tl::unexpected(secrets.error());
  out.secrets_ = std::move(*secrets);
  return out;
}

std::optional<std::span<const std::byte>> Secrets::find(std::uint32_t number) const {
  if (number >= secrets_.size()) return std::nullopt;
  return std::span<const std::byte>(secrets_[number]);
}

}  // namespace vpn::agent
