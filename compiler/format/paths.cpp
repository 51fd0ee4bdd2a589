#include "compiler/format/paths.h"

#include <filesystem>

#include "compiler/format/terminal.h"

namespace vpn::format {

std::string relative_name(std::string_view name, std::string_view base) {
  if (name.empty() || name.front() == '<') return std::string(name);
  namespace fs = std::filesystem;
  const fs::path root = fs::path(base).lexically_normal();
  const fs::path absolute = (root / fs::path(name)).lexically_normal();
  const fs::path relative = absolute.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") return absolute.string();
  return relative.string();
}

std::string percent_encoded(std::string_view path) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : path) {
    if (plain.find(c) != std::string_view::npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result.append(1, '%').append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
  }
  return result;
}

std::string uri(std::string_view name, std::string_view base) {
  std::string path = relative_name(name, base);
  if (path.starts_with('<')) path = "stdin";
  return (path.starts_with('/') ? "file://" : "") + percent_encoded(path);
}

}  // namespace vpn::format
