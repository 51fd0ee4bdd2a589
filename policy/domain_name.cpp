// Host names in the form in which they are compared ("Domain match" of docs/semantics.md).
#include <idn2.h>
#include <libpsl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "policy/domain_layout.h"
#include "policy/domain_table.h"
#include "policy/little_endian.h"
#include "policy/name_bytes.h"

namespace vpn::policy {
namespace {

constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_input = 1024;  // more bytes of UTF-8 than a name of A-labels can stand for

enum CharacterClass : std::uint8_t { other = 0, letter_or_digit = 1, hyphen = 2, dot = 4, capital = 8, not_ascii = 16 };

constexpr std::array<std::uint8_t, 256> classify() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = letter_or_digit;
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = letter_or_digit;
  for (std::size_t c = 'A'; c <= 'Z'; ++c) table[c] = capital;
  for (std::size_t c = 0x80; c <= 0xff; ++c) table[c] = not_ascii;
  table['_'] = letter_or_digit;
  table['-'] = hyphen;
  table['.'] = dot;
  return table;
}
constexpr auto classes = classify();

std::uint8_t class_of(char c) { return classes[static_cast<unsigned char>(c)]; }

/// True for most normalised names, false for all others: letters, digits, underscores, and single dots and hyphens
/// between them; no label can be too long, and none begins with "xn--".
bool plainly_normalised(std::string_view name) {
  if (name.size() > longest_label) return false;
  std::uint64_t faults = 0;
  const auto check = [&](std::uint64_t word) {
    const NameBytes bytes(word);
    const std::uint64_t separators = bytes.dots | bytes.hyphens;
    faults |= bytes.invalid() | (separators & (separators >> 8)) | (word & NameBytes::tops);
  };
  if (name.size() < 8) {
    check(load_le_short(name.data(), name.size()) | ('a' * NameBytes::ones) << (8 * name.size()));
  } else {
    // Words that have a byte in common, so that no two neighbours are in none.
    for (std::size_t at = 0; at + 8 < name.size(); at += 7) check(load_le64(name.data() + at));
    check(load_le64(name.data() + name.size() - 8));
  }
  const auto separator = [](char c) { return c == '.' || c == '-'; };
  return faults == 0 && !separator(name.front()) && !separator(name.back());
}

struct Scan {
  NameFault fault = NameFault::none;  // in a name that is ASCII
  std::uint8_t seen = 0;              // classes of all characters
  bool a_label = false;               // a label begins with "xn--"
};

/// One pass over a name without its trailing dot. Labels: 1 to 63 letters, digits, hyphens and underscores, no hyphen
/// at either end.
Scan scan(std::string_view name) {
  Scan s;
  std::size_t label = 0;  // where it begins
  std::uint8_t before = dot;
  const auto end_label = [&](std::size_t end) {
    const std::size_t length = end - label;
    if (length == 0 || length > longest_label || before == hyphen || class_of(name[label]) == hyphen)
      s.fault = NameFault::bad_label;
    if (length > 4 && name[label + 2] == '-' && name[label + 3] == '-' && (name[label] | 0x20) == 'x' &&
        (name[label + 1] | 0x20) == 'n')
      s.a_label = true;
    label = end + 1;
  };
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::uint8_t c = class_of(name[i]);
    s.seen |= c;
    if (c == other) {
      s.fault = NameFault::bad_character;
      return s;
    }
    if (c == dot) end_label(i);
    before = c;
  }
  end_label(name.size());
  if (s.fault == NameFault::none && name.size() > domain_layout::longest_name) s.fault = NameFault::too_long;
  return s;
}

/// UTS 46, non-transitional, to A-labels; also refuses "xn--" labels that are no A-labels.
NameFault to_a_labels(std::string_view name, std::string& storage) {
  if (name.size() > longest_input) return NameFault::too_long;
  std::uint8_t* converted = nullptr;
  const std::string terminated(name);
  const int error =
      idn2_to_ascii_8z(terminated.c_str(), reinterpret_cast<char**>(&converted), IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(converted, idn2_free);
  if (error == IDN2_TOO_BIG_LABEL) return NameFault::bad_label;
  if (error == IDN2_TOO_BIG_DOMAIN) return NameFault::too_long;
  if (error != IDN2_OK) return NameFault::not_idna;
  storage.assign(reinterpret_cast<const char*>(converted));
  if (!storage.empty() && storage.back() == '.') storage.pop_back();  // an ideographic full stop at the end
  if (storage.empty()) return NameFault::empty;
  const Scan result = scan(storage);
  if (result.fault != NameFault::none) return result.fault;
  return (result.seen & (capital | not_ascii)) == 0 ? NameFault::none : NameFault::not_idna;
}

}  // namespace

NameFault normalise_name(std::string_view input, std::string& storage, std::string_view& out) {
  std::string_view name = input;
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.empty()) return NameFault::empty;
  if (plainly_normalised(name)) {
    out = name;
    return NameFault::none;
  }
  const Scan s = scan(name);
  if (s.fault == NameFault::bad_character) return s.fault;
  const bool plain = (s.seen & not_ascii) == 0;
  if (plain && s.fault != NameFault::none) return s.fault;
  if (!plain || s.a_label) {
    if (const NameFault fault = to_a_labels(name, storage); fault != NameFault::none) return fault;
    out = storage;
  } else if ((s.seen & capital) != 0) {
    storage.assign(name);
    for (char& c : storage) c = static_cast<char>(class_of(c) == capital ? c | 0x20 : c);
    out = storage;
  } else {
    out = name;
  }
  return NameFault::none;
}

bool is_public_suffix(std::string_view normalised) {
  // Only names that the list holds: its default rule ("*": every unknown top-level domain) says nothing about the name.
  const std::string terminated(normalised);
  return psl_is_public_suffix2(psl_builtin(), terminated.c_str(), PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 1;
}

}  // namespace vpn::policy
