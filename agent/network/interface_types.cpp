#include "agent/network/interface_types.h"

#include <linux/if_arp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace vpn::agent {
namespace {

using policy::InterfaceType;

// DEVTYPE of the interface's uevent: "wlan", "wwan", "bridge" …; empty for plain Ethernet.
std::string device_type(const std::string& folder) {
  std::ifstream file(folder + "/uevent");
  std::string line;
  for (int i = 0; i < 32 && std::getline(file, line); ++i)
    if (line.starts_with("DEVTYPE=")) return line.substr(8);
  return {};
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, after = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(), [](char c) { return c == '*'; });
}

InterfaceTypes::InterfaceTypes(std::vector<InterfaceTypeOverride> overrides, std::string sysfs)
    : overrides_(std::move(overrides)), sysfs_(std::move(sysfs)) {}

InterfaceType InterfaceTypes::of(const LinkMessage& message) const {
  const Link& link = message.link;
  for (const InterfaceTypeOverride& o : overrides_)
    if (matches(o.name, link.name)) return o.type;
  if (link.name.find('/') != std::string::npos || link.name.starts_with('.')) return InterfaceType::other;
  const std::string folder = sysfs_ + "/" + link.name;
  const std::string type = device_type(folder);
  if (type == "wlan" || exists(folder + "/wireless") || exists(folder + "/phy80211")) return InterfaceType::wifi;
  if (type == "wwan" || link.kind == "wwan" || message.hardware == ARPHRD_RAWIP) return InterfaceType::cellular;
  // Ethernet, and what behaves like it; tun, tap, bridges of containers and the like are `other`.
  const bool plain = type.empty() && (link.kind.empty() || link.kind == "veth");
  if (message.hardware == ARPHRD_ETHER && plain) return InterfaceType::ethernet;
  return InterfaceType::other;
}

}  // namespace vpn::agent
