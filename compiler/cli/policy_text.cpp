#include <algorithm>

#include "compiler/cli/policy_tree.h"

namespace vpn::cli {
namespace {

bool is_plain(std::string_view text) {
  return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c != 0x7f && c != '"' && c != '\\'; });
}

/// A scalar on one line. What is not plain ASCII stands in quotes, with escapes: a terminal must not be told what to
/// do.
std::string scalar(const Tree& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  if (value.is_null()) return "none";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  std::string out;
  for (const char c : value.dump(-1, ' ', false, Tree::error_handler_t::replace)) {
    // JSON leaves DEL as it is; C1 controls come as two bytes of UTF-8 and are made visible by the escape of the first.
    if (c == 0x7f)
      out += "\\u007f";
    else
      out += c;
  }
  return out;
}

bool is_source(const Tree& value) {
  return value.is_object() && value.contains("file") && value.contains("path") && value.contains("column");
}

std::string source(const Tree& value) {
  std::string out = scalar(value["file"]);
  if (value["line"] != 0)
    out += ":" + std::to_string(value["line"].get<std::uint32_t>()) + ":" +
           std::to_string(value["column"].get<std::uint32_t>());
  const std::string path = scalar(value["path"]);
  return path.empty() ? out : out + "  " + path;
}

bool is_secret(const Tree& value) { return value.is_object() && value.size() == 1 && value.contains("secret"); }

bool is_line(const Tree& value) {
  constexpr std::size_t longest = 8;
  if (!value.is_structured() || value.empty() || is_source(value) || is_secret(value)) return true;
  return value.is_array() && value.size() <= longest &&
         std::none_of(value.begin(), value.end(), [](const Tree& v) { return v.is_structured(); });
}

std::string line(const Tree& value) {
  if (is_source(value)) return source(value);
  if (is_secret(value)) return "(secret " + std::to_string(value["secret"].get<std::uint32_t>()) + ")";
  if (!value.is_structured()) return scalar(value);
  if (value.empty()) return "none";
  std::string out;
  for (const Tree& item : value) out += (out.empty() ? "" : ", ") + scalar(item);
  return out;
}

/// "include_all_networks" as people write it.
std::string label(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

// The tree that policy_tree() makes is five levels deep at most.
void render(const Tree& tree, std::size_t indent, bool names_are_ours, std::string& out) {
  const std::string margin(indent, ' ');
  if (tree.is_array()) {
    std::size_t number = 0;
    for (const Tree& item : tree) {
      if (is_line(item)) {
        out += margin + line(item) + "\n";
      } else {
        out += margin + "[" + std::to_string(number) + "]\n";
        render(item, indent + 2, true, out);
      }
      ++number;
    }
    return;
  }
  for (const auto& [key, value] : tree.items()) {
    // Keys of settings are the vendor's, everything else is named by us.
    const std::string name = names_are_ours ? label(key) : scalar(Tree(key));
    if (is_line(value)) {
      out += margin + name + ": " + line(value) + "\n";
    } else {
      out += margin + name + ":\n";
      render(value, indent + 2, key != "settings" && key != "proxies", out);
    }
  }
}

}  // namespace

std::string tree_text(const Tree& tree) {
  std::string out;
  render(tree, 0, true, out);
  return out;
}

}  // namespace vpn::cli
