#include "agent/control/redaction.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>

#include "policy/ascii.h"
#include "policy/domain_table.h"

namespace vpn::agent {
namespace {

using NameJson = nlohmann::json;
using vpn::ascii::lower_case;

// What ends names of files and units of systemd, and no host name: none of them is a public suffix.
constexpr std::array<std::string_view, 19> no_host_ends{
    "bin",     "conf",  "json", "key",    "log",    "mobileconfig", "mount",     "pem",  "scope", "secrets",
    "service", "slice", "sock", "socket", "target", "timer",        "vpnpolicy", "yaml", "yml"};

bool is_name_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return ascii::is_letter(c) || ascii::is_digit(c) || c == '.' || c == '-' || c == '_' || byte >= 0x80;
}

// "S3.e", as rules are called.
bool is_rule(std::string_view token) {
  return token.size() == 4 && (token[0] == 's' || token[0] == 'S') && ascii::is_digit(token[1]) && token[2] == '.';
}

bool is_host_name(std::string_view token) {
  const auto dot = token.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || is_rule(token)) return false;
  const std::string_view end = token.substr(dot + 1);
  const bool only_digits = std::all_of(end.begin(), end.end(), ascii::is_digit);
  return !only_digits && std::find(no_host_ends.begin(), no_host_ends.end(), end) == no_host_ends.end();
}

// Calls back for each run of characters that names are made of, and for what is between them.
void split(std::string_view text, const std::function<void(std::string_view run, bool name)>& each) {
  while (!text.empty()) {
    const bool name = is_name_character(text.front());
    const auto end = static_cast<std::size_t>(
        std::find_if(text.begin(), text.end(), [&](char c) { return is_name_character(c) != name; }) - text.begin());
    std::string_view run = text.substr(0, end);
    text.remove_prefix(end);
    // Punctuation at the ends of a name is not its own.
    const auto is_edge = [](char c) { return c == '.' || c == '-'; };
    if (!name) {
      each(run, false);
      continue;
    }
    const auto first = static_cast<std::size_t>(std::find_if_not(run.begin(), run.end(), is_edge) - run.begin());
    const auto last = static_cast<std::size_t>(run.rend() - std::find_if_not(run.rbegin(), run.rend(), is_edge));
    if (first >= last) {
      each(run, false);
      continue;
    }
    if (first > 0) each(run.substr(0, first), false);
    each(run.substr(first, last - first), true);
    if (last < run.size()) each(run.substr(last), false);
  }
}

void add_names(std::string_view text, NameSet& out) {
  split(text, [&](std::string_view run, bool name) {
    if (name && is_host_name(run)) out.insert(lower_case(run));
  });
}

class Redactor {
 public:
  explicit Redactor(const Redaction& what) : what_(what) {}

  NameJson tree(const NameJson& in, bool free) {
    if (in.is_string()) return text(in.get_ref<const std::string&>(), free);
    if (in.is_array()) {
      NameJson out = NameJson::array();
      for (const NameJson& one : in) out.push_back(tree(one, free));
      return out;
    }
    if (!in.is_object()) return in;
    NameJson out = NameJson::object();
    for (const auto& [key, value] : in.items())
      out[text(key, false)] =
          tree(value, std::find(std::begin(free_texts), std::end(free_texts), key) != std::end(free_texts));
    return out;
  }

 private:
  std::string text(std::string in, bool free) {
    for (const auto secret : what_.secrets) hide(in, secret);
    std::string out;
    split(in, [&](std::string_view run, bool name) {
      if (name && free && !what_.machine.empty() && ascii::equal_without_case(run, what_.machine))
        out += "[host]";
      else if (name && is_host_name(run) && !what_.kept.contains(lower_case(run)))
        out += alias(lower_case(run));
      else
        out += run;
    });
    return out;
  }

  static void hide(std::string& text, std::span<const std::byte> secret) {
    if (secret.size() < 4) return;
    const std::string_view hidden(reinterpret_cast<const char*>(secret.data()), secret.size());
    constexpr std::string_view shown = "[secret]";
    for (std::size_t at = 0; (at = text.find(hidden, at)) != std::string::npos; at += shown.size())
      text.replace(at, hidden.size(), shown);
  }

  const std::string& alias(const std::string& name) {
    const auto [it, fresh] = aliases_.try_emplace(name);
    if (fresh) it->second = "[name " + std::to_string(aliases_.size()) + "]";
    return it->second;
  }

  const Redaction& what_;
  std::map<std::string, std::string> aliases_;
};

}  // namespace

NameSet names_in(const nlohmann::json& tree) {
  NameSet out;
  if (tree.is_string()) {
    add_names(tree.get_ref<const std::string&>(), out);
  } else if (tree.is_structured()) {
    for (const auto& [key, value] : tree.items()) {
      if (tree.is_object()) add_names(key, out);
      out.merge(names_in(value));
    }
  }
  return out;
}

NameSet named_by(const policy::Policy& policy, const NameSet& names) {
  NameSet out;
  if (names.empty()) return out;
  // Texts stand in the file as they are, between bytes that are no part of names. Tables of names are packed.
  const auto bytes = policy.bytes();
  split({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, [&](std::string_view run, bool name) {
    if (name && run.find('.') != std::string_view::npos && run.size() < 256)
      if (const auto it = names.find(lower_case(run)); it != names.end()) out.insert(*it);
  });
  policy.domains().for_each([&](std::string_view name, auto, auto) {
    if (const auto it = names.find(name); it != names.end()) out.insert(*it);
  });
  for (std::uint32_t i = 0; i < policy.apps().size(); ++i)
    if (const auto it = names.find(lower_case(policy.apps().name(i))); it != names.end()) out.insert(*it);
  return out;
}

nlohmann::json redacted(const nlohmann::json& tree, const Redaction& what) { return Redactor(what).tree(tree, false); }

}  // namespace vpn::agent
