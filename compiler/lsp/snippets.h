// Texts that are put in: keys with elements of the right type, with places to jump to where the client knows them.
// Internal to compiler/lsp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/schema/schema.h"

namespace vpn::lsp {

class Snippet {
 public:
  /// `stops`: write places to jump to ("${1:text}"), else only their text.
  Snippet(bool json, bool stops) : json_(json), stops_(stops) {}

  /// Text as it is; in a snippet its special characters are escaped.
  void literal(std::string_view text);
  void place(std::string_view text);
  /// One of several; the first is there at once.
  void choice(std::span<const std::string> words);

  /// A whole member, `"Key": value` or `<key>Key</key>` with the element below it.
  void member(const schema::Key& key);
  void value(const schema::Key& key);
  /// A dictionary with its required members; those of a payload say its type.
  void dictionary(const schema::Key& key, const schema::Payload* payload);
  /// A scalar of the type that the key wants; `text` may have places in it.
  void open(std::string_view element);
  void close(std::string_view element);

  const std::string& text() const { return text_; }

 private:
  void scalar(const schema::Key& key);
  void array(const schema::Key& key);
  void required_member(const schema::Key& key, const schema::Payload* payload, bool first);
  void line();

  bool json_, stops_;
  unsigned next_ = 1;  ///< number of the next place
  unsigned depth_ = 0;
  std::string text_;
};

/// The type that a new value of the key gets.
document::Type usual_type(const schema::Key& key);
/// The element for it: "string", "integer" …
std::string_view element_name(document::Type type);
/// The words that a key allows, the default first; empty: any.
std::vector<std::string> allowed_words(const schema::Key& key);

std::string xml_escaped(std::string_view text);
std::string json_escaped(std::string_view text);

}  // namespace vpn::lsp
