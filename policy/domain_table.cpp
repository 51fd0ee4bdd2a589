// What a domain table holds, read out. Opening is in domain_check.cpp, looking names up in domain_lookup.cpp.
#include "policy/domain_table.h"

#include "policy/domain_layout.h"
#include "policy/domain_walk.h"

namespace vpn::policy {

using namespace domain_layout;

std::span<const std::uint32_t> DomainTable::lists(DomainClass c) const noexcept {
  if (c == 0 || c >= classes_) return {};
  const std::uint32_t begin = load_le32(class_ends_ + std::size_t{c - 1} * 4);
  const std::uint32_t end = load_le32(class_ends_ + std::size_t{c} * 4);
  return {reinterpret_cast<const std::uint32_t*>(refs_) + begin, end - begin};
}

void DomainTable::for_each(const Visitor& visit) const {
  DomainWalk(blocks_, block_count_, kind_digits_)
      .run([](std::uint32_t, unsigned) {},
           [&](std::string_view name, std::uint32_t kind) {
             const std::byte* record = kinds_ + std::size_t{kind} * kind_size;
             visit(name, lists(load_le32(record + offsetof(Kind, own_whole))),
                   lists(load_le32(record + offsetof(Kind, own_below))));
           });
}

}  // namespace vpn::policy
