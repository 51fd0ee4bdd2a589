#include "compiler/simulate/moment.h"

#include <chrono>
#include <cmath>
#include <cstdio>

#include "policy/ascii.h"

namespace vpn::simulate {
namespace {

constexpr std::int64_t seconds_of_day = 86400;

/// `digits` digits at `at`, which moves behind them; false: there are none.
bool take_number(std::string_view text, std::size_t& at, std::size_t digits, int& out) {
  if (at + digits > text.size()) return false;
  for (const char c : text.substr(at, digits))
    if (!ascii::is_digit(c)) return false;
  const bool good = ascii::read_number(text.substr(at, digits), out);
  at += digits;
  return good;
}

bool take(std::string_view text, std::size_t& at, char c) {
  if (at >= text.size() || ascii::upper(text[at]) != c) return false;
  ++at;
  return true;
}

bool take_fraction(std::string_view text, std::size_t& at, Moment& nanoseconds) {
  if (!take(text, at, '.')) return true;
  const std::size_t begin = at;
  for (Moment unit = second / 10; at < text.size() && ascii::is_digit(text[at]); ++at, unit /= 10)
    nanoseconds += (text[at] - '0') * unit;
  return at > begin;
}

bool take_offset(std::string_view text, std::size_t& at, std::int64_t& seconds) {
  if (take(text, at, 'Z')) return true;
  const bool ahead = take(text, at, '+');
  int hours = 0, minutes = 0;
  if (!ahead && !take(text, at, '-')) return false;
  if (!take_number(text, at, 2, hours) || !take(text, at, ':') || !take_number(text, at, 2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  seconds = (ahead ? 1 : -1) * (std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60);
  return true;
}

}  // namespace

Moment FileMoment::in(Moment beginning) const {
  if (absolute) return value;
  Moment out = 0;
  return __builtin_add_overflow(beginning, value, &out) ? never : out;
}

std::optional<FileMoment> read_moment(const scenario::Node& node) {
  using NodeKind = scenario::Node::Kind;
  if (node.is(NodeKind::integer) && node.integer >= 0 && node.integer <= last_second)
    return FileMoment{node.integer * second, false};
  if (node.is(NodeKind::real) && node.real >= 0 && node.real <= static_cast<double>(last_second))
    return FileMoment{static_cast<Moment>(std::llround(node.real * 1e9)), false};
  if (!node.is(NodeKind::text)) return std::nullopt;
  const auto absolute = parse_rfc3339(node.text);
  if (!absolute) return std::nullopt;
  return FileMoment{*absolute, true};
}

std::optional<Moment> parse_rfc3339(std::string_view text) {
  std::size_t at = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, seconds = 0;
  Moment fraction = 0;
  std::int64_t offset = 0;
  const bool date = take_number(text, at, 4, year) && take(text, at, '-') && take_number(text, at, 2, month) &&
                    take(text, at, '-') && take_number(text, at, 2, day);
  if (!date || (!take(text, at, 'T') && !take(text, at, ' '))) return std::nullopt;
  const bool time_of_day = take_number(text, at, 2, hour) && take(text, at, ':') && take_number(text, at, 2, minute) &&
                           take(text, at, ':') && take_number(text, at, 2, seconds) &&
                           take_fraction(text, at, fraction) && take_offset(text, at, offset);
  if (!time_of_day || at != text.size() || hour > 23 || minute > 59 || seconds > 60) return std::nullopt;
  const std::chrono::year_month_day date_of{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date_of.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date_of).time_since_epoch().count();
  const std::int64_t all =
      days * seconds_of_day + std::int64_t{hour} * 3600 + std::int64_t{minute} * 60 + seconds - offset;
  if (all < 0 || all > last_second) return std::nullopt;
  return all * second + fraction;
}

std::string to_rfc3339(Moment moment) {
  const std::int64_t seconds = moment / second - (moment % second < 0 ? 1 : 0);
  const std::int64_t days = seconds / seconds_of_day - (seconds % seconds_of_day < 0 ? 1 : 0);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  const auto of_day = static_cast<int>(seconds - days * seconds_of_day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3600, of_day / 60 % 60,
                of_day % 60);
  std::string out = text;
  if (const Moment fraction = moment - seconds * second; fraction != 0) {
    std::snprintf(text, sizeof text, ".%09d", static_cast<int>(fraction));
    out += text;
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out + "Z";
}

std::string to_seconds(Moment duration) {
  char text[48];
  const bool negative = duration < 0;
  const auto size = negative ? -static_cast<std::uint64_t>(duration) : static_cast<std::uint64_t>(duration);
  std::snprintf(text, sizeof text, "%s%llu.%09llu", negative ? "-" : "", static_cast<unsigned long long>(size / second),
                static_cast<unsigned long long>(size % second));
  return text;
}

}  // namespace vpn::simulate
