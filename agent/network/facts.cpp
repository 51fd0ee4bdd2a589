#include "agent/network/facts.h"

#include <algorithm>

namespace vpn::agent {

const Link* NetworkView::link(std::uint32_t index) const {
  const auto it =
      std::lower_bound(links.begin(), links.end(), index, [](const Link& l, std::uint32_t i) { return l.index < i; });
  return it == links.end() || it->index != index ? nullptr : &*it;
}

const Link* NetworkView::link(std::string_view name) const {
  const auto it = std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.name == name; });
  return it == links.end() ? nullptr : &*it;
}

}  // namespace vpn::agent
