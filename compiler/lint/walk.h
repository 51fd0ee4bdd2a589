// Judges a dictionary by its schema: keys, presence, types, ranges, formats, availability. Family VP12xx, and what
// values of a format must look like (VP16xx).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/lint/context.h"
#include "compiler/lint/first_members.h"
#include "compiler/lint/name_set.h"
#include "compiler/lint/profile.h"

namespace vpn::lint {

inline constexpr std::size_t most_secret_places = 20;

/// Secrets that stand readable in the file.
struct Secrets {
  struct Place {
    Span span;
    std::string path;
  };
  std::vector<Place> places;  ///< of the first few
  std::uint32_t count = 0;
};

/// Names of a domain list, kept for the comparison with other lists.
struct KeptList {
  const Member* member = nullptr;
  NameSet names;
};

/// Which members of a dictionary were seen; schemas have far fewer than 256 keys.
class KeyBits {
 public:
  bool test(std::size_t i) const { return i < 256 && ((words_[i / 64] >> (i % 64)) & 1) != 0; }
  void set(std::size_t i) {
    if (i < 256) words_[i / 64] |= std::uint64_t{1} << (i % 64);
  }

 private:
  std::array<std::uint64_t, 4> words_{};
};

class Walker {
 public:
  Walker(Context& context, const Device& device, const Profile& profile, Secrets& secrets)
      : context_(context), device_(device), profile_(profile), secrets_(secrets) {}

  /// The Configuration dictionary of a profile.
  void top_level(const Section& root);
  /// A payload or declaration that has a schema. Gives its domain lists when `keep_lists`.
  std::vector<KeptList> item(const Item& item, const Section& section, bool keep_lists);
  /// Duplicate keys in a dictionary of which nothing else is known, and in all below it.
  void free_form(const Value& value, const Path* path);

 private:
  // walk.cpp
  void dictionary(const Section& section, const schema::Key& schema, bool is_root);
  void value(const Section& section, const Member& member, const schema::Key& key);
  void present_value(const Section& section, const Member& member, const schema::Key& key);
  void element(const Value& value, const schema::Key& key, const Path& path);
  void content(const Value& value, const schema::Key& key, const Path* parent, std::string_view name, Span span);
  void array(const Section& section, const Member& member, const schema::Key& key);
  void items(const Value& value, const schema::Key& element, const Path& list);
  bool is_read(const Section& section, const Member& member);
  void note_secret(const Section& section, const Member& member);

  // walk_keys.cpp
  void unknown_key(const Section& section, const schema::Key& schema, const Member& member, KeyBits& seen,
                   FirstMembers& firsts);
  bool misplaced_key(const Section& section, const Member& member);
  void misspelt_key(const Section& section, const schema::Key& schema, const Member& member, KeyBits& seen,
                    FirstMembers& firsts);
  void missing_keys(const Section& section, const schema::Key& schema, const KeyBits& seen, bool is_root);
  void missing_key(const Section& section, const schema::Key& key);
  bool is_required(const schema::Key& key, bool is_root) const;
  bool stands_elsewhere(const Section& section, std::string_view key) const;

  // walk_values.cpp
  void wrong_type(const Value& value, const schema::Key& key, const Path* parent, std::string_view name);
  bool read_as_meant(const Value& value, const schema::Key& key, const Path* parent, std::string_view name);
  void number(const Value& value, std::int64_t number, const schema::Key& key, const Path* parent,
              std::string_view name);
  void text(const Value& value, const schema::Key& key, const Path* parent, std::string_view name);
  void choice(const Value& value, const schema::Key& key, const Path* parent, std::string_view name);

  // walk_availability.cpp
  struct Lacking {
    std::string what;
    Span span;
    const Path* parent = nullptr;
    std::string_view name, instead;
    bool refused = false;  ///< without supervision a device refuses it, not only passes over it
  };
  /// Gives the platforms (bits) that do not have it.
  unsigned availability(std::span<const schema::Availability> platforms, const Lacking& at);

  Context& context_;
  const Device& device_;
  const Profile& profile_;
  Secrets& secrets_;
  const schema::Payload* payload_ = nullptr;  ///< at hand; null at the top level
  Section root_;                              ///< of it
  std::string_view selector_;                 ///< of it
  bool selector_usable_ = false;
  bool keep_lists_ = false;
  std::uint32_t unknown_keys_ = 0;  ///< in the document; beyond a bound no suggestions are looked for
  std::vector<KeptList> kept_;
  unsigned unavailable_ = 0;  ///< platforms (bits) that do not have the part at hand, which was said already
};

/// "an integer", "a string or data".
std::string types_in_words(schema::TypeMask types);
/// "an array".
std::string type_in_words(Type type);

}  // namespace vpn::lint
