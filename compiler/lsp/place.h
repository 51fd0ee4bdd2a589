// From a place in the text to what the schemas say about it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/lint/profile.h"
#include "compiler/lsp/outline.h"
#include "compiler/schema/export/export.h"

namespace vpn::lsp {

/// What a node of the outline is to the schemas.
struct Meaning {
  const schema::Payload* payload = nullptr;  ///< null: a payload whose type is not known (yet)
  const schema::Key* key = nullptr;          ///< null: the schemas do not know it
  std::uint32_t item = no_node;              ///< the dictionary of the payload or declaration
  std::string path;                          ///< within it, as schema::Subject has it
  bool untyped = false;                      ///< the item itself, without a type that the schemas know
};

/// The meaning of a node: of a member the key's, of an array's element the element's.
Meaning meaning(const Outline& outline, std::uint32_t node);

/// The value of the payload's selector (VPNType), as the schema spells it; empty: none.
std::string selector(const Outline& outline, const Meaning& meaning);

/// Whether the payload reads the key under this value of its selector.
bool is_read(const schema::Payload& payload, std::string_view key, std::string_view selector);

/// Where in its surroundings a place of the text is.
struct Cursor {
  enum class At : std::uint8_t {
    nothing,  ///< where nothing is to be said: comments, tags
    key,      ///< in the name of a key
    value,    ///< in a scalar
    member,   ///< in a dictionary, where a key may be put
    element,  ///< where a value may be put: behind a key, or in an array
    comment,
  };
  At at = At::nothing;
  std::uint32_t container = Outline::top;
  std::uint32_t node = no_node;  ///< of key and value; of element the key that waits
  Span replaced;                 ///< what is typed already of what could be completed here
};
Cursor cursor(const Outline& outline, std::size_t offset);

/// A payload or declaration that others may refer to.
struct Target {
  std::string name;  ///< what a reference has to say
  std::string type, title;
  lint::ItemKind kind = lint::ItemKind::other;
  std::uint32_t node = no_node;
};
std::vector<Target> targets(const Outline& outline);

}  // namespace vpn::lsp
