#include "compiler/lint/lookup.h"

#include "console/similar/similar.h"

namespace vpn::lint {

const Member* find_misspelt(const Section& section, std::string_view key) {
  constexpr std::size_t most_members = 1000;  // a larger dictionary has other faults
  if (section.value == nullptr || section.value->size > most_members) return nullptr;
  const std::size_t limit = key.size() < 8 ? 1 : 2;
  for (const Member& member : section.value->dictionary())
    if (cli::edit_distance(member.key, key, limit) <= limit) return &member;
  return nullptr;
}

}  // namespace vpn::lint
