#include "compiler/lsp/outline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "compiler/document/characters.h"
#include "compiler/lsp/outline_scan.h"
#include "policy/ascii.h"

namespace vpn::lsp {
namespace {

constexpr std::size_t longest_meant = 4096;
constexpr std::size_t none = std::string_view::npos;

/// Without white space at both ends; an empty one stays where it begins.
Span trimmed_span(std::string_view text, std::size_t begin, std::size_t end) {
  while (begin < end && ascii::is_space(text[end - 1])) --end;
  while (begin < end && ascii::is_space(text[begin])) ++begin;
  return OutlineBuilder::span(begin, end);
}

}  // namespace

bool is_json_text(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != none && (text[first] == '{' || text[first] == '[');
}

// Named by a friend declaration, so not in the unnamed namespace.
class XmlScan {
 public:
  explicit XmlScan(Outline& out) : out_(out), text_(out.text_), build_(out.nodes_, text_.size()) {}

  void run() {
    while (at_ < text_.size() && !build_.full()) {
      const std::size_t tag = text_.find('<', at_);
      if (tag == none) return;
      if (text_.substr(tag, 4) == "<!--") {
        skip(tag, "-->");
        out_.comments_.push_back(OutlineBuilder::span(tag, at_));
      } else if (text_.substr(tag, 9) == "<![CDATA[") {
        skip(tag, "]]>");
      } else if (text_.substr(tag, 2) == "<?" || text_.substr(tag, 2) == "<!") {
        skip(tag, ">");
      } else {
        element(tag);
      }
    }
  }

 private:
  void skip(std::size_t from, std::string_view end) {
    const std::size_t found = text_.find(end, from);
    at_ = found == none ? text_.size() : found + end.size();
  }

  void element(std::size_t tag) {
    const bool closing = text_.substr(tag, 2) == "</";
    const std::size_t begin = tag + (closing ? 2 : 1);
    std::size_t name_end = begin;
    while (name_end < text_.size() && ascii::is_letter(text_[name_end])) ++name_end;
    const std::string_view name = text_.substr(begin, name_end - begin);
    const std::size_t end = text_.find_first_of("<>", name_end);
    if (end == none || text_[end] == '<') {  // still being typed
      at_ = std::min(end, text_.size());
      return;
    }
    at_ = end + 1;
    if (closing) {
      if (name == "dict") build_.leave(NodeKind::dictionary, tag, at_);
      if (name == "array") build_.leave(NodeKind::array, tag, at_);
    } else {
      opened(name, tag, text_[end - 1] == '/');
    }
  }

  void opened(std::string_view name, std::size_t tag, bool self_closing) {
    if (name == "plist" || name.empty()) return;
    const bool dictionary = name == "dict";
    if (dictionary || name == "array") {
      const NodeKind kind = dictionary ? NodeKind::dictionary : NodeKind::array;
      if (self_closing) {
        build_.value(kind, name, OutlineBuilder::span(tag, at_), {});
      } else {
        build_.enter(kind, name, tag, at_);
      }
      return;
    }
    if (self_closing) {
      if (name != "key") build_.value(NodeKind::scalar, name, OutlineBuilder::span(tag, at_), {});
      return;
    }
    scalar(name, tag);
  }

  /// A key or a scalar up to the next tag, which may be another than its own end.
  void scalar(std::string_view name, std::size_t tag) {
    const std::size_t begin = at_;
    const std::size_t next = std::min(text_.find('<', begin), text_.size());
    const bool closed =
        text_.substr(next, 2) == "</" && next + 2 <= text_.size() && text_.substr(next + 2).starts_with(name);
    // What is being typed ends with its line: below it stands something else.
    const Span content = trimmed_span(text_, begin, closed ? next : std::min(next, text_.find_first_of("\r\n", begin)));
    at_ = closed ? std::min(text_.find('>', next), text_.size() - 1) + 1 : next;
    const Span whole = OutlineBuilder::span(tag, closed ? at_ : content.end);
    if (name == "key") {
      build_.key(content, whole, closed);
    } else {
      build_.value(NodeKind::scalar, name, whole, content);
    }
  }

  Outline& out_;
  std::string_view text_;
  OutlineBuilder build_;
  std::size_t at_ = 0;
};

class JsonScan {
 public:
  explicit JsonScan(Outline& out) : text_(out.text_), build_(out.nodes_, text_.size()) {}

  void run() {
    while (at_ < text_.size() && !build_.full()) {
      const char c = text_[at_];
      if (c == '{' || c == '[') {
        ++at_;
        build_.enter(c == '{' ? NodeKind::dictionary : NodeKind::array, {}, at_ - 1, at_);
        colon_ = false;
      } else if (c == '}' || c == ']') {
        build_.leave(c == '}' ? NodeKind::dictionary : NodeKind::array, at_, at_ + 1);
        ++at_;
        colon_ = false;
      } else if (c == '"') {
        string();
      } else if (c == ':' || c == ',') {
        colon_ = c == ':' && build_.in_dictionary() && build_.wants_value();
        ++at_;
      } else if (ascii::is_space(c)) {
        ++at_;
      } else {
        token();
      }
    }
  }

 private:
  /// To its quote, or to the end of the line where that is not there yet.
  void string() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n' && text_[at_] != '\r')
      at_ += text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2U : 1U;
    const std::size_t end = std::min(at_, text_.size());
    const bool closed = end < text_.size() && text_[end] == '"';
    at_ = end + (closed ? 1U : 0U);
    const Span whole = OutlineBuilder::span(begin, at_), inner = OutlineBuilder::span(begin + 1, end);
    if (build_.in_dictionary() && !colon_) {
      build_.key(inner, whole, closed);
    } else {
      build_.value(NodeKind::scalar, "string", whole, inner);
      colon_ = false;
    }
  }

  void token() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !ascii::is_space(text_[at_]) && std::string_view("{}[]\",:").find(text_[at_]) == none)
      ++at_;
    if (build_.in_dictionary() && !colon_) return;  // a key that is being typed
    const Span whole = OutlineBuilder::span(begin, at_);
    build_.value(NodeKind::scalar, {}, whole, whole);
    colon_ = false;
  }

  std::string_view text_;
  OutlineBuilder build_;
  std::size_t at_ = 0;
  bool colon_ = false;  ///< behind a key and its colon
};

Outline::Outline(std::string_view text) : text_(text), json_(is_json_text(text)) {
  if (json_) {
    JsonScan(*this).run();
  } else {
    XmlScan(*this).run();
  }
}

std::string_view Outline::text(Span span) const {
  return span.known() ? text_.substr(span.begin, span.end - span.begin) : std::string_view{};
}

std::uint32_t Outline::find(std::uint32_t dictionary, std::string_view wanted) const {
  if (dictionary == no_node) return no_node;
  for (std::uint32_t c = nodes_[dictionary].first; c != no_node; c = nodes_[c].next)
    if (nodes_[c].key.known() && text(nodes_[c].key) == wanted) return c;
  return no_node;
}

std::string Outline::string(std::uint32_t node) const {
  if (node == no_node || nodes_[node].element != "string") return {};
  return meant(nodes_[node].content);
}

/// References and escapes of what names have in them; others stay as they are.
std::string Outline::meant(Span span) const {
  const std::string_view raw = text(span).substr(0, longest_meant);
  if (raw.find(json_ ? '\\' : '&') == none) return document::valid_utf8(raw);
  constexpr std::array<std::pair<std::string_view, char>, 5> references{
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  constexpr std::array<std::pair<std::string_view, char>, 3> escapes{{{"\\\"", '"'}, {"\\\\", '\\'}, {"\\/", '/'}}};
  std::string out;
  const auto take = [&](std::size_t at, const auto& known) {
    for (const auto& [written, character] : known) {
      if (raw.substr(at, written.size()) != written) continue;
      out += character;
      return written.size();
    }
    out += raw[at];
    return std::size_t{1};
  };
  for (std::size_t at = 0; at < raw.size();) at += json_ ? take(at, escapes) : take(at, references);
  return document::valid_utf8(out);
}

std::uint32_t Outline::innermost(std::size_t offset) const {
  std::uint32_t at = top;
  for (std::uint32_t child = nodes_[at].first; child != no_node;) {
    const Node& node = nodes_[child];
    const bool container = node.kind == NodeKind::dictionary || node.kind == NodeKind::array;
    if (container && node.content.known() && node.content.begin <= offset && offset <= node.content.end) {
      at = child;
      child = node.first;
    } else {
      child = node.next;
    }
  }
  return at;
}

}  // namespace vpn::lsp
