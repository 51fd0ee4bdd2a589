// The first member of each key, in dictionaries of any size.
#pragma once

#include <string_view>
#include <unordered_map>

#include "compiler/document/value.h"
#include "compiler/lint/name_set.h"

namespace vpn::lint {

/// Small dictionaries are searched; a large one gets a table when it is first asked, so that a file with a million keys
/// takes linear time. The dictionary must outlive it.
class FirstMembers {
 public:
  explicit FirstMembers(const document::Value& dictionary) : dictionary_(dictionary) {}

  /// The first member with the key, or null.
  const document::Member* find(std::string_view key);

 private:
  struct Hash {
    std::size_t operator()(std::string_view key) const noexcept { return hash_of(key); }
  };

  const document::Value& dictionary_;
  std::unordered_map<std::string_view, const document::Member*, Hash> table_;
};

}  // namespace vpn::lint
