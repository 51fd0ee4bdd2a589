#include "compiler/document/template.h"

#include <algorithm>
#include <array>
#include <vector>

#include "compiler/document/characters.h"
#include "compiler/document/xml_markup.h"
#include "policy/ascii.h"

namespace vpn::document {
namespace {

using findings::Code;
using Kind = Placeholder::Kind;

bool is_word_start(char c) { return ascii::is_letter(c) || c == '_'; }
bool is_word(char c) { return is_word_start(c) || ascii::is_digit(c); }

std::size_t close_of(std::string_view text, std::size_t from, std::string_view close) {
  const std::size_t found = text.substr(0, std::min(text.size(), from + longest_placeholder)).find(close, from);
  return found == std::string_view::npos ? found : found + close.size();
}

enum class Role : std::uint8_t { none, opens, alternates, closes };

/// What the first word in {{ }} or {% %} does, in Jinja, Liquid, Go templates, ERB-like and Handlebars.
Role role_of(std::string_view inside) {
  const auto skip = [&](std::string_view characters) {
    inside.remove_prefix(std::min(inside.find_first_not_of(characters), inside.size()));
  };
  skip("{%-~+ \t\r\n");
  if (inside.empty()) return Role::none;
  if (inside.front() == '/') return Role::closes;
  if (inside.front() == '#' || inside.front() == '^') return Role::opens;
  std::size_t size = 0;
  while (size < inside.size() && is_word(inside[size])) ++size;
  const std::string_view word = inside.substr(0, size);
  constexpr std::array<std::string_view, 11> opens{"if",    "unless", "for",    "range", "with",   "each",
                                                   "block", "macro",  "filter", "call",  "foreach"};
  constexpr std::array<std::string_view, 5> alternates{"else", "elif", "elsif", "elseif", "when"};
  if (std::find(opens.begin(), opens.end(), word) != opens.end()) return Role::opens;
  if (std::find(alternates.begin(), alternates.end(), word) != alternates.end()) return Role::alternates;
  return word.starts_with("end") ? Role::closes : Role::none;
}

std::optional<Placeholder> braces_at(std::string_view text, std::size_t at) {
  const char next = at + 1 < text.size() ? text[at + 1] : '\0';
  const std::string_view close = next == '{' ? "}}" : next == '%' ? "%}" : next == '#' ? "#}" : "";
  if (close.empty()) return std::nullopt;
  const std::size_t end = close_of(text, at + 2, close);
  if (end == std::string_view::npos) return std::nullopt;
  const bool is_value = next == '{' && role_of(text.substr(at, end - at)) == Role::none;
  return Placeholder{is_value ? Kind::value : Kind::statement, at, end};
}

/// A word from `from` on that begins with a letter, and behind it `close`.
std::optional<Placeholder> word_at(std::string_view text, std::size_t at, std::size_t from, std::string_view close) {
  std::size_t end = from;
  while (end < text.size() && end - from < longest_placeholder && is_word(text[end])) ++end;
  if (end == from || !is_word_start(text[from]) || !xml::starts_with(text, end, close)) return std::nullopt;
  return Placeholder{Kind::value, at, end + close.size()};
}

std::optional<Placeholder> placeholder_at(std::string_view text, std::size_t at) {
  const auto peek = [&](std::size_t i) { return at + i < text.size() ? text[at + i] : '\0'; };
  switch (text[at]) {
    case '{':
      return braces_at(text, at);
    case '%':
      return is_word_start(peek(1)) && is_word(peek(2)) ? word_at(text, at, at + 1, "%") : std::nullopt;
    case '@':
      return peek(1) == '@' ? word_at(text, at, at + 2, "@@") : std::nullopt;
    case '$': {
      if (peek(1) == '{') return word_at(text, at, at + 2, "}");
      // In the middle of a word it is a character of a password.
      const bool inside = at > 0 && (is_word(text[at - 1]) || text[at - 1] == '$');
      const auto word = ascii::is_upper(peek(1)) && !inside ? word_at(text, at, at + 1, "") : std::nullopt;
      if (!word || word->end - word->begin < 3) return std::nullopt;
      const std::string_view name = text.substr(at + 1, word->end - at - 1);
      return std::none_of(name.begin(), name.end(), ascii::is_lower) ? word : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

/// Replaces parts of a copy of the text, so that offsets stay what they are.
class Mask {
 public:
  explicit Mask(std::string_view text) : text_(text), out_(text) {}

  void blank(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      if (out_[i] != '\n' && out_[i] != '\r') out_[i] = ' ';
  }
  /// Takes the meaning from characters that are markup.
  void defuse(std::size_t begin, std::size_t end, std::string_view markup) {
    for (std::size_t i = begin; i < end; ++i)
      if (markup.find(out_[i]) != std::string_view::npos) out_[i] = '_';
  }
  void put(std::size_t at, std::string_view what) { out_.replace(at, what.size(), what); }

  /// A statement between elements. Of several branches the first is kept.
  void statement(const Placeholder& p) {
    blank(p.begin, p.end);
    switch (role_of(text_.substr(p.begin, p.end - p.begin))) {
      case Role::opens:
        open_.push_back(std::string::npos);
        break;
      case Role::alternates:
        if (!open_.empty() && open_.back() == std::string::npos) open_.back() = p.begin;
        break;
      case Role::closes:
        if (open_.empty()) break;
        if (open_.back() != std::string::npos) blank(open_.back(), p.end);
        open_.pop_back();
        break;
      case Role::none:
        break;
    }
  }

  std::string take() { return std::move(out_); }
  const std::string& text() const { return out_; }

 private:
  std::string_view text_;
  std::string out_;
  std::vector<std::size_t> open_;  ///< for each block, where its second branch began
};

constexpr std::string_view xml_markup = "<>&", json_markup = "\"\\\n\r\t";

bool is_leaf(std::string_view name) {
  constexpr std::array<std::string_view, 8> leaves{"key", "string", "integer", "real", "data", "date", "true", "false"};
  return std::find(leaves.begin(), leaves.end(), name) != leaves.end();
}

/// Walks over the text of an XML template: whether a place is in the text of a leaf, between elements, or in a tag.
class XmlMasker {
 public:
  explicit XmlMasker(std::string_view text) : text_(text), mask_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (text_[at_] == '<') {
        tag();
      } else if (const auto p = placeholder_at(text_, at_)) {
        in_leaf_ ? mask_.defuse(p->begin, p->end, xml_markup) : between(*p);
        at_ = p->end;
      } else {
        ++at_;
      }
    }
    return mask_.take();
  }

 private:
  void between(const Placeholder& p) { p.kind == Kind::statement ? mask_.statement(p) : mask_.blank(p.begin, p.end); }

  void skip_to(std::string_view close) {
    const std::size_t found = text_.find(close, at_);
    at_ = found == std::string_view::npos ? text_.size() : found + close.size();
  }

  void tag() {
    if (xml::starts_with(text_, at_, "<!--")) return skip_to("-->");
    if (xml::starts_with(text_, at_, "<![CDATA[")) return skip_to("]]>");
    const std::size_t begin = at_++;
    const std::size_t stop = xml::name_end(text_, at_);
    const std::string_view name = text_.substr(at_, stop - at_);
    const auto is_name = at_ < text_.size() ? placeholder_at(text_, at_) : std::nullopt;
    while (at_ < text_.size() && text_[at_] != '>' && text_[at_] != '<') {
      const auto p = placeholder_at(text_, at_);
      if (p) mask_.defuse(p->begin, p->end, "<>&\"'");
      at_ = p ? p->end : at_ + 1;
    }
    if (at_ >= text_.size() || text_[at_] == '<') return;
    const bool is_empty = text_[at_ - 1] == '/';
    ++at_;
    constexpr std::string_view stands_for = "<true/>";
    if (is_name && is_empty && at_ - begin >= stands_for.size()) {  // <{{ 'true' if x else 'false' }}/>
      mask_.blank(begin, at_);
      mask_.put(begin, stands_for);
      return;
    }
    in_leaf_ = !is_empty && is_leaf(name);
  }

  std::string_view text_;
  Mask mask_;
  std::size_t at_ = 0;
  bool in_leaf_ = false;
};

/// Commas that a branch or loop left before a closing bracket.
void drop_trailing_commas(Mask& mask) {
  bool in_string = false;
  std::size_t comma = std::string::npos;
  for (std::size_t i = 0; i < mask.text().size(); ++i) {
    const char c = mask.text()[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == ',') {
      comma = i;
    } else if (!xml::is_space(c)) {
      if ((c == '}' || c == ']') && comma != std::string::npos) mask.blank(comma, comma + 1);
      comma = std::string::npos;
      in_string = c == '"';
    }
  }
}

}  // namespace

std::optional<Placeholder> find_placeholder(std::string_view text, std::size_t begin, std::size_t end,
                                            std::size_t beyond) {
  const std::size_t limit = std::min(end + beyond, text.size());
  for (std::size_t at = find_mark(text, begin, end); at < end; at = find_mark(text, at + 1, end)) {
    const auto p = placeholder_at(text, at);
    if (p && p->end <= limit) return p;
  }
  return std::nullopt;
}

std::string mask_xml(std::string_view text) { return XmlMasker(text).run(); }

std::string mask_json(std::string_view text) {
  Mask mask(text);
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    if (const auto p = placeholder_at(text, at)) {
      if (in_string) {
        mask.defuse(p->begin, p->end, json_markup);
      } else if (p->kind == Kind::statement) {
        mask.statement(*p);
      } else {
        mask.defuse(p->begin, p->end, json_markup);
        mask.put(p->begin, "\"");
        mask.put(p->end - 1, "\"");
      }
      at = p->end;
      continue;
    }
    if (in_string && text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      in_string = !in_string;
    ++at;
  }
  drop_trailing_commas(mask);
  return mask.take();
}

Fault not_readable(std::string_view text, const Placeholder& p) {
  return {Code::template_not_readable, p.begin, p.end,
          "this file is a template: '" + shown(text.substr(p.begin, p.end - p.begin)) +
              "' has to be filled in before it can be read",
          "lint it with --template"};
}

std::optional<Fault> template_cause(const Context& context, std::string_view text, const Fault& fault) {
  const bool other = fault.code == Code::limit_exceeded || fault.code == Code::template_not_readable;
  if (context.options.template_mode || other) return std::nullopt;
  const std::size_t at = std::min(fault.begin, text.size());
  const std::size_t before = text.substr(0, at).find_last_of("\r\n");
  // Long lines are looked at near the fault only.
  const std::size_t begin = std::max(before == std::string_view::npos ? 0 : before + 1,
                                     at > longest_placeholder ? at - longest_placeholder : 0);
  const std::size_t end = std::min({text.find_first_of("\r\n", at), text.size(), at + longest_placeholder});
  std::optional<Placeholder> cause;
  for (auto p = find_placeholder(text, begin, end); p; p = find_placeholder(text, p->end, end)) {
    if (cause && p->begin > at) break;  // the one that the fault lies in, or the last before it
    cause = p;
  }
  return cause ? std::optional(not_readable(text, *cause)) : std::nullopt;
}

void saw_placeholder(Context& context, const Placeholder& p) {
  if (!context.document.is_template || p.begin < context.first_placeholder) {
    context.first_placeholder = p.begin;
    context.first_placeholder_end = p.end;
  }
  context.document.is_template = true;
}

void note_template(Context& context, std::string_view text) {
  if (!context.document.is_template) return;
  const std::size_t begin = context.first_placeholder, end = context.first_placeholder_end;
  context.report(
      {Code::template_file, begin, end,
       "this file is a template: '" + shown(text.substr(begin, end - begin)) +
           "' stands for a value that is not known here",
       context.options.template_mode ? "" : "lint it with --template to have it read around the placeholders"});
}

}  // namespace vpn::document
