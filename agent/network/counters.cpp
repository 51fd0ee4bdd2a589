#include "agent/network/counters.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace vpn::agent {
namespace {

constexpr std::size_t packets_column = 9;  // bytes is the eighth, from 0, after the eight of what was received

std::optional<std::uint64_t> column(std::string_view counters, std::size_t wanted) {
  for (std::size_t at = 0;; ++at) {
    const auto begin = counters.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    counters.remove_prefix(begin);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(counters.data(), counters.data() + counters.size(), value);
    if (error != std::errc{}) return std::nullopt;
    if (at == wanted) return value;
    counters.remove_prefix(static_cast<std::size_t>(end - counters.data()));
  }
}

}  // namespace

std::optional<std::uint64_t> packets_sent(std::string_view text, std::string_view interface) {
  while (!text.empty() && !interface.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    // A name may hold a colon; counters do not.
    const auto colon = line.rfind(':');
    const auto begin = line.find_first_not_of(' ');
    if (colon == std::string_view::npos || begin >= colon || line.substr(begin, colon - begin) != interface) continue;
    return column(line.substr(colon + 1), packets_column);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> packets_sent(const std::string& interface) {
  std::ifstream file("/proc/net/dev");
  std::stringstream text;
  text << file.rdbuf();
  return packets_sent(text.view(), interface);
}

}  // namespace vpn::agent
