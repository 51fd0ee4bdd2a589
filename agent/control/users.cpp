#include "agent/control/users.h"

#include "policy/ascii.h"

namespace vpn::agent {
namespace {

/// Up to the next `end`, which is taken off.
std::string_view cut(std::string_view& text, char end) {
  const std::string_view out = text.substr(0, text.find(end));
  text.remove_prefix(out.size() < text.size() ? out.size() + 1 : out.size());
  return out;
}

}  // namespace

std::optional<std::uint32_t> user_number(std::string_view passwd, std::string_view name) {
  while (!passwd.empty()) {
    std::string_view line = cut(passwd, '\n');
    if (cut(line, ':') != name) continue;
    cut(line, ':');  // the password
    std::uint32_t number = 0;
    if (ascii::read_number(cut(line, ':'), number)) return number;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace vpn::agent
