// A document as the payloads or the declaration that it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compiler/lint/lookup.h"
#include "policy/ascii.h"

namespace vpn::lint {

/// What a payload or declaration is to others that refer to it.
enum class ItemKind : std::uint8_t {
  other,
  device_vpn,
  per_app_vpn,
  mapping,
  always_on,         ///< either form
  certificate,       ///< without a private key
  identity,          ///< with one, or the way to get one
  credential_asset,  ///< user name and password
};

/// By the type alone, as a per-app or device VPN where it may be more (always_on).
ItemKind item_kind(std::string_view type);
/// Whether a reference of this kind may lead to such an item.
bool serves(ItemKind kind, schema::Reference wanted);

/// A payload of a profile, or a declaration.
struct Item {
  const Value* dictionary = nullptr;
  const Member* type_member = nullptr;
  const schema::Payload* schema = nullptr;  ///< null: foreign or unknown
  std::string_view type;
  std::string_view selector;  ///< VPNType as the schema spells it; empty: not usable
  std::uint32_t index = 0;    ///< in PayloadContent
  ItemKind kind = ItemKind::other;
  bool is_declaration = false;
};

enum class DocumentKind : std::uint8_t { unknown, profile, flattened, declaration };

struct Profile;

/// An item under one of its names, and the place of that name.
struct Named {
  std::string_view name;
  const Item* item = nullptr;
  const Profile* profile = nullptr;
  const Member* member = nullptr;
};

/// Items by a name, compared without case. Built in O(n log n), asked in O(log n).
class NameIndex {
 public:
  void reserve(std::size_t count) { entries_.reserve(count); }
  void add(const Named& named);
  /// After the last add(), before the first question.
  void finish();
  /// The first that was added under the name, or null.
  const Named* find(std::string_view name) const;
  /// Calls `visit(first, again)` for each entry whose name an earlier one has.
  template <class Visit>
  void for_each_duplicate(Visit&& visit) const;

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::size_t order = 0;
    Named named;
  };
  std::vector<Entry> entries_;
};

/// The reading of one document. Views into it.
struct Profile {
  const document::Document* document = nullptr;
  DocumentKind kind = DocumentKind::unknown;
  std::vector<Item> items;
  NameIndex names;              ///< items by PayloadUUID
  std::string_view identifier;  ///< of the profile or declaration
};

/// The documents of one device, in the order given. Not to be copied or moved: items point into it.
struct Device {
  std::vector<Profile> profiles;
  NameIndex per_app_vpns;  ///< by VPNUUID
  NameIndex declarations;  ///< by Identifier

  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

/// What stands in the documents. Never fails: what does not fit is left out, and the checks say so.
void read_device(std::span<const document::Document* const> documents, Device& device);

/// The dictionary of an item and where it stands; for a declaration the whole object. `storage` holds the path.
struct ItemPath {
  Path list;
  Path item;
};
Section item_section(const document::Document& document, const Item& item, ItemPath& storage);

template <class Visit>
void NameIndex::for_each_duplicate(Visit&& visit) const {
  for (std::size_t i = 0; i + 1 < entries_.size();) {
    std::size_t end = i + 1;
    for (; end < entries_.size() && entries_[end].hash == entries_[i].hash; ++end)
      if (ascii::equal_without_case(entries_[i].named.name, entries_[end].named.name))
        visit(entries_[i].named, entries_[end].named);
    i = end;
  }
}

}  // namespace vpn::lint
