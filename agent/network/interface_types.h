// Which type an interface is of (docs/semantics.md, "primary interface"): by what the configuration says, then by what
// sysfs and rtnetlink tell.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/network/netlink_messages.h"
#include "policy/types.h"

namespace vpn::agent {

/// `name` is a pattern with `*` and `?`; the first one that matches counts.
struct InterfaceTypeOverride {
  std::string name;
  policy::InterfaceType type = policy::InterfaceType::other;
};

class InterfaceTypes {
 public:
  explicit InterfaceTypes(std::vector<InterfaceTypeOverride> overrides = {}, std::string sysfs = "/sys/class/net");
  policy::InterfaceType of(const LinkMessage& message) const;

 private:
  std::vector<InterfaceTypeOverride> overrides_;
  std::string sysfs_;
};

/// Whether `text` matches a pattern of `*` (any characters) and `?` (one). Linear in the text for each star.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace vpn::agent
