#include "compiler/document/scalars.h"

#include <array>
#include <charconv>
#include <limits>

#include "policy/ascii.h"

namespace vpn::document {
namespace {

constexpr std::uint8_t space = 0x40, padding = 0x41, wrong = 0x42;

constexpr std::array<std::uint8_t, 256> base64_table() {
  std::array<std::uint8_t, 256> table{};
  for (auto& entry : table) entry = wrong;
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < letters.size(); ++i)
    table[static_cast<unsigned char>(letters[i])] = static_cast<std::uint8_t>(i);
  for (const char c : {' ', '\t', '\n', '\r'}) table[static_cast<unsigned char>(c)] = space;
  table['='] = padding;
  return table;
}
constexpr auto base64 = base64_table();

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

}  // namespace

IntegerFault parse_integer(std::string_view text, std::int64_t& out) {
  text = ascii::trimmed(text);
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error == std::errc::invalid_argument || end != text.data() + text.size())
    return IntegerFault::not_a_number;
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (error != std::errc() || magnitude > most + (negative ? 1 : 0)) return IntegerFault::out_of_range;
  out = static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
  return IntegerFault::none;
}

bool parse_real(std::string_view text, double& out) {
  text = ascii::trimmed(text);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool is_date(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int n = 0;
    for (std::size_t i = 0; i < digits; ++i) n = n * 10 + (text[at + i] - '0');
    return n;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (month < 1 || month > 12) return false;
  constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int last = days[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
  return day >= 1 && day <= last && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60;
}

std::optional<std::size_t> decode_base64(std::string_view text, std::uint8_t* out, std::size_t& bad) {
  std::size_t written = 0, digits = 0, pads = 0;
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t value = base64[static_cast<unsigned char>(text[i])];
    if (value == space) continue;
    bad = i;
    if (value == wrong || (value != padding && pads != 0)) return std::nullopt;
    if (value == padding) {
      if (++pads + digits % 4 > 4 || digits % 4 < 2) return std::nullopt;
      continue;
    }
    group = (group << 6) | value;
    if (++digits % 4 == 0) {
      out[written++] = static_cast<std::uint8_t>(group >> 16);
      out[written++] = static_cast<std::uint8_t>(group >> 8);
      out[written++] = static_cast<std::uint8_t>(group);
    }
  }
  bad = text.size();
  const std::size_t rest = digits % 4;
  if (rest != 0 ? rest + pads != 4 : pads != 0) return std::nullopt;
  if (rest >= 2) out[written++] = static_cast<std::uint8_t>(group >> (rest == 2 ? 4 : 10));
  if (rest == 3) out[written++] = static_cast<std::uint8_t>(group >> 2);
  return written;
}

}  // namespace vpn::document
