#include "compiler/lower/domains.h"

#include "compiler/document/value.h"

namespace vpn::lower {

bool DomainLists::add_name(std::string_view name, std::uint32_t number) {
  const bool below_only = name.starts_with("*.");
  if (below_only) name.remove_prefix(2);
  std::string_view normal;
  if (policy::normalise_name(name, storage_, normal) != policy::NameFault::none) return false;
  if (normal.data() == storage_.data()) normal = normalised_.emplace_back(std::move(storage_));
  table_.add(normal, number, below_only);
  return true;
}

std::uint32_t DomainLists::add(const model::DomainList& list, std::uint32_t owner, bool* has_empty) {
  const auto number = static_cast<std::uint32_t>(lists_.size());
  std::uint32_t count = 0;
  if (list.array != nullptr && list.array->is(document::Type::array)) {
    names_ += list.array->size;
    table_.reserve(names_);
    for (const document::Value& entry : list.array->array()) {
      if (!entry.is(document::Type::string)) continue;
      if (entry.size == 0 && has_empty != nullptr) *has_empty = true;
      if (add_name(entry.string(), number)) ++count;
    }
  }
  lists_.push_back(
      fb::CreateDomainList(builder_, static_cast<fb::ListKind>(list.kind), owner, count, sources_.of(list.place)));
  return number;
}

}  // namespace vpn::lower
