#include "compiler/document/xml_walk.h"

#include <array>
#include <cstring>
#include <utility>

#include "console/similar/similar.h"

namespace vpn::document::xml {
namespace {

using findings::Code;

constexpr std::array<std::string_view, 11> names{"plist", "dict", "array", "key",  "string", "integer",
                                                 "real",  "true", "false", "data", "date"};

/// More than these are of no use to anybody, and a hostile file must not fill the memory with findings.
constexpr std::uint32_t most_faults = 100;

std::uint32_t children_of(pugi::xml_node node) {
  std::uint32_t count = 0;
  for (pugi::xml_node child = node.first_child(); child; child = child.next_sibling()) ++count;
  return count;
}

bool is_container(Element e) { return e == Element::dict || e == Element::array; }

}  // namespace

Element element_of(std::string_view name) {
  const auto is = [&](std::string_view other) { return std::memcmp(name.data(), other.data(), other.size()) == 0; };
  switch (name.size()) {
    case 3:
      return is("key") ? Element::key : Element::unknown;
    case 4:
      if (is("dict")) return Element::dict;
      if (is("true")) return Element::yes;
      if (is("data")) return Element::data;
      if (is("date")) return Element::date;
      return is("real") ? Element::real : Element::unknown;
    case 5:
      if (is("array")) return Element::array;
      if (is("false")) return Element::no;
      return is("plist") ? Element::plist : Element::unknown;
    case 6:
      return is("string") ? Element::string : Element::unknown;
    case 7:
      return is("integer") ? Element::integer : Element::unknown;
    default:
      return Element::unknown;
  }
}

Element plain_start(std::string_view text, std::size_t at, std::size_t& size) {
  if (text.size() - at < 10) return Element::unknown;  // <integer> and one more
  const char* const name = text.data() + at + 1;
  const auto is = [&](std::string_view tag) {
    size = tag.size() - 1;
    return std::memcmp(name, tag.data(), tag.size()) == 0;
  };
  switch (*name) {
    case 'k':
      return is("key>") ? Element::key : Element::unknown;
    case 's':
      return is("string>") ? Element::string : Element::unknown;
    case 'i':
      return is("integer>") ? Element::integer : Element::unknown;
    case 'a':
      return is("array>") ? Element::array : Element::unknown;
    case 'r':
      return is("real>") ? Element::real : Element::unknown;
    case 'd':
      if (is("dict>")) return Element::dict;
      if (is("data>")) return Element::data;
      return is("date>") ? Element::date : Element::unknown;
    default:
      return Element::unknown;
  }
}

Walk::Walk(Context& context, std::string_view text, const char* copy, std::vector<Comment>& comments)
    : context_(context),
      original_(context.original.empty() ? text : context.original),
      text_(text),
      copy_(copy),
      comments_(comments),
      next_ampersand_(text, '&'),
      next_bracket_(text, ']') {
  stack_.reserve(16);
}

// The root is a <plist>: read_xml() has looked.
std::optional<Value> Walk::run(pugi::xml_node root, std::size_t at) {
  const std::size_t name = name_end(text_, at + 1);
  bool is_empty = false;
  const std::size_t end = tag_end(text_, at, name, is_empty, markup_);
  if (end == failed) {
    fatal(markup_);
    return std::nullopt;
  }
  Frame frame;
  frame.tag = {at, end, text_.substr(at + 1, name - at - 1)};
  frame.next = root.first_child();
  at_ = end;
  if (!is_empty) {
    stack_.push_back(frame);
    while (!stack_.empty()) {
      if (!between()) return std::nullopt;
      if (!(text_[at_ + 1] == '/' ? close() : start())) return std::nullopt;
      if (stopped_) return std::nullopt;
    }
  }
  if (!tail()) return std::nullopt;
  if (values_ == 0) {
    if (faults_ == 0)
      fault(Code::empty_property_list, frame.tag, "the property list has no value", "put a <dict> into <plist>");
    return std::nullopt;
  }
  return root_;
}

bool Walk::between() {
  while (true) {
    const std::size_t gap = std::exchange(at_, skip_space(text_, at_));
    if (is_template() && gap != at_) note_hole(gap);
    if (at_ + 1 >= text_.size()) {
      if (at_ < text_.size() && text_[at_] != '<') stray_text();
      return fatal(cut_off(text_, open_tags()));
    }
    if (text_[at_] != '<') {
      stray_text();
      if (stopped_) return false;
      continue;
    }
    const char next = text_[at_ + 1];
    if (next == '/' || is_name_start(next)) return true;
    std::size_t end = failed;
    if (starts_with(text_, at_, "<!--")) {
      end = comment_end(text_, at_, markup_);
      if (end != failed) comments_.push_back({context_.span(at_, end)});
    } else if (next == '?') {
      end = instruction_end(text_, at_, markup_);
    } else if (starts_with(text_, at_, "<![CDATA[")) {
      end = cdata_end(text_, at_, markup_);
      if (end != failed) stray_text();
    } else {
      markup_ = {Code::xml_syntax, at_, at_ + 1, "'<' begins no tag here", "in text, write &lt;"};
    }
    if (end == failed) return fatal(markup_);
    at_ = end;
  }
}

/// Text between elements, or a CDATA section.
void Walk::stray_text() {
  const std::size_t begin = at_;
  at_ = std::min(text_.find('<', at_ + 1), text_.size());
  std::size_t end = at_;
  while (is_space(text_[end - 1])) --end;
  if (stack_.back().element == Element::unknown) return;
  // A statement may have a '<' in it.
  const auto p = context_.has_marks ? find_placeholder(text_, begin, end, longest_placeholder) : std::nullopt;
  if (p) {
    fatal(not_readable(text_, *p));
    return;
  }
  fault(Code::text_between_elements, {begin, end, {}},
        "text stands between the elements of " + in_angles(stack_.back().tag.name) + ": '" +
            shown(text_.substr(begin, end - begin)) + "'",
        "put it into an element such as <string>, into a comment, or remove it", At::container);
}

/// Behind </plist>.
bool Walk::tail() {
  while (true) {
    at_ = skip_space(text_, at_);
    if (at_ >= text_.size()) return true;
    std::size_t end = failed;
    if (starts_with(text_, at_, "<!--")) {
      end = comment_end(text_, at_, markup_);
      if (end != failed) comments_.push_back({context_.span(at_, end)});
    } else if (starts_with(text_, at_, "<?") && !starts_with(text_, at_, "<?xml ")) {
      end = instruction_end(text_, at_, markup_);
    } else {
      std::size_t stop = std::min(text_.find('\n', at_), text_.size());
      while (is_space(text_[stop - 1])) --stop;
      markup_ = {Code::content_after_root, at_, stop, "there is more behind </plist>",
                 "a file holds one property list; two files may have been joined"};
    }
    if (end == failed) return fatal(markup_);
    at_ = end;
  }
}

bool Walk::start() {
  std::size_t size = 0;
  bool is_empty = false;
  Element element = plain_start(text_, at_, size);
  Tag tag{at_, at_ + size + 2, text_.substr(at_ + 1, size)};
  if (element == Element::unknown) {
    const std::size_t name = name_end(text_, at_ + 1);
    tag.name = text_.substr(at_ + 1, name - at_ - 1);
    tag.end = tag_end(text_, at_, name, is_empty, markup_);
    if (tag.end == failed) return fatal(markup_);
    element = element_of(tag.name);
  }
  pugi::xml_node node;
  if (!tree_node(node)) return false;
  at_ = tag.end;
  if (stack_.back().element == Element::unknown) return open(Element::unknown, tag, is_empty, node);
  if (element == Element::unknown || element == Element::plist) {
    unknown(tag);
    return open(Element::unknown, tag, is_empty, node);
  }
  if (++values_ > context_.options.limits.values)
    return fatal(beyond("the file has too many values", context_.options.limits.values, tag.begin, tag.end));
  return is_container(element) ? open(element, tag, is_empty, node) : leaf(element, tag, is_empty, node);
}

/// The element of the tree that begins where the text is read. It is there unless pugixml stopped before.
bool Walk::tree_node(pugi::xml_node& node) {
  Frame& frame = stack_.back();
  const char* const name = copy_ + at_ + 1;
  for (node = frame.next; node.name() != name; node = node.next_sibling())
    if (node.empty()) return fatal({Code::xml_syntax, at_, at_ + 1, "the markup is not well-formed here"});
  frame.next = node.next_sibling();
  return true;
}

bool Walk::open(Element element, const Tag& tag, bool is_empty, pugi::xml_node node) {
  if (stack_.size() >= context_.options.limits.depth)
    return fatal(beyond("elements are nested too deep", context_.options.limits.depth, tag.begin, tag.end));
  Frame frame;
  frame.element = element;
  frame.tag = tag;
  frame.next = node.first_child();
  if (element != Element::unknown) {
    frame.value = place(tag);
    const std::uint32_t count = is_empty ? 0 : children_of(node);
    // Of a template, a key's value may be a placeholder.
    frame.capacity = element == Element::dict && !is_template() ? (count + 1) / 2 : count;
    if (element == Element::array) frame.items = context_.document.allocate_array<Value>(frame.capacity);
    if (element == Element::dict) frame.members = context_.document.allocate_array<Member>(frame.capacity);
  }
  if (is_empty) {
    finish(frame, tag.end);
  } else {
    stack_.push_back(frame);
  }
  return true;
}

/// Says what an unknown element may mean; its content is passed over.
void Walk::unknown(const Tag& tag) {
  Frame& frame = stack_.back();
  const bool nested = tag.name == "plist";
  const std::string_view meant = nested ? std::string_view() : cli::nearest(tag.name, names);
  if (frame.element == Element::dict && meant == "key") {
    frame.drop_next = true;
    frame.has_key = false;
  } else if (frame.element != Element::dict || frame.has_key || frame.drop_next) {
    Value* const value = place(tag);
    *value = Value();
    value->faulty = true;
    value->span = context_.span(tag.begin, tag.end);
    ++values_;
  }
  fault(Code::unknown_element, tag,
        nested ? "<plist> stands within a property list" : "a property list has no element " + in_angles(tag.name),
        meant.empty() ? "" : "did you mean " + in_angles(meant) + "?");
}

bool Walk::close() {
  Frame& frame = stack_.back();
  std::size_t end = at_;
  if (!end_tag(frame.tag, end, false)) return false;
  finish(frame, end);
  stack_.pop_back();
  at_ = end;
  return true;
}

void Walk::finish(Frame& frame, std::size_t end) {
  if (frame.has_key && !stands_for_value(frame, at_))
    fault(Code::key_without_value, frame.key, "the last key of this dictionary has no value", {});
  if (frame.value == nullptr) return;
  Value value;
  value.type = frame.element == Element::dict ? Type::dictionary : Type::array;
  value.size = frame.used;
  value.placeholder = frame.has_hole;
  if (frame.element == Element::dict) {
    value.members = frame.members;
  } else {
    value.items = frame.items;
  }
  value.span = context_.span(frame.tag.begin, end);
  *frame.value = value;
}

/// From "</" to behind the '>'.
bool Walk::end_tag(const Tag& tag, std::size_t& at, bool is_leaf) {
  const std::size_t plain = at + 2 + tag.name.size();
  if (plain < text_.size() && text_[plain] == '>' &&
      std::memcmp(text_.data() + at + 2, tag.name.data(), tag.name.size()) == 0) {
    at = plain + 1;
    return true;
  }
  return other_end_tag(tag, at, is_leaf);
}

/// One with white space in it, or a fault.
bool Walk::other_end_tag(const Tag& tag, std::size_t& at, bool is_leaf) {
  if (starts_with(text_, at + 2, tag.name)) {
    const std::size_t stop = at + 2 + tag.name.size();
    const std::size_t close = skip_space(text_, stop);
    if (close < text_.size() && text_[close] == '>') {
      at = close + 1;
      return true;
    }
    if (close >= text_.size()) return fatal(cut_off(text_, open_tags(is_leaf ? &tag : nullptr)));
    if (close != stop || !is_name(text_[stop]))
      return fatal({Code::xml_syntax, at, stop, "the end tag </" + std::string(tag.name) + " is not closed by '>'"});
  }
  return fatal(mismatch(text_, open_tags(is_leaf ? &tag : nullptr), at));
}

/// Where the value goes that begins here.
Value* Walk::place(const Tag& tag) {
  Frame& frame = stack_.back();
  if (frame.element == Element::plist) {
    if (frame.used++ == 0) return &root_;
    if (!std::exchange(frame.reported, true))
      fault(Code::content_after_root, tag, "a property list holds one value only; this is another",
            "put both into one <dict> or <array>");
  } else if (frame.element == Element::array) {
    if (frame.used < frame.capacity) return &frame.items[frame.used++];
  } else if (frame.drop_next) {
    frame.drop_next = false;
  } else if (frame.has_key) {
    frame.has_key = false;
    return &frame.members[frame.used++].value;
  } else if (is_template()) {
    // Of a template, the other branch of a value may stand here; which one will stay is not known.
  } else if (!std::exchange(frame.reported, true)) {
    fault(Code::value_without_key, tag, in_angles(tag.name) + " in a dictionary has no <key> before it",
          "write <key>…</key> before each value", At::container);
  }
  return &dropped_;
}

bool Walk::fatal(const Fault& fault) {
  if (faults_++ == 0) {
    const auto cause = context_.has_marks ? template_cause(context_, text_, fault) : std::nullopt;
    context_.report(cause ? *cause : fault, path(At::value));
  }
  stopped_ = true;
  return false;
}

void Walk::fault(Code code, const Tag& tag, std::string message, std::string help, At at) {
  ++faults_;
  limited_report({code, tag.begin, tag.end, std::move(message), std::move(help)}, at);
}

void Walk::faulty(Value& value, Code code, std::size_t begin, std::size_t end, std::string message, std::string help) {
  value.faulty = true;
  limited_report({code, begin, end, std::move(message), std::move(help)}, At::value);
}

void Walk::limited_report(const Fault& fault, At at) {
  if (stopped_) return;
  context_.report(fault, path(at));
  if (++reports_ < most_faults) return;
  stopped_ = true;
  context_.report(beyond("the file has too many faults; the rest is not read", most_faults, fault.begin, fault.end));
}

/// The members and elements that are open.
std::string Walk::path(At at) const {
  std::vector<Path> chain;
  chain.reserve(stack_.size());
  for (const Frame& frame : stack_) {
    if (at == At::container && &frame == &stack_.back()) break;
    const Path* const parent = chain.empty() ? nullptr : &chain.back();
    if (frame.element == Element::dict && !frame.key.name.empty()) chain.push_back({parent, frame.key.name, 0});
    if (frame.element == Element::array && frame.used != 0) chain.push_back({parent, {}, frame.used - 1});
  }
  return chain.empty() ? std::string() : chain.back().to_string();
}

std::vector<Tag> Walk::open_tags(const Tag* innermost) const {
  std::vector<Tag> open;
  for (const Frame& frame : stack_) open.push_back(frame.tag);
  if (innermost != nullptr) open.push_back(*innermost);
  return open;
}

}  // namespace vpn::document::xml
