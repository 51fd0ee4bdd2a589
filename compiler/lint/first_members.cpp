#include "compiler/lint/first_members.h"

namespace vpn::lint {
namespace {

constexpr std::uint32_t few_members = 32;

}  // namespace

const document::Member* FirstMembers::find(std::string_view key) {
  if (dictionary_.size <= few_members) return dictionary_.find(key);
  if (table_.empty()) {
    table_.reserve(dictionary_.size);
    for (const document::Member& member : dictionary_.dictionary()) table_.emplace(member.key, &member);
  }
  const auto entry = table_.find(key);
  return entry == table_.end() ? nullptr : entry->second;
}

}  // namespace vpn::lint
