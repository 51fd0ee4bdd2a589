#include "compiler/document/coerce.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace vpn::document {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

bool equal_without_case(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::optional<std::int64_t> from_text(std::string_view text) {
  text = trim(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> from_real(double real) {
  // 2^53: beyond it a double no longer tells whole numbers apart.
  if (!(std::fabs(real) <= 9007199254740992.0) || real != std::trunc(real)) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

}  // namespace

std::optional<std::int64_t> meant_integer(const Value& value) {
  switch (value.type) {
    case Type::integer:
      return value.integer;
    case Type::boolean:
      return value.boolean ? 1 : 0;
    case Type::real:
      return from_real(value.real);
    case Type::string:
      return from_text(value.string());
    default:
      return std::nullopt;
  }
}

std::optional<bool> meant_flag(const Value& value) {
  if (const auto number = meant_integer(value)) return *number != 0;
  if (!value.is(Type::string)) return std::nullopt;
  const std::string_view text = trim(value.string());
  if (equal_without_case(text, "true") || equal_without_case(text, "yes")) return true;
  if (equal_without_case(text, "false") || equal_without_case(text, "no")) return false;
  return std::nullopt;
}

}  // namespace vpn::document
