#include "agent/dns/hidden.h"

#include <algorithm>
#include <array>

#include "policy/ascii.h"

namespace vpn::agent::dns {

std::vector<std::string> hidden_services(std::string_view nsswitch) {
  constexpr std::array<std::string_view, 4> hidden{"resolve", "sss", "winbind", "nis"};
  constexpr std::string_view key = "hosts:";
  std::vector<std::string> out;
  while (!nsswitch.empty()) {
    std::string_view line = nsswitch.substr(0, nsswitch.find('\n'));
    nsswitch.remove_prefix(std::min(line.size() + 1, nsswitch.size()));
    line = ascii::trimmed(line.substr(0, line.find('#')));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    while (!(line = ascii::trimmed(line)).empty()) {
      const std::string_view service = line.substr(0, line.find_first_of(" \t["));
      if (std::find(hidden.begin(), hidden.end(), service) != hidden.end()) out.emplace_back(service);
      // What stands in brackets says what follows from a service's answer.
      const std::size_t end = line.front() == '[' ? line.find(']') : service.size() - 1;
      line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    }
  }
  return out;
}

}  // namespace vpn::agent::dns
