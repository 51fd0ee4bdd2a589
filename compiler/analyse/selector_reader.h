// Selectors of flows and states in files: properties, and expected changes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/analyse/property.h"
#include "compiler/scenario/strict_reader.h"

namespace vpn::analyse {

/// "443", "8000-8100".
std::optional<PortRange> parse_ports(std::string_view text, std::uint8_t protocol);
/// A host name, normalised; with "*." in front for names below only.
std::optional<std::string> parse_host(std::string_view text);
/// "wifi", "cellular", "ethernet", "other" or "none"; false for anything else.
bool parse_network(std::string_view word, StateSelector& out);

class SelectorReader : protected scenario::StrictReader {
 protected:
  explicit SelectorReader(const std::string& path) : StrictReader(path, "docs/analysis.md describes the shape") {}

  /// One text, or a list of them; numbers count as texts.
  std::vector<std::pair<std::string, document::Position>> texts(const scenario::Node& map, std::string_view key);
  /// `is_exception`: rules may be named.
  FlowSelector flows(const scenario::Node& node, bool is_exception);
  StateSelector states(const scenario::Node& node);
  std::vector<policy::Verdict> verdicts(const scenario::Node& map, std::string_view key);

 private:
  void add_rules(const std::string& text, document::Position at, FlowSelector& out);
};

}  // namespace vpn::analyse
