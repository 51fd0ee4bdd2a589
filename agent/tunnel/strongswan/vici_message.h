// Messages of VICI, strongSwan's control protocol (its README under src/libcharon/plugins/vici): a tree of sections,
// lists and values. What charon sends is judged like any other foreign input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/wiped.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

/// A section, and also a whole message. Names are at most 255 bytes, values at most 65,535: set() and add() cut
/// nothing, encode() refuses what is longer. Names need not differ (charon's own do); a look-up gives the first.
class Section {
 public:
  Section() = default;
  Section(Section&&) noexcept = default;
  Section& operator=(Section&&) noexcept = default;

  Section& set(std::string_view name, std::string_view value);
  Section& set(std::string_view name, std::span<const std::byte> value);
  Section& list(std::string_view name, const std::vector<std::string>& items);
  Section& list(std::string_view name, std::vector<WipedBytes> items);
  /// Adds a section and returns it; it stays where it is.
  Section& section(std::string_view name);
  Section& section(std::string_view name, Section content);

  std::optional<std::string_view> text(std::string_view name) const;
  std::vector<std::string_view> texts(std::string_view name) const;  ///< of a list; empty: there is none
  const Section* find(std::string_view name) const;                  ///< null: there is no such section
  /// All sections in their order.
  std::vector<std::pair<std::string_view, const Section*>> sections() const;
  bool empty() const { return elements_.empty(); }

  /// Errors: invalid_input, a name or a value is too long.
  Result<WipedBytes> encode() const;
  /// Errors: invalid_input, with the offset: cut short, unbalanced, a value where there must be none, or nested deeper
  /// than 16 levels.
  static Result<Section> decode(std::span<const std::byte> bytes);

 private:
  enum class Kind : std::uint8_t { value, list, section };
  struct Element {
    Kind kind = Kind::value;
    std::string name;
    std::vector<WipedBytes> values;    ///< one for a value
    std::unique_ptr<Section> section;  ///< of a section
  };
  class Decoder;
  const Element* find(Kind kind, std::string_view name) const;
  bool encode_into(WipedBytes& out) const;

  std::vector<Element> elements_;
};

}  // namespace vpn::agent::strongswan
