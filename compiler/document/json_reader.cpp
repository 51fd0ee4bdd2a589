// JSON declarations: nlohmann's parser reports events, an iterator that counts tells where they stand in the text.
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "compiler/document/characters.h"
#include "compiler/document/reader.h"
#include "compiler/document/template.h"
#include "policy/ascii.h"

namespace vpn::document {
namespace {

using findings::Code;

/// Walks over the text and leaves word of how far the parser has read.
class Counting {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Counting(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  Counting& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  Counting operator++(int) {  // NOLINT(cert-dcl21-cpp): an iterator's is not constant
    const Counting before = *this;
    ++*this;
    return before;
  }
  // C++20 makes != of it.
  friend bool operator==(const Counting& a, const Counting& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

/// Behind the number that begins at `at`, after the grammar of RFC 8259, section 6; `at` when none does.
std::size_t number_end(std::string_view text, std::size_t at) {
  const auto peek = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  const auto digits = [&](std::size_t i) {
    while (ascii::is_digit(peek(i))) ++i;
    return i;
  };
  std::size_t end = at + (peek(at) == '-' ? 1 : 0);
  if (!ascii::is_digit(peek(end))) return at;
  end = peek(end) == '0' ? end + 1 : digits(end);
  if (peek(end) == '.') end = digits(end + 1);
  if (peek(end) == 'e' || peek(end) == 'E') {
    const bool sign = peek(end + 1) == '+' || peek(end + 1) == '-';
    end = digits(end + (sign ? 2 : 1));
  }
  return end;
}

/// nlohmann's SAX interface. A false result ends the parse.
class Events {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  Events(Context& context, std::string_view text)
      : context_(context),
        text_(text),
        original_(context.original.empty() ? text : context.original),
        furthest_(text.data()),
        token_end_(text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0) {}

  bool parse() {
    const Counting begin(text_.data(), &furthest_), end(text_.data() + text_.size(), &furthest_);
    return nlohmann::json::sax_parse(begin, end, this) && !has_fault_;
  }
  const Value& root() const { return root_; }

  bool null() {
    return scalar(Type::null, [](Value&) {});
  }
  bool boolean(bool b) {
    return scalar(Type::boolean, [b](Value& v) { v.boolean = b; });
  }
  bool number_integer(number_integer_t i) {
    return scalar(Type::integer, [i](Value& v) { v.integer = i; });
  }
  bool number_unsigned(number_unsigned_t u) {
    if (u > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) return large_integer();
    return number_integer(static_cast<number_integer_t>(u));
  }
  bool number_float(number_float_t r, const string_t& written) {
    // The lexer gives an integer that is too large for it as a float.
    if (written.find_first_of(".eE") == string_t::npos) return large_integer();
    return scalar(Type::real, [r](Value& v) { v.real = r; });
  }
  bool string(string_t& s) {
    const auto [begin, end] = token();
    const std::string_view kept = keep(s, begin, end);
    Value v;
    v.type = Type::string;
    v.text = kept.data();
    v.size = static_cast<std::uint32_t>(kept.size());
    note_placeholder(begin, end, v);
    return is_text_allowed(kept, begin, end, v) && add(v, begin, end);
  }
  bool binary(binary_t&) { return false; }  // has no form in JSON text
  bool key(string_t& s) {
    const auto [begin, end] = token();
    Frame& frame = stack_.back();
    Value unused;
    note_placeholder(begin, end, unused);
    frame.key = keep(s, begin, end);
    frame.key_span = context_.span(begin, end);
    return is_text_allowed(frame.key, begin, end, unused);
  }
  bool start_object(std::size_t) { return start(false); }
  bool start_array(std::size_t) { return start(true); }
  bool end_object() { return end(); }
  bool end_array() { return end(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e);

 private:
  struct Frame {
    bool is_array = false;
    std::size_t begin = 0;
    std::size_t first = 0;  ///< of its members in members_
    std::string_view key;
    Span key_span;
  };
  struct Token {
    std::size_t begin, end;
  };

  std::size_t read_so_far() const { return static_cast<std::size_t>(furthest_ - text_.data()); }

  std::size_t next_token() const {
    std::size_t at = token_end_;
    while (at < text_.size() && (ascii::is_space(text_[at]) || text_[at] == ',' || text_[at] == ':')) ++at;
    return at;
  }

  /// The token of the event. The parser has read it to its end, and of a number one character more.
  Token token() {
    const std::size_t begin = next_token();
    std::size_t end = number_end(text_, begin);
    if (end == begin) end = read_so_far();
    token_end_ = end;
    return {begin, end};
  }

  template <class Set>
  bool scalar(Type type, Set set) {
    const auto [begin, end] = token();
    Value v;
    v.type = type;
    set(v);
    return add(v, begin, end);
  }

  /// A string with a placeholder in it, or one that stands in the place of a placeholder.
  void note_placeholder(std::size_t begin, std::size_t end, Value& value) {
    const auto p = context_.has_marks ? find_placeholder(original_, begin, end) : std::nullopt;
    if (!p) return;
    saw_placeholder(context_, *p);
    if (original_[begin] != text_[begin]) value = Value();
    value.placeholder = true;
  }

  bool large_integer() {
    const auto [begin, end] = token();
    Value v;
    v.type = Type::integer;
    v.faulty = true;
    return report({Code::invalid_integer, begin, end,
                   "the integer " + shown(text_.substr(begin, end - begin)) + " does not fit into 64 bits"}) &&
           add(v, begin, end);
  }

  /// The text as it is in the file where no escape changed it.
  std::string_view keep(const std::string& s, std::size_t begin, std::size_t end) {
    return s.size() + 2 == end - begin ? text_.substr(begin + 1, s.size()) : context_.document.keep(s);
  }

  bool is_text_allowed(std::string_view s, std::size_t begin, std::size_t end, Value& value) {
    if (s.size() > context_.options.limits.string_bytes)
      return fatal(beyond("a text is too long", context_.options.limits.string_bytes, begin, end));
    if (s.find('\0') == std::string_view::npos) return true;
    value.faulty = true;
    return report({Code::control_character, begin, end, "the text has the character NUL in it", "remove \\u0000"});
  }

  bool start(bool is_array) {
    const auto [begin, end] = token();
    if (stack_.size() >= context_.options.limits.depth)
      return fatal(beyond("objects are nested too deep", context_.options.limits.depth, begin, end));
    stack_.push_back({is_array, begin, members_.size(), {}, {}});
    return true;
  }

  bool end() {
    const Frame frame = stack_.back();
    token_end_ = read_so_far();
    const std::size_t count = members_.size() - frame.first;
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(frame.first);
    Value v;
    v.type = frame.is_array ? Type::array : Type::dictionary;
    v.size = static_cast<std::uint32_t>(count);
    if (frame.is_array) {
      auto* const items = context_.document.allocate_array<Value>(count);
      std::transform(first, members_.end(), items, [](const Member& m) { return m.value; });
      v.items = items;
    } else {
      auto* const members = context_.document.allocate_array<Member>(count);
      std::copy(first, members_.end(), members);
      v.members = members;
    }
    members_.resize(frame.first);
    stack_.pop_back();
    return add(v, frame.begin, token_end_);
  }

  bool add(Value& v, std::size_t begin, std::size_t end) {
    v.span = context_.span(begin, end);
    if (++values_ > context_.options.limits.values)
      return fatal(beyond("the file has too many values", context_.options.limits.values, begin, end));
    if (stack_.empty()) {
      root_ = v;
    } else {
      members_.push_back({stack_.back().key, stack_.back().key_span, v});
    }
    return true;
  }

  std::string path() const {
    std::vector<Path> chain;
    chain.reserve(stack_.size());
    for (std::size_t i = 0; i < stack_.size(); ++i) {
      const Path* const parent = chain.empty() ? nullptr : &chain.back();
      const std::size_t stop = i + 1 < stack_.size() ? stack_[i + 1].first : members_.size();
      if (stack_[i].is_array)
        chain.push_back({parent, {}, static_cast<std::uint32_t>(stop - stack_[i].first)});
      else if (!stack_[i].key.empty())
        chain.push_back({parent, stack_[i].key, 0});
    }
    return chain.empty() ? std::string() : chain.back().to_string();
  }

  bool report(const Fault& fault) {
    constexpr std::uint32_t most = 100;
    context_.report(fault, path());
    if (++reports_ < most) return true;
    return fatal(beyond("the file has too many faults; the rest is not read", most, fault.begin, fault.end));
  }

  bool fatal(const Fault& fault) {
    if (!has_fault_) {
      const auto cause = context_.has_marks ? template_cause(context_, text_, fault) : std::nullopt;
      context_.report(cause ? *cause : fault, path());
    }
    has_fault_ = context_.has_faults = true;
    return false;
  }

  Fault syntax_fault(std::string_view reason) const;

  Context& context_;
  std::string_view text_;
  std::string_view original_;  ///< with the placeholders that are masked in text_
  const char* furthest_;
  std::size_t token_end_;
  std::vector<Frame> stack_;
  std::vector<Member> members_;  ///< of everything that is open
  Value root_;
  std::uint32_t values_ = 0, reports_ = 0;
  bool has_fault_ = false;
};

/// The parser's own reason: "… while parsing value - REASON; last read: '…'; expected …".
std::string_view reason_of(std::string_view what) {
  const std::size_t dash = what.find(" - ");
  if (dash != std::string_view::npos) what.remove_prefix(dash + 3);
  return what.substr(0, what.find("; last read"));
}

Fault Events::syntax_fault(std::string_view reason) const {
  const std::size_t at = next_token();
  const auto fault = [&](std::size_t begin, std::string message, std::string help = {}) {
    return Fault{Code::json_syntax, begin, std::min(begin + 1, text_.size()), std::move(message), std::move(help)};
  };
  const std::string_view before = text_.substr(token_end_, at - token_end_);
  const char c = at < text_.size() ? text_[at] : '\0';
  if (reason.starts_with("invalid string") && reason.find("missing closing quote") == std::string_view::npos)
    return fault(std::max(read_so_far(), at + 1) - 1, std::string(reason));
  if (at >= text_.size() || (c == '"' && reason.find("missing closing quote") != std::string_view::npos)) {
    const bool is_open = !stack_.empty();
    Fault cut{Code::truncated_file, text_.size() - 1, text_.size(),
              c == '"'                            ? "the file ends within a string"
              : is_open && stack_.back().is_array ? "the file ends within an array"
                                                  : "the file ends within an object",
              "the file was cut off, or brackets or quotation marks are not closed"};
    if (is_open) {
      cut.related_begin = c == '"' ? at : stack_.back().begin;
      cut.related_end = cut.related_begin + 1;
      cut.related = "it begins here";
    }
    return cut;
  }
  const bool comma = before.find(',') != std::string_view::npos;
  if ((c == '}' || c == ']') && comma)
    return fault(token_end_ + before.rfind(','), "a comma stands before the closing bracket", "remove the comma");
  if (before.find(':') != std::string_view::npos && (c == '}' || c == ']'))
    return fault(at, "the value of this member is missing");
  if (c == '/' || c == '#') return fault(at, "JSON has no comments", "remove it");
  if (c == '\'') return fault(at, "a string stands in double quotation marks, not in single ones", "write \"…\"");
  if (c == 'N' || c == 'I') return fault(at, "JSON has no NaN and no Infinity");
  if (before.find_first_of(",:") == std::string_view::npos && !stack_.empty() && (c == '"' || c == '{' || c == '['))
    return fault(at, stack_.back().key_span.end == token_end_ ? "a ':' is missing before this"
                                                              : "a comma is missing before this");
  if (reason.find("expected string literal") != std::string_view::npos)
    return fault(at, "a member begins with its name in quotation marks, not with '" + shown(text_.substr(at, 1)) + "'");
  return fault(at, std::string(reason));
}

bool Events::parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) {
  if (e.id == 406) {  // a float beyond the range
    const auto [begin, end] = token();
    return fatal(
        {Code::invalid_real, begin, end, "the number " + shown(text_.substr(begin, end - begin)) + " is too large"});
  }
  if (stack_.empty() && root_.span.known())
    return fatal({Code::content_after_root, next_token(), text_.size(), "there is more behind the declaration",
                  "a file holds one declaration, or an array of declarations"});
  return fatal(syntax_fault(reason_of(e.what())));
}

}  // namespace

std::optional<Value> read_json(Context& context, std::string_view text) {
  if (!check_characters(context, text, "JSON")) return std::nullopt;
  Events events(context, text);
  if (!events.parse()) return std::nullopt;
  note_template(context, context.original.empty() ? text : context.original);
  return events.root();
}

}  // namespace vpn::document
