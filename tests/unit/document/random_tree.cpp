#include "random_tree.h"

#include <plist/plist.h>

#include <array>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

namespace vpn::document {
namespace {

using Kind = Tree::Kind;

std::size_t below(std::mt19937& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
}

std::string random_text(std::mt19937& random) {
  static const std::array<std::string, 12> pieces{
      "a", "Z9", " ", "<", "&", ">", "\"", "'", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "]]>"};
  std::string out;
  for (std::size_t i = below(random, 8); i > 0; --i) out += pieces[below(random, pieces.size())];
  return out;
}

Tree random_value(std::mt19937& random, bool for_json, std::size_t depth) {
  Tree t;
  t.kind = static_cast<Kind>(below(random, depth == 0 ? 6 : 8));
  if (for_json && (t.kind == Kind::data || t.kind == Kind::date)) t.kind = Kind::string;
  static const std::array<std::int64_t, 8> integers{
      0, 1, -1, 255, 65536, -70000, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  switch (t.kind) {
    case Kind::boolean:
      t.integer = static_cast<std::int64_t>(below(random, 2));
      break;
    case Kind::integer:
      t.integer = integers[below(random, integers.size())];
      break;
    case Kind::real:
      t.real = static_cast<double>(below(random, 1000)) / 8 + 0.125;
      break;
    case Kind::string:
      t.text = random_text(random);
      break;
    case Kind::data:
      for (std::size_t i = below(random, 9); i > 0; --i) t.text += static_cast<char>(below(random, 256));
      break;
    case Kind::date: {
      char date[32];
      std::snprintf(date, sizeof date, "%04u-%02u-%02uT%02u:%02u:%02uZ",
                    static_cast<unsigned>(1990 + below(random, 200)), static_cast<unsigned>(1 + below(random, 12)),
                    static_cast<unsigned>(1 + below(random, 28)), static_cast<unsigned>(below(random, 24)),
                    static_cast<unsigned>(below(random, 60)), static_cast<unsigned>(below(random, 60)));
      t.text = date;
      break;
    }
    case Kind::array:
    case Kind::dictionary:
      for (std::size_t i = below(random, 6); i > 0; --i)
        t.children.push_back(
            {t.kind == Kind::dictionary ? "k" + std::to_string(i) + random_text(random) : std::string(),
             random_value(random, for_json, depth - 1)});
  }
  return t;
}

std::string escaped(const std::string& text, std::mt19937& random) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += below(random, 2) != 0 ? "&lt;" : "&#60;";
    else if (c == '&')
      out += below(random, 2) != 0 ? "&amp;" : "&#x26;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

std::string text_form(const std::string& text, std::mt19937& random) {
  if (below(random, 5) == 0 && text.find("]]>") == std::string::npos) return "<![CDATA[" + text + "]]>";
  const std::string plain = escaped(text, random);
  return below(random, 7) == 0 ? "<!-- & < -->" + plain : plain;
}

std::string base64(const std::string& bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > bytes.size() ? '=' : letters[group >> (18 - 6 * j) & 63];
  }
  return out;
}

std::string gap(std::mt19937& random) {
  static const std::array<std::string, 5> gaps{"", "\n\t", " \r\n", "<!-- between -->", "\n<?tool?>"};
  return gaps[below(random, gaps.size())];
}

std::string real_text(double real) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", real);
  return text;
}

std::string element(const Tree& t, std::mt19937& random) {
  std::string inner;
  switch (t.kind) {
    case Kind::boolean:
      return t.integer != 0 ? "<true/>" : "<false></false>";
    case Kind::integer:
      return "<integer>" + std::to_string(t.integer) + "</integer>";
    case Kind::real:
      return "<real>" + real_text(t.real) + "</real>";
    case Kind::string:
      return "<string>" + text_form(t.text, random) + "</string >";
    case Kind::data:
      return "<data>\n" + base64(t.text) + "\n</data>";
    case Kind::date:
      return "<date>" + t.text + "</date>";
    case Kind::array:
      for (const auto& [key, child] : t.children) inner += gap(random) + element(child, random);
      return inner.empty() ? "<array/>" : "<array>" + inner + gap(random) + "</array>";
    case Kind::dictionary:
      for (const auto& [key, child] : t.children)
        inner += gap(random) + "<key>" + text_form(key, random) + "</key>" + gap(random) + element(child, random);
      return inner.empty() ? "<dict />" : "<dict>" + inner + gap(random) + "</dict>";
  }
  return {};
}

plist_t node(const Tree& t) {
  switch (t.kind) {
    case Kind::boolean:
      return plist_new_bool(static_cast<std::uint8_t>(t.integer));
    case Kind::integer:
      return plist_new_uint(static_cast<std::uint64_t>(t.integer));
    case Kind::real:
      return plist_new_real(t.real);
    case Kind::string:
      return plist_new_string(t.text.c_str());
    case Kind::data:
      return plist_new_data(t.text.data(), t.text.size());
    case Kind::date: {  // the constructor ends in 2069, the XML reader does not
      const std::string xml = "<plist><date>" + t.text + "</date></plist>";
      plist_t date = nullptr;
      plist_from_xml(xml.data(), static_cast<std::uint32_t>(xml.size()), &date);
      return date;
    }
    case Kind::array: {
      plist_t array = plist_new_array();
      for (const auto& [key, child] : t.children) plist_array_append_item(array, node(child));
      return array;
    }
    case Kind::dictionary:
      break;
  }
  plist_t dict = plist_new_dict();
  for (const auto& [key, child] : t.children) plist_dict_set_item(dict, key.c_str(), node(child));
  return dict;
}

nlohmann::ordered_json json(const Tree& t) {
  nlohmann::ordered_json out;
  switch (t.kind) {
    case Kind::boolean:
      return t.integer != 0;
    case Kind::integer:
      return t.integer;
    case Kind::real:
      return t.real;
    case Kind::array:
      out = nlohmann::ordered_json::array();
      for (const auto& [key, child] : t.children) out.push_back(json(child));
      return out;
    case Kind::dictionary:
      out = nlohmann::ordered_json::object();
      for (const auto& [key, child] : t.children) out[key] = json(child);
      return out;
    default:
      return t.text;
  }
}

}  // namespace

Tree random_tree(std::mt19937& random, bool for_json) {
  Tree root;
  root.kind = Kind::dictionary;
  for (int i = 0; i < 4; ++i) root.children.push_back({"root" + std::to_string(i), random_value(random, for_json, 4)});
  return root;
}

std::string as_text(const Tree& t) {
  std::string out;
  switch (t.kind) {
    case Kind::boolean:
      return t.integer != 0 ? "true" : "false";
    case Kind::integer:
      return std::to_string(t.integer);
    case Kind::real:
      return real_text(t.real) + "r";
    case Kind::string:
      return '"' + t.text + '"';
    case Kind::data:
      for (const char c : t.text) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += digits;
      }
      return "<" + out + ">";
    case Kind::date:
      return t.text;
    case Kind::array:
      for (const auto& [key, child] : t.children) out += (out.empty() ? "" : ", ") + as_text(child);
      return "[" + out + "]";
    case Kind::dictionary:
      break;
  }
  for (const auto& [key, child] : t.children) out += (out.empty() ? "" : ", ") + key + ": " + as_text(child);
  return "{" + out + "}";
}

std::string as_xml(const Tree& tree, std::mt19937& random) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">" + element(tree, random) + "</plist>\n";
}

std::string as_binary(const Tree& tree) {
  plist_t root = node(tree);
  char* bytes = nullptr;
  std::uint32_t size = 0;
  plist_to_bin(root, &bytes, &size);
  std::string out(bytes, size);
  plist_to_bin_free(bytes);
  plist_free(root);
  return out;
}

std::string as_json(const Tree& tree, std::mt19937& random) {
  return json(tree).dump(below(random, 2) == 0 ? -1 : 2, ' ', below(random, 2) == 0);
}

}  // namespace vpn::document
