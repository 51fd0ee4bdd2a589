#include "agent/tunnel/names.h"

#include <openssl/evp.h>

#include <array>

#include "policy/ascii.h"

namespace vpn::agent {

std::string short_name(std::string_view kind, std::string_view tunnel_id) {
  const std::string id = ascii::upper_case(tunnel_id);
  std::array<unsigned char, 32> digest{};
  EVP_Digest(id.data(), id.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = std::string(kind) + "-";
  for (std::size_t i = 0; i < 6; ++i) {
    out += digits[digest[i] >> 4];
    out += digits[digest[i] & 15];
  }
  return out;
}

Result<void> plain_folder(const std::string& path) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
  if (!path.empty() && path.front() == '/' && path.find_first_not_of(plain) == std::string::npos) return {};
  return fail(ErrorKind::usage, "the state folder's path has characters that a daemon's settings cannot hold", path);
}

}  // namespace vpn::agent
