#include "compiler/report/markup.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <array>
#include <cmath>
#include <cstdio>

#include "compiler/format/terminal.h"

namespace vpn::report {
namespace {

std::string base64(std::span<const unsigned char> bytes) {
  // In pieces: OpenSSL counts in int.
  constexpr std::size_t piece = 3 * (std::size_t{1} << 20);
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::vector<unsigned char> text(piece / 3 * 4 + 1);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto part = bytes.subspan(at, std::min(piece, bytes.size() - at));
    const int size = EVP_EncodeBlock(text.data(), part.data(), static_cast<int>(part.size()));
    out.append(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size));
  }
  return out;
}

/// Width of one character in ems.
double ems(const format::Cell& cell) {
  if (cell.width == 0) return 0;
  if (cell.width > 1) return static_cast<double>(cell.width) * (cell.shown.size() > 4 ? 0.62 : 0.55);
  if (cell.shown.size() != 1) return 0.62;
  const char c = cell.shown[0];
  if (std::string_view("ijlI.,:;|!'`()[]tf/ ").find(c) != std::string_view::npos) return 0.38;
  if (std::string_view("mwMW@%").find(c) != std::string_view::npos) return 0.98;
  if (c >= 'A' && c <= 'Z') return 0.73;
  return 0.645;
}

}  // namespace

std::string escaped(std::string_view text) {
  const std::string shown = format::printable(text);
  std::string out;
  out.reserve(shown.size() + 16);
  for (const char c : shown) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string element(std::string_view tag, std::string_view attributes, std::string_view text) {
  std::string out = "<";
  out.append(tag);
  if (!attributes.empty()) out.append(" ").append(attributes);
  out.append(">").append(escaped(text)).append("</").append(tag).append(">");
  return out;
}

double text_width(std::string_view text, double size) {
  double out = 0;
  for (const format::Cell& cell : format::cells(text)) out += ems(cell);
  return out * size;
}

std::vector<std::string> wrapped(std::string_view text, double width, double size, std::size_t most) {
  std::vector<std::string> out;
  const std::vector<format::Cell> cells = format::cells(text);
  std::size_t at = 0;
  while (at < cells.size() && out.size() < most) {
    while (at < cells.size() && cells[at].shown == " ") ++at;
    double used = 0;
    std::size_t end = at, space = at;
    for (; end < cells.size() && used + ems(cells[end]) * size <= width; ++end) {
      used += ems(cells[end]) * size;
      if (cells[end].shown == " ") space = end;
      // Identifiers and paths are broken behind their separators.
      if (end > at && std::string_view("./-").find(cells[end].shown) != std::string_view::npos) space = end + 1;
    }
    if (end < cells.size() && space > at && space <= end) end = space;
    if (end == at && at < cells.size()) end = at + 1;  // wider than the line: one is shown all the same
    const bool cut = end < cells.size() && out.size() + 1 == most;
    std::string line;
    for (std::size_t i = at; i < end; ++i) line += cells[i].shown;
    if (cut) line += "\u2026";
    if (!line.empty()) out.push_back(std::move(line));
    at = end;
  }
  return out;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  std::string out(text.data());
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string content_hash(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return "'sha256-" + base64(digest) + "'";
}

std::string packed(std::string_view bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::vector<unsigned char> out(size);
  // Cannot fail: there is room for the worst case.
  compress2(out.data(), &size, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()), 6);
  return base64(std::span(out).first(size));
}

}  // namespace vpn::report
