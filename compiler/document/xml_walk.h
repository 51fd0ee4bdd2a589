// Turns pugixml's tree of an XML property list into values, in step with the text, so that every value gets its exact
// place and what stands between the elements is checked too. Internal to compiler/document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/reader.h"
#include "compiler/document/template.h"
#include "compiler/document/xml_markup.h"

namespace vpn::document::xml {

enum class Element : std::uint8_t { plist, dict, array, key, string, integer, real, yes, no, data, date, unknown };
Element element_of(std::string_view name);

/// The element whose start tag, without attributes, begins behind the '<' at `at`; `size` is set to that of its name.
/// Quick, for nearly every tag of a property list is one of few; unknown: look closer.
Element plain_start(std::string_view text, std::size_t at, std::size_t& size);

/// A start tag, as messages show it.
struct Tag {
  std::size_t begin = 0, end = 0;  ///< from '<' to behind '>'
  std::string_view name;
};

/// The tags do not match: which one is to blame. `open` are the elements that are open, the outermost first; the wrong
/// end tag (or a start tag where none can be) is at `at`.
Fault mismatch(std::string_view text, const std::vector<Tag>& open, std::size_t at);

/// The file ends while elements are open.
Fault cut_off(std::string_view text, const std::vector<Tag>& open);

/// The first offset of a byte from a given place on. Asked for ascending places only, so that all questions together
/// cost one pass over the text.
class NextByte {
 public:
  NextByte(std::string_view text, char byte) : text_(text), byte_(byte), next_(text.find(byte)) {}
  std::size_t from(std::size_t at) {
    if (next_ < at) next_ = text_.find(byte_, at);
    return next_;
  }

 private:
  std::string_view text_;
  char byte_;
  std::size_t next_;
};

class Walk {
 public:
  /// `copy` is the text that pugixml worked in: an element's name in the tree is at its place in the text.
  Walk(Context& context, std::string_view text, const char* copy, std::vector<Comment>& comments);

  /// From the root's '<' on. Nothing: a finding says why.
  std::optional<Value> run(pugi::xml_node root, std::size_t at);
  /// Something was wrong with the markup, and has been reported.
  bool has_faults() const { return faults_ != 0; }

 private:
  struct Frame {
    Element element = Element::plist;
    bool has_key = false;    ///< members[used].key waits for its value
    bool drop_next = false;  ///< the value that follows belongs to a key that could not be read
    bool has_hole = false;   ///< a template's placeholder stands for elements
    bool reported = false;   ///< one finding for what may not be in here is enough
    std::uint32_t used = 0, capacity = 0;
    Tag tag;
    Tag key;                    ///< the last <key>
    pugi::xml_node next;        ///< of the tree, not taken yet
    Value* value = nullptr;     ///< what this element becomes
    Value* items = nullptr;     ///< of an array
    Member* members = nullptr;  ///< of a dictionary
  };

  // Between elements.
  bool between();
  void stray_text();
  bool tail();
  // Elements.
  bool start();
  bool tree_node(pugi::xml_node& node);
  bool open(Element element, const Tag& tag, bool is_empty, pugi::xml_node node);
  void unknown(const Tag& tag);
  bool close();
  void finish(Frame& frame, std::size_t end);
  bool end_tag(const Tag& tag, std::size_t& at, bool is_leaf);
  bool other_end_tag(const Tag& tag, std::size_t& at, bool is_leaf);
  Value* place(const Tag& tag);
  // Leaves.
  bool leaf(Element element, const Tag& tag, bool is_empty, pugi::xml_node node);
  bool content(const Tag& tag, pugi::xml_node node, std::size_t& end);
  bool mixed_content(const Tag& tag, std::size_t& end);
  void accept_key(const Tag& tag);
  void convert(Element element, const Tag& tag, Value& value);
  void convert_integer(Value& value);
  void convert_data(Value& value);
  // Findings.
  bool fatal(const Fault& fault);
  // Templates.
  bool is_template() const { return text_.data() != original_.data(); }
  bool note_placeholder(Element element, const Tag& tag, Value& value);
  bool stands_for_value(Frame& frame, std::size_t stop);
  void note_hole(std::size_t gap);
  /// The path of a finding: to what is being read, or to the container that it stands in.
  enum class At : std::uint8_t { value, container };
  void fault(findings::Code code, const Tag& tag, std::string message, std::string help = {}, At at = At::value);
  void faulty(Value& value, findings::Code code, std::size_t begin, std::size_t end, std::string message,
              std::string help);
  void limited_report(const Fault& fault, At at);
  std::string path(At at) const;
  std::vector<Tag> open_tags(const Tag* innermost = nullptr) const;

  Context& context_;
  std::string_view original_;  ///< with the placeholders that are masked in text_
  Fault markup_;               ///< filled by the checks of xml_markup.h
  std::string_view text_;
  const char* copy_;
  std::vector<Comment>& comments_;
  std::vector<Frame> stack_;
  std::size_t at_ = 0;
  NextByte next_ampersand_, next_bracket_;
  std::size_t raw_ = 0, raw_end_ = 0;  ///< the content of the last leaf in the text
  std::string_view content_;           ///< that content, decoded
  bool verbatim_ = true;               ///< it is in the text as it is: offsets in it are offsets in the text
  Value root_;
  Value dropped_;  ///< takes values that have no place
  std::uint32_t values_ = 0;
  std::uint32_t faults_ = 0;  ///< of the markup
  std::uint32_t reports_ = 0;
  bool stopped_ = false;  ///< a fault that ends the reading
};

}  // namespace vpn::document::xml
