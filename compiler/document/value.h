// One value tree for every input format. Nodes live in the document's arena and are plain data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "compiler/document/source.h"

namespace vpn::document {

enum class Type : std::uint8_t { null, boolean, integer, real, string, data, date, array, dictionary };
std::string_view type_name(Type t);  ///< "boolean", "integer" … as messages use them

struct Member;

/// A value. 24 bytes; copied freely; views into the document.
struct Value {
  Type type = Type::null;
  /// Set where the reader has reported the value as malformed already (bad base64, unreadable number):
  /// checks that would report the same cause again must skip it.
  bool faulty = false;
  /// The text has a template's placeholder in it: whatever stands there, its type and content are not known.
  bool placeholder = false;
  std::uint32_t size = 0;  ///< bytes of a string or data, elements of an array, members of a dictionary
  union {
    bool boolean;
    std::int64_t integer;
    double real;
    const char* text;  ///< string (UTF-8, unescaped), date (as written)
    const std::uint8_t* bytes;
    const Value* items;
    const Member* members;
    std::uint64_t raw = 0;
  };
  Span span;  ///< the whole element (XML), the token (JSON); unknown in binary

  std::string_view string() const { return {text, size}; }
  std::span<const std::uint8_t> data() const { return {bytes, size}; }
  inline std::span<const Value> array() const;
  inline std::span<const Member> dictionary() const;
  bool is(Type t) const { return type == t; }
  /// First member with the key, or null. Linear: for look-ups of few keys.
  const Member* find(std::string_view key) const;
};

/// A member of a dictionary; duplicates are kept, in order.
struct Member {
  std::string_view key;
  Span key_span;  ///< the text between <key> and </key>; the string token with its quotes in JSON
  Value value;
};

static_assert(sizeof(Value) == 24, "a million of them must stay small");

std::span<const Value> Value::array() const { return {items, size}; }
std::span<const Member> Value::dictionary() const { return {members, size}; }

/// A key path, as a chain on the stack: "PayloadContent[0].VPN.IncludeAllNetworks".
struct Path {
  const Path* parent = nullptr;
  std::string_view key;  ///< empty: `index` counts
  std::uint32_t index = 0;
  std::string to_string() const;
};

}  // namespace vpn::document
