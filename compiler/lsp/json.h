// Reading messages that may hold anything, without an exception. Internal to compiler/lsp.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/lsp/text.h"

namespace vpn::lsp {

using Json = nlohmann::json;

/// The member at the end of the way, or a null value.
inline const Json& member(const Json& json, std::initializer_list<const char*> way) {
  static const Json null;
  const Json* at = &json;
  for (const char* key : way) {
    if (!at->is_object()) return null;
    const auto found = at->find(key);
    if (found == at->end()) return null;
    at = &*found;
  }
  return *at;
}

inline std::string text_of(const Json& json) { return json.is_string() ? json.get<std::string>() : std::string{}; }
inline bool is_true(const Json& json) { return json.is_boolean() && json.get<bool>(); }
inline bool has_word(const Json& list, std::string_view word) {
  if (list.is_array())
    for (const Json& item : list)
      if (item.is_string() && item.get_ref<const std::string&>() == word) return true;
  return false;
}

inline std::optional<Position> position_of(const Json& json) {
  const Json& line = member(json, {"line"});
  const Json& character = member(json, {"character"});
  constexpr std::uint64_t most = 0x7fffffff;
  if (!line.is_number_unsigned() || !character.is_number_unsigned()) return std::nullopt;
  const auto clamp = [](std::uint64_t n) { return static_cast<std::uint32_t>(n > most ? most : n); };
  return Position{clamp(line.get<std::uint64_t>()), clamp(character.get<std::uint64_t>())};
}

inline std::optional<Range> range_of(const Json& json) {
  const auto start = position_of(member(json, {"start"})), end = position_of(member(json, {"end"}));
  if (!start || !end) return std::nullopt;
  return Range{*start, *end};
}

inline Json to_json(Position p) { return {{"line", p.line}, {"character", p.character}}; }
inline Json to_json(Range r) { return {{"start", to_json(r.start)}, {"end", to_json(r.end)}}; }

}  // namespace vpn::lsp
