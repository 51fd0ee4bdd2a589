// A JSON or YAML file as one tree with positions, for files that are read strictly. Internal to compiler/scenario/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/source.h"
#include "policy/result.h"

namespace vpn::scenario {

struct Member;

/// A value and where it begins.
struct Node {
  enum class Kind : std::uint8_t { null, boolean, integer, real, text, list, map };
  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<Node> items;
  std::vector<Member> members;  ///< in the order of the file; keys are distinct
  document::Position position;

  bool is(Kind k) const { return kind == k; }
  const Member* find(std::string_view key) const;  ///< null: not there
};

struct Member {
  std::string key;
  document::Position position;  ///< of the key
  Node value;
};

/// Reads a file: JSON where the name ends in ".json", else YAML (core schema, one document; of which JSON is a part).
/// Errors: `unreadable`; `invalid_input` with file:line:column for what is malformed, nested too deeply or there twice.
Result<Node> read_tree(const std::string& path);

/// The same as JSON text.
std::string to_json(const Node& node);

/// "file:line:column".
std::string place(const std::string& file, document::Position position);

}  // namespace vpn::scenario
