#include "tests/unit/lint/support.h"

#include <gtest/gtest.h>

#include <sstream>

#include "compiler/cli/fix.h"

namespace vpn::lint::test {

std::string_view Linted::underlined(const findings::Finding& f) {
  if (!f.span.known()) return {};
  return f.source->text().substr(f.span.begin, f.span.end - f.span.begin);
}

Options default_options() {
  Options options;
  options.now = test_time;
  return options;
}

Options parse_options(std::string_view text) {
  Options options = default_options();
  std::istringstream words{std::string(text)};
  for (std::string word, value; words >> word;) {
    if (word == "--template") {
      options.template_mode = true;
    } else if (word == "--platform" && words >> value) {
      std::istringstream names(value);
      for (std::string name; std::getline(names, name, ',');) {
        policy::Platform platform{};
        EXPECT_TRUE(policy::parse(name, platform)) << name;
        options.platforms.push_back(platform);
      }
    } else if (word == "--os-version" && words >> value) {
      schema::Version version;
      EXPECT_TRUE(schema::Version::parse(value, version)) << value;
      options.os_version = version;
    } else if (word == "--supervised" && words >> value) {
      options.supervised = value == "true";
    } else {
      ADD_FAILURE() << "unknown option " << word;
    }
  }
  return options;
}

Linted lint_files(const std::vector<File>& files, const Options& options) {
  document::ReadOptions read_options;
  read_options.template_mode = options.template_mode;
  return lint_files(files, options, read_options);
}

Linted lint_files(const std::vector<File>& files, const Options& options, const document::ReadOptions& read_options) {
  Linted linted;
  std::vector<const document::Document*> documents;
  for (const File& file : files) {
    auto source = std::make_unique<document::Source>(file.name, file.text);
    if (auto document = document::read(std::move(source), read_options, linted.sink))
      linted.documents.push_back(std::move(document));
  }
  for (const auto& document : linted.documents) documents.push_back(document.get());
  lint(documents, options, linted.sink);
  linted.sink.sort();
  return linted;
}

Linted lint_text(std::string_view text, const Options& options) {
  return lint_files({{"test.mobileconfig", std::string(text)}}, options);
}

std::string fixed(std::string_view text, const Options& options) {
  const Linted linted = lint_text(text, options);
  if (linted.documents.empty()) return std::string(text);
  return cli::apply_fixes(linted.documents.front()->source(), linted.all()).text;
}

std::vector<std::string> summary(const Linted& linted) {
  std::vector<std::string> lines;
  for (const findings::Finding& f : linted.all()) {
    lines.push_back(std::string(findings::info(f.code).id) + " " + std::string(findings::to_string(f.severity)) + " '" +
                    std::string(Linted::underlined(f)) + "'");
  }
  return lines;
}

Linted lint_in(std::string_view place, std::string_view example, const Options& options) {
  return lint_files(place_example(place, example), options);
}

}  // namespace vpn::lint::test
