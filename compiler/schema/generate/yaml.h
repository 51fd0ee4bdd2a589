// Strict reading of YAML: every attribute is known and taken once, every fault has a file and a line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/schema/generate/spec.h"

namespace vpn::schema::generate {

/// A mapping whose attributes are taken one after the other; what nobody took is an error.
class Attributes {
 public:
  Attributes(const YAML::Node& node, std::string file, Diagnostics& diagnostics);
  ~Attributes() = default;
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  /// The value, or an undefined node.
  YAML::Node take(std::string_view name);
  std::string text(std::string_view name);  ///< empty when absent
  std::string required_text(std::string_view name);
  bool boolean(std::string_view name, bool otherwise);
  std::optional<std::int64_t> integer(std::string_view name);
  std::vector<std::string> texts(std::string_view name);  ///< a list, or one scalar
  /// Index of the word in `words`; -1 when absent or unknown (which is reported).
  int word(std::string_view name, const std::vector<std::string_view>& words);
  /// Reports what is left.
  void finish();

  Where where() const { return place(node_); }
  Where where(std::string_view name) const;
  Where place(const YAML::Node& node) const;
  const std::string& file() const { return file_; }
  Diagnostics& diagnostics() { return diagnostics_; }

 private:
  YAML::Node node_;
  std::string file_;
  Diagnostics& diagnostics_;
  std::vector<std::string> names_, taken_;
};

bool to_integer(const std::string& text, std::int64_t& out);

/// The documents of a file; a syntax error is reported.
std::vector<YAML::Node> load_file(const std::string& path, Diagnostics& diagnostics);

/// Calls `each` for the members of a mapping, in order; duplicates are reported.
void each_member(
    const YAML::Node& map, const std::string& file, Diagnostics& diagnostics,
    const std::function<void(const std::string& name, const YAML::Node& name_node, const YAML::Node& value)>& each);

}  // namespace vpn::schema::generate
