// "file:" URIs (RFC 8089).
#include "compiler/format/paths.h"
#include "compiler/lsp/features.h"
#include "policy/ascii.h"

namespace vpn::lsp {
namespace {

int digit(char c) {
  if (ascii::is_digit(c)) return c - '0';
  return ascii::is_hexadecimal(c) ? ascii::lower(c) - 'a' + 10 : -1;
}

}  // namespace

std::string file_uri(std::string_view path) { return "file://" + format::percent_encoded(path); }

std::string file_path(std::string_view uri) {
  constexpr std::string_view scheme = "file://";
  if (!ascii::equal_without_case(uri.substr(0, scheme.size()), scheme)) return {};
  uri.remove_prefix(scheme.size());
  const auto root = uri.find('/');
  const std::string_view host = uri.substr(0, root);
  if (root == std::string_view::npos || !(host.empty() || ascii::equal_without_case(host, "localhost"))) return {};
  std::string path;
  for (std::size_t at = root; at < uri.size(); ++at) {
    const bool escaped = uri[at] == '%' && at + 2 < uri.size() && digit(uri[at + 1]) >= 0 && digit(uri[at + 2]) >= 0;
    const char c = escaped ? static_cast<char>(digit(uri[at + 1]) * 16 + digit(uri[at + 2])) : uri[at];
    if (c == '\0') return {};
    path += c;
    if (escaped) at += 2;
  }
  return path;
}

}  // namespace vpn::lsp
