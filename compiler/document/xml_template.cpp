// Placeholders of templates in XML property lists.
#include <algorithm>

#include "compiler/document/xml_walk.h"

namespace vpn::document::xml {

/// A leaf with a placeholder in it has a value that is not known. A string may have one in every file, for nothing says
/// that it is not meant so; other values cannot be read then. False: there is none.
bool Walk::note_placeholder(Element element, const Tag& tag, Value& value) {
  // One that is masked by a whole element is longer than that.
  const auto p = find_placeholder(original_, tag.begin, at_, longest_placeholder);
  if (!p) return false;
  saw_placeholder(context_, *p);
  value.placeholder = true;
  if (element == Element::string) {
    convert(element, tag, value);
    return true;
  }
  if (!context_.options.template_mode) fatal(not_readable(original_, *p));
  constexpr Type types[] = {Type::integer, Type::real, Type::boolean, Type::boolean, Type::data, Type::date};
  value.type = types[static_cast<unsigned>(element) - static_cast<unsigned>(Element::integer)];
  value.size = 0;
  value.raw = 0;
  if (value.type == Type::date) value.text = "";
  return true;
}

/// Between a key and what follows there may be a placeholder that becomes its value.
bool Walk::stands_for_value(Frame& frame, std::size_t stop) {
  if (!is_template()) return false;
  const auto p = find_placeholder(original_, frame.key.end, stop);
  if (!p || p->kind != Placeholder::Kind::value) return false;
  Value value;
  value.placeholder = true;
  value.span = context_.span(p->begin, p->end);
  frame.members[frame.used++].value = value;
  frame.has_key = false;
  return true;
}

/// The white space that a masked placeholder has left between elements.
void Walk::note_hole(std::size_t gap) {
  const auto p = find_placeholder(original_, gap, at_);
  if (!p) return;
  saw_placeholder(context_, *p);
  if (!stack_.empty() && p->kind == Placeholder::Kind::value && !stack_.back().has_key) stack_.back().has_hole = true;
}

}  // namespace vpn::document::xml
