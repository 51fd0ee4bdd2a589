#include "tests/unit/lint/golden_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "compiler/cli/ignore_comments.h"

namespace vpn::lint::test {

namespace fs = std::filesystem;

fs::path golden_folder() { return fs::path(VPN_SOURCE_DIR) / "tests/golden"; }

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> golden_cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(golden_folder()))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string test_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

GoldenCase load_case(const std::string& name) {
  GoldenCase c;
  std::vector<fs::path> paths;
  const fs::path folder = golden_folder() / name;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::string rest;
  for (const fs::path& path : paths) {
    const std::string file = path.filename().string();
    if (file == "expected.json") continue;
    if (file != "options") {
      c.files.push_back({file, content_of(path)});
      continue;
    }
    std::istringstream words(content_of(path));
    for (std::string word, value; words >> word;) {
      if (word == "--trust" && words >> value) {
        c.read.trust.push_back((folder / "keys" / value).string());
      } else if (word == "--decrypt-key" && words >> value) {
        c.read.decrypt_key = (folder / "keys" / value).string();
      } else {
        rest += word + " ";
      }
    }
  }
  c.options = parse_options(rest);
  c.read.template_mode = c.options.template_mode;
  c.read.now = c.options.now;
  return c;
}

Linted lint_case(const GoldenCase& c) {
  Linted linted = lint_files(c.files, c.options, c.read);
  for (const auto& document : linted.documents) cli::apply_ignore_comments(*document, linted.sink);
  linted.sink.sort();
  return linted;
}

}  // namespace vpn::lint::test
