#include "compiler/format/fingerprint.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "policy/ascii.h"

namespace vpn::format {
namespace {

constexpr std::size_t longest_text = 1024;  // of the underlined text: a whole payload says no more than its start

std::string without_indexes(std::string_view path) {
  std::string result;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) result += c;
    if (c == ']') inside = false;
  }
  return result;
}

std::string collapsed(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, longest_text)) {
    if (!ascii::is_space(c)) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  return result;
}

}  // namespace

std::string hex_digest(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) return {};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < 16; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

std::string Fingerprints::of(const findings::Finding& finding, std::string_view file) {
  std::string text(findings::info(finding.code).id);
  text.append(1, '\0').append(file).append(1, '\0').append(without_indexes(finding.path)).append(1, '\0');
  if (finding.source != nullptr && finding.span.known()) {
    const std::string_view all = finding.source->text();
    const std::size_t begin = std::min<std::size_t>(finding.span.begin, all.size());
    const std::size_t end = std::clamp<std::size_t>(finding.span.end, begin, all.size());
    if (!secrets_.overlap(*finding.source, finding.span)) text += collapsed(all.substr(begin, end - begin));
  }
  const unsigned before = seen_[text]++;
  return hex_digest(text.append(1, '\0').append(std::to_string(before)));
}

}  // namespace vpn::format
