// What stands where in a text that may be half typed: dictionaries, arrays, keys and scalars, found by a tolerant scan.
// It judges nothing; what makes no sense is passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/source.h"

namespace vpn::lsp {

using document::Span;

enum class NodeKind : std::uint8_t { dictionary, array, scalar, missing /**< a key that has no value yet */ };

inline constexpr std::uint32_t no_node = 0xffffffffu;

struct Node {
  NodeKind kind = NodeKind::missing;
  std::uint32_t parent = no_node, first = no_node, last = no_node, next = no_node;  ///< children, siblings
  std::string_view element;  ///< "string", "true" …; of JSON "string", or empty for other tokens
  Span key;                  ///< the name, without tags or quotes; unknown: no member
  Span key_whole;            ///< with them
  Span whole;                ///< the value; unknown while it is missing
  Span content;              ///< between tags, quotes or brackets; unknown for <true/>
  bool key_closed = true;    ///< the tag or quote behind the key is there
};

/// Views into the text, which must live on.
class Outline {
 public:
  static constexpr std::uint32_t most_nodes = 2'000'000;
  static constexpr std::size_t deepest = 64;

  /// By the first character: JSON or XML.
  explicit Outline(std::string_view text);

  bool is_json() const { return json_; }
  std::string_view text() const { return text_; }
  std::string_view text(Span span) const;
  const Node& node(std::uint32_t index) const { return nodes_[index]; }
  static constexpr std::uint32_t top = 0;                   ///< an array around everything
  std::uint32_t root() const { return nodes_[top].first; }  ///< the outermost value, or no_node
  const std::vector<Span>& comments() const { return comments_; }

  /// The first child with this key.
  std::uint32_t find(std::uint32_t dictionary, std::string_view key) const;
  /// A string as it is meant, at most 4 KiB of it; empty for other values.
  std::string string(std::uint32_t node) const;
  std::string key(std::uint32_t node) const { return meant(nodes_[node].key); }
  /// The innermost dictionary or array around the place.
  std::uint32_t innermost(std::size_t offset) const;

 private:
  friend class XmlScan;
  friend class JsonScan;
  std::string meant(Span span) const;

  std::string_view text_;
  bool json_ = false;
  std::vector<Node> nodes_;
  std::vector<Span> comments_;
};

/// Whether a text is meant as JSON.
bool is_json_text(std::string_view text);

}  // namespace vpn::lsp
