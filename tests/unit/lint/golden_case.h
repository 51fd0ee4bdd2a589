// tests/golden: each folder holds the files of one device, perhaps `options`, and expected.json with every finding. A
// folder `keys` in it holds what the options name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compiler/document/document.h"
#include "tests/unit/lint/support.h"

namespace vpn::lint::test {

struct GoldenCase {
  std::vector<File> files;
  Options options;
  document::ReadOptions read;
};

std::filesystem::path golden_folder();
/// Names of the folders, sorted.
std::vector<std::string> golden_cases();
/// The name as GoogleTest takes it.
std::string test_name(std::string name);
GoldenCase load_case(const std::string& name);
/// As the program lints, comments that ignore findings included.
Linted lint_case(const GoldenCase& c);

std::string content_of(const std::filesystem::path& path);

}  // namespace vpn::lint::test
