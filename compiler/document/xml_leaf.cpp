// Elements without elements in them: keys and plain values.
#include <algorithm>
#include <utility>

#include "compiler/document/scalars.h"
#include "compiler/document/xml_walk.h"

namespace vpn::document::xml {
namespace {

using findings::Code;

/// For a text with comments, CDATA or processing instructions within: every piece of it, white space too.
std::string joined_text(std::string_view element) {
  pugi::xml_document document;
  document.load_buffer(element.data(), element.size(),
                       pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_ws_pcdata,
                       pugi::encoding_utf8);
  std::string text;
  for (const pugi::xml_node piece : document.first_child().children()) text += piece.value();
  return text;
}

}  // namespace

bool Walk::leaf(Element element, const Tag& tag, bool is_empty, pugi::xml_node node) {
  std::size_t end = tag.end;
  if (is_empty) {
    content_ = {};
    raw_ = raw_end_ = end;
    verbatim_ = true;
  } else if (!content(tag, node, end)) {
    return false;
  }
  if (content_.size() > context_.options.limits.string_bytes)
    return fatal(beyond("a text is too long", context_.options.limits.string_bytes, tag.begin, tag.end));
  at_ = end;
  if (element == Element::key) {
    accept_key(tag);
    return true;
  }
  Value* const place_ = place(tag);
  Value value;
  value.span = context_.span(tag.begin, end);
  const bool known = !context_.has_marks || !note_placeholder(element, tag, value);
  if (stopped_) return false;
  if (known) convert(element, tag, value);
  *place_ = value;
  return true;
}

bool Walk::content(const Tag& tag, pugi::xml_node node, std::size_t& end) {
  raw_ = tag.end;
  raw_end_ = end = text_.find('<', raw_);
  if (end == std::string_view::npos || end + 1 >= text_.size()) return fatal(cut_off(text_, open_tags(&tag)));
  if (text_[end + 1] != '/') return mixed_content(tag, end);
  if (next_ampersand_.from(raw_) < end || next_bracket_.from(raw_) < end) {
    if (!check_text(text_, raw_, end, markup_)) return fatal(markup_);
  }
  // pugixml ends a text where its '<' was, unless references or line ends made it shorter.
  verbatim_ = end == raw_ || copy_[end] == '\0';
  content_ = verbatim_ ? text_.substr(raw_, end - raw_) : context_.document.keep(node.value());
  return end_tag(tag, end, true);
}

bool Walk::mixed_content(const Tag& tag, std::size_t& end) {
  std::size_t begin = raw_;
  while (true) {
    if (!check_text(text_, begin, end, markup_)) return fatal(markup_);
    if (starts_with(text_, end, "</")) break;
    if (starts_with(text_, end, "<!--")) {
      begin = comment_end(text_, end, markup_);
      if (begin != failed) comments_.push_back({context_.span(end, begin)});
    } else if (starts_with(text_, end, "<![CDATA[")) {
      begin = cdata_end(text_, end, markup_);
    } else if (starts_with(text_, end, "<?")) {
      begin = instruction_end(text_, end, markup_);
    } else {
      begin = failed;
      markup_ = mismatch(text_, open_tags(&tag), end);
    }
    if (begin == failed) return fatal(markup_);
    end = text_.find('<', begin);
    if (end == std::string_view::npos) return fatal(cut_off(text_, open_tags(&tag)));
  }
  raw_end_ = end;
  if (!end_tag(tag, end, true)) return false;
  verbatim_ = false;
  content_ = context_.document.keep(joined_text(text_.substr(tag.begin, end - tag.begin)));
  return true;
}

void Walk::accept_key(const Tag& tag) {
  Frame& frame = stack_.back();
  if (frame.element != Element::dict) {
    if (!std::exchange(frame.reported, true))
      fault(Code::misplaced_key, {tag.begin, at_, tag.name},
            "<key> stands in <" + std::string(frame.tag.name) + ">; only a <dict> has keys",
            frame.element == Element::array ? "put a <dict> around the keys and their values"
                                            : "put a <dict> into <plist>, around everything",
            At::container);
    frame.drop_next = true;
    return;
  }
  if (frame.has_key && !stands_for_value(frame, tag.begin))
    fault(Code::key_without_value, frame.key,
          "the key '" + shown(frame.members[frame.used].key) + "' has no value: another key follows",
          "give it a value, or remove it");
  if (const auto p = context_.has_marks ? find_placeholder(original_, raw_, raw_end_) : std::nullopt)
    saw_placeholder(context_, *p);
  frame.drop_next = false;
  frame.has_key = true;
  frame.reported = false;
  frame.key = {tag.begin, at_, content_};
  Member& member = frame.members[frame.used];
  member.key = content_;
  member.key_span = context_.span(raw_, raw_end_);
}

void Walk::convert(Element element, const Tag& tag, Value& value) {
  value.text = content_.data();
  value.size = static_cast<std::uint32_t>(content_.size());
  switch (element) {
    case Element::string:
      value.type = Type::string;
      break;
    case Element::integer:
      convert_integer(value);
      break;
    case Element::data:
      convert_data(value);
      break;
    case Element::real:
      value.type = Type::real;
      value.size = 0;
      if (!parse_real(content_, value.real)) {
        value.real = 0;
        faulty(value, Code::invalid_real, tag.begin, at_, "'" + shown(content_) + "' is no real number",
               "write for instance <real>1.5</real>");
      }
      break;
    case Element::date:
      value.type = Type::date;
      if (!is_date(content_))
        faulty(value, Code::invalid_date, tag.begin, at_, "'" + shown(content_) + "' is no date",
               "write for instance <date>2027-01-31T12:00:00Z</date>");
      break;
    default:
      value.type = Type::boolean;
      value.size = 0;
      value.raw = 0;
      value.boolean = element == Element::yes;
      if (!std::all_of(content_.begin(), content_.end(), is_space))
        faulty(value, Code::invalid_boolean, tag.begin, at_,
               "<" + std::string(tag.name) + "> has a content: '" + shown(content_) + "'",
               "write <" + std::string(tag.name) + "/>");
  }
}

void Walk::convert_integer(Value& value) {
  value.type = Type::integer;
  value.size = 0;
  value.integer = 0;
  const IntegerFault fault = parse_integer(content_, value.integer);
  if (fault == IntegerFault::none) return;
  const Span whole = value.span;
  const std::size_t begin = whole.known() ? whole.begin : 0, end = whole.known() ? whole.end : 0;
  if (fault == IntegerFault::out_of_range) {
    faulty(value, Code::invalid_integer, begin, end, "the integer " + shown(content_) + " does not fit into 64 bits",
           {});
  } else {
    faulty(value, Code::invalid_integer, begin, end,
           content_.empty() ? "the integer is empty" : "'" + shown(content_) + "' is no integer",
           "write decimal digits, for instance <integer>1</integer>");
  }
}

void Walk::convert_data(Value& value) {
  value.type = Type::data;
  auto* const bytes = context_.document.allocate_array<std::uint8_t>(content_.size() / 4 * 3 + 3);
  std::size_t bad = 0;
  const auto size = decode_base64(content_, bytes, bad);
  value.bytes = bytes;
  value.size = static_cast<std::uint32_t>(size.value_or(0));
  if (size) return;
  const std::size_t begin = verbatim_ ? raw_ + bad : raw_;
  if (bad == content_.size()) {
    faulty(value, Code::invalid_base64, begin, begin + 2,
           "the base64 text is not complete: characters are missing before its end",
           "copy the data again; the number of characters is a multiple of four, with '=' at the end");
    return;
  }
  std::size_t length = 1;
  while (bad + length < content_.size() && (static_cast<unsigned char>(content_[bad + length]) & 0xc0u) == 0x80u)
    ++length;
  faulty(value, Code::invalid_base64, begin, begin + length,
         "'" + shown(content_.substr(bad, length)) + "' is not allowed in base64 here", "copy the data again");
}

}  // namespace vpn::document::xml
