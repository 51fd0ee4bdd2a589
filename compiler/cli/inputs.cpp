#include "compiler/cli/inputs.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "compiler/cli/file_input.h"
#include "policy/ascii.h"

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

/// Enough to see what a file of a folder is.
constexpr std::size_t largest_looked_at = std::size_t{160} << 20;

bool contains_any(std::string_view text, const auto& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view w) { return text.find(w) != std::string_view::npos; });
}

bool wanted(const fs::path& path) {
  const std::string name = path.string();
  if (!may_be_input(name)) return false;
  if (ascii::equal_without_case(path.extension().string(), ".mobileconfig")) return true;
  const auto text = read_input(name, largest_looked_at);
  return !text || is_input(name, *text);  // the reader says what is wrong with it
}

class Collector {
 public:
  void add(const std::string& path) {
    std::error_code error;
    if (path == "-") return take(path);
    if (const auto status = fs::status(path, error); fs::is_directory(status)) {
      folder(path);
    } else if (status.type() == fs::file_type::not_found) {
      problem(ErrorKind::unreadable, "there is no such file", path);
    } else if (error) {
      problem(ErrorKind::unreadable, "cannot open the file: " + error.message(), path);
    } else {
      take(path);
    }
  }
  Inputs inputs;

 private:
  void problem(ErrorKind kind, std::string what, const std::string& where, std::string help = {}) {
    inputs.problems.push_back({kind, std::move(what), where, std::move(help)});
  }

  void take(const std::string& path) {
    if (seen_.insert(fs::path(path).lexically_normal().string()).second) inputs.files.push_back(path);
  }

  void folder(const std::string& path) {
    const std::size_t problems = inputs.problems.size();
    std::vector<std::string> found;
    std::vector<fs::path> open{path};
    while (!open.empty()) {
      const fs::path at = open.back();
      open.pop_back();
      std::error_code error;
      for (fs::directory_iterator it(at, error), end; !error && it != end; it.increment(error)) {
        const bool hidden = it->path().filename().string().starts_with('.');
        std::error_code ignored;
        if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
          if (!hidden) open.push_back(it->path());
        } else if (!hidden && it->is_regular_file(ignored) && wanted(it->path())) {
          found.push_back(it->path().lexically_normal().string());
        }
      }
      if (error) problem(ErrorKind::unreadable, "cannot read the folder: " + error.message(), at.string());
    }
    std::sort(found.begin(), found.end());
    for (const std::string& file : found) take(file);
    if (found.empty() && inputs.problems.size() == problems)
      problem(ErrorKind::usage, "there is no profile in this folder", path,
              "*.mobileconfig, and *.plist, *.xml and *.json that hold a profile or a declaration, are read");
  }

  std::set<std::string> seen_;
};

}  // namespace

Inputs collect_inputs(const std::vector<std::string>& paths) {
  Collector collector;
  for (const std::string& path : paths) collector.add(path);
  return std::move(collector.inputs);
}

bool holds_profile(std::string_view extension, std::string_view text) {
  if (ascii::equal_without_case(extension, ".json")) {
    constexpr std::array<std::string_view, 2> kinds{"\"com.apple.configuration.", "\"com.apple.asset."};
    return text.find("\"Type\"") != std::string_view::npos && contains_any(text, kinds);
  }
  constexpr std::array<std::string_view, 6> words{"PayloadType", "PayloadContent", "BEGIN PKCS7",
                                                  "BEGIN CMS",   "pkcs7-mime",     "x-pkcs7"};
  if (contains_any(text, words)) return true;
  std::string narrow(text);  // UTF-16
  narrow.erase(std::remove(narrow.begin(), narrow.end(), '\0'), narrow.end());
  return narrow.size() != text.size() && contains_any(narrow, words);
}

bool may_be_input(std::string_view name) {
  constexpr std::array<std::string_view, 4> extensions{".mobileconfig", ".plist", ".xml", ".json"};
  const std::string extension = ascii::lower_case(fs::path(name).extension().string());
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

bool is_input(std::string_view name, std::string_view text) {
  const std::string extension = ascii::lower_case(fs::path(name).extension().string());
  return extension == ".mobileconfig" || (may_be_input(name) && holds_profile(extension, text));
}

bool looks_like_json(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace vpn::cli
