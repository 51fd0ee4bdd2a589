#include "compiler/lsp/snippets.h"

#include <algorithm>
#include <array>
#include <random>

namespace vpn::lsp {
namespace {

using document::Type;

/// A dictionary is filled so deep; below that it is left empty.
constexpr unsigned deepest_snippet = 3;

std::string escaped_for_place(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// Version 4 of RFC 9562, in upper case as profiles write it.
std::string random_uuid() {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::random_device random;
  std::string out = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
  for (char& c : out)
    if (c == 'x') c = digits[random() & 15u];
  return out;
}

}  // namespace

Type usual_type(const schema::Key& key) {
  for (const Type type :
       {Type::boolean, Type::integer, Type::real, Type::data, Type::string, Type::date, Type::array, Type::dictionary})
    if ((key.types & schema::mask(type)) != 0) return type;
  return Type::string;
}

std::string_view element_name(Type type) {
  switch (type) {
    case Type::integer:
      return "integer";
    case Type::real:
      return "real";
    case Type::data:
      return "data";
    case Type::date:
      return "date";
    default:
      return "string";
  }
}

std::vector<std::string> allowed_words(const schema::Key& key) {
  std::vector<std::string> words;
  for (const std::string_view value : key.values) words.emplace_back(value);
  for (const std::int64_t value : key.integers) words.push_back(std::to_string(value));
  const Type type = usual_type(key);
  if (words.empty() && key.flag)
    words = type == Type::boolean ? std::vector<std::string>{"true", "false"} : std::vector<std::string>{"1", "0"};
  if (words.empty() && type == Type::boolean) words = {"true", "false"};
  // Whoever writes a boolean or flag down means the other than its default.
  const auto first = std::find(words.begin(), words.end(), key.default_value);
  const bool two = key.flag || type == Type::boolean;
  if (first != words.end() && !two) std::rotate(words.begin(), first, first + 1);
  if (first != words.end() && two && words.size() == 2 && first == words.begin()) std::swap(words[0], words[1]);
  return words;
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

void Snippet::literal(std::string_view text) { text_ += stops_ ? escaped_for_place(text, "$}\\") : std::string(text); }

void Snippet::place(std::string_view text) {
  if (!stops_) {
    text_ += text;
    return;
  }
  const std::string number = std::to_string(next_++);
  text_ += text.empty() ? "$" + number : "${" + number + ":" + escaped_for_place(text, "$}\\") + "}";
}

void Snippet::choice(std::span<const std::string> words) {
  if (!stops_ || words.size() == 1) return words.size() == 1 ? literal(words[0]) : place(words[0]);
  text_ += "${" + std::to_string(next_++) + "|";
  for (std::size_t i = 0; i < words.size(); ++i) text_ += (i == 0 ? "" : ",") + escaped_for_place(words[i], "$}\\,|");
  text_ += "|}";
}

void Snippet::line() { text_ += "\n" + std::string(depth_, '\t'); }

void Snippet::open(std::string_view element) {
  literal(json_ ? (element == "string" || element == "data" || element == "date" ? "\"" : "")
                : "<" + std::string(element) + ">");
}

void Snippet::close(std::string_view element) {
  literal(json_ ? (element == "string" || element == "data" || element == "date" ? "\"" : "")
                : "</" + std::string(element) + ">");
}

void Snippet::scalar(const schema::Key& key) {
  const Type type = usual_type(key);
  const std::vector<std::string> words = allowed_words(key);
  if (type == Type::boolean) {
    if (!json_) literal("<");
    choice(words);
    if (!json_) literal("/>");
    return;
  }
  open(element_name(type));
  if (!words.empty()) {
    choice(words);
  } else if (key.name == "PayloadUUID") {
    place(random_uuid());
  } else {
    std::string text(key.default_value);
    if (text.empty() && type != Type::string && key.has_min) text = std::to_string(key.min);
    if (text.empty() && (type == Type::integer || type == Type::real)) text = "0";
    place(text);
  }
  close(element_name(type));
}

void Snippet::array(const schema::Key& key) {
  literal(json_ ? "[" : "<array>");
  ++depth_;
  line();
  if (key.element == nullptr || key.element->free_form) {
    place({});
  } else {
    value(*key.element);
  }
  --depth_;
  line();
  literal(json_ ? "]" : "</array>");
}

void Snippet::required_member(const schema::Key& key, const schema::Payload* payload, bool first) {
  if (!first && json_) literal(",");
  line();
  const bool says_type = payload != nullptr && key.name == (payload->is_declaration ? "Type" : "PayloadType");
  if (!says_type) return member(key);
  if (json_) {
    literal("\"" + std::string(key.name) + "\": \"" + std::string(payload->type) + "\"");
  } else {
    literal("<key>" + std::string(key.name) + "</key>");
    line();
    literal("<string>" + std::string(payload->type) + "</string>");
  }
}

void Snippet::dictionary(const schema::Key& key, const schema::Payload* payload) {
  literal(json_ ? "{" : "<dict>");
  ++depth_;
  bool first = true;
  if (depth_ <= deepest_snippet) {
    for (const schema::Key& k : key.keys) {
      if (k.presence != schema::Presence::required || k.missing_severity != schema::Severity::error) continue;
      required_member(k, payload, first);
      first = false;
    }
  }
  if (first) {
    line();
    place({});
  }
  --depth_;
  line();
  literal(json_ ? "}" : "</dict>");
}

void Snippet::value(const schema::Key& key) {
  switch (usual_type(key)) {
    case Type::array:
      return array(key);
    case Type::dictionary:
      return dictionary(key, nullptr);
    default:
      return scalar(key);
  }
}

void Snippet::member(const schema::Key& key) {
  if (json_) {
    literal("\"" + std::string(key.name) + "\": ");
  } else {
    literal("<key>" + std::string(key.name) + "</key>");
    line();
  }
  value(key);
}

}  // namespace vpn::lsp
