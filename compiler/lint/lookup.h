// Reading single keys of a dictionary as what they mean. What a check cannot use is as absent: values that the reader
// or the schema has refused already, and the placeholders of a template.
#pragma once

#include <optional>
#include <string_view>

#include "compiler/document/coerce.h"
#include "compiler/lint/context.h"

namespace vpn::lint {

inline bool usable(const Value& value) { return !value.faulty && !value.placeholder; }

inline const Member* usable_member(const Section& section, std::string_view key) {
  const Member* const member = section.find(key);
  return member != nullptr && usable(member->value) ? member : nullptr;
}

/// Nothing when absent or unclear.
inline std::optional<bool> flag(const Section& section, std::string_view key) {
  const Member* const member = usable_member(section, key);
  return member == nullptr ? std::nullopt : document::meant_flag(member->value);
}

/// Present and true.
inline bool is_set(const Section& section, std::string_view key) { return flag(section, key).value_or(false); }

/// Whether a template's placeholder stands there: it may mean anything.
inline bool is_open(const Section& section, std::string_view key) {
  const Member* const member = section.find(key);
  return member != nullptr && !usable(member->value);
}

inline std::optional<std::int64_t> integer(const Section& section, std::string_view key) {
  const Member* const member = usable_member(section, key);
  return member == nullptr ? std::nullopt : document::meant_integer(member->value);
}

/// The member when its value is a usable string.
inline const Member* text_member(const Section& section, std::string_view key) {
  const Member* const member = usable_member(section, key);
  return member != nullptr && member->value.is(Type::string) ? member : nullptr;
}

/// Empty when absent.
inline std::string_view text(const Section& section, std::string_view key) {
  const Member* const member = text_member(section, key);
  return member == nullptr ? std::string_view{} : member->value.string();
}

/// The member when its value is a usable array.
inline const Member* array_member(const Section& section, std::string_view key) {
  const Member* const member = usable_member(section, key);
  return member != nullptr && member->value.is(Type::array) ? member : nullptr;
}

/// Calls `check(section)` for each dictionary of the array under `key`.
template <class Check>
void for_each_dictionary(Context& context, const Section& parent, std::string_view key, Check&& check) {
  const Member* const member = array_member(parent, key);
  if (member == nullptr) return;
  const Path list{parent.path, member->key};
  std::uint32_t index = 0;
  for (const Value& item : member->value.array()) {
    const Path path{&list, {}, index++};
    if (item.is(Type::dictionary)) check(Section{&item, &path, opening(context.document, item)});
  }
}

/// A member whose key is a likely misspelling of `key`, or null.
const Member* find_misspelt(const Section& section, std::string_view key);

}  // namespace vpn::lint
