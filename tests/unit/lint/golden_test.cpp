// tests/golden: each folder holds the files of one device, perhaps `options`, and expected.json with every finding:
// code, severity, message, place, underlined text, help and fix. VPN_UPDATE_GOLDEN=1 writes what is found; read the
// difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "compiler/cli/fix.h"
#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const fs::path folder = fs::path(VPN_SOURCE_DIR) / "tests/golden";

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

struct Case {
  std::vector<File> files;
  std::string options_text;
  Options options;
};

Case load(const std::string& name) {
  Case c;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder / name)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    const std::string file = path.filename().string();
    if (file == "expected.json") continue;
    if (file == "options") {
      c.options_text = content(path);
      while (!c.options_text.empty() && c.options_text.back() == '\n') c.options_text.pop_back();
    } else {
      c.files.push_back({file, content(path)});
    }
  }
  c.options = parse_options(c.options_text);
  return c;
}

Json place(const document::Source& source, document::Span span) {
  const auto begin = source.position(span.begin), end = source.position(span.end);
  return {{"line", begin.line}, {"column", begin.column}, {"end_line", end.line}, {"end_column", end.column}};
}

Json to_json(const findings::Finding& f) {
  const findings::CodeInfo& info = findings::info(f.code);
  Json out = {{"code", info.id},
              {"name", info.name},
              {"severity", findings::to_string(f.severity)},
              {"message", f.message},
              {"file", f.source->name()}};
  out.update(place(*f.source, f.span));
  out["underlined"] = Linted::underlined(f);
  out["path"] = f.path;
  if (!f.help.empty()) out["help"] = f.help;
  for (const findings::Related& r : f.related) {
    const auto at = r.source->position(r.span.begin);
    out["related"].push_back(r.source->name() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " +
                             r.message);
  }
  if (!f.edits.empty()) out["fix"] = f.fix_title;
  return out;
}

Json to_json(const Linted& linted) {
  Json out = Json::array();
  for (const findings::Finding& f : linted.all()) out.push_back(to_json(f));
  return out;
}

bool is_update() { return std::getenv("VPN_UPDATE_GOLDEN") != nullptr; }

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, GivesTheExpectedFindings) {
  const Case c = load(GetParam());
  const Json found = to_json(lint_files(c.files, c.options));
  const fs::path expected = folder / GetParam() / "expected.json";
  if (is_update()) std::ofstream(expected) << found.dump(1) << "\n";
  EXPECT_EQ(content(expected), found.dump(1) + "\n");
}

TEST_P(Golden, HasNothingToMendOnceMended) {
  Case c = load(GetParam());
  // Edits that touch each other take a round each.
  for (int round = 0; round < 4; ++round) {
    const Linted linted = lint_files(c.files, c.options);
    std::size_t deferred = 0;
    for (const auto& document : linted.documents) {
      const cli::Fixed fixed = cli::apply_fixes(document->source(), linted.all());
      deferred += fixed.deferred;
      for (File& file : c.files)
        if (file.name == document->source().name()) file.text = fixed.text;
    }
    if (deferred == 0) break;
  }
  const Linted mended = lint_files(c.files, c.options);
  for (const findings::Finding& f : mended.all())
    EXPECT_TRUE(f.edits.empty()) << findings::info(f.code).id << " " << f.message << " at " << f.path;
}

TEST_P(Golden, NeverShowsASecret) {
  const Case c = load(GetParam());
  const std::string found = to_json(lint_files(c.files, c.options)).dump();
  for (const std::string_view secret :
       {"winter-coat-17", "d2ludGVyLWNvYXQtMTc", "c2VjcmV0LXNlY3JldC1", "cG9zdC1xdWFudHVt", "guess"}) {
    // An underlined value is text of the file, which reports hide where it is a secret (compiler/format/secrets.h).
    EXPECT_EQ(Json::parse(found).dump().find("\"message\":\"" + std::string(secret)), std::string::npos);
    for (const Json& f : Json::parse(found)) {
      EXPECT_EQ(f["message"].get<std::string>().find(secret), std::string::npos) << f;
      EXPECT_EQ(f.value("help", "").find(secret), std::string::npos) << f;
      EXPECT_EQ(f.value("fix", "").find(secret), std::string::npos) << f;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lint, Golden, testing::ValuesIn(cases()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// Every code of lint is in some expected.json or in the snapshot of the catalogue's examples.
Json catalogue_findings() {
  Json out = Json::object();
  for (const findings::CodeInfo& info : findings::all_codes()) {
    if (info.id < "VP1100" || info.id >= "VP2000" || info.bad.empty()) continue;
    Json found = Json::array();
    const Linted linted = lint_files(place_example(info.place, info.bad), parse_options(info.with));
    for (const findings::Finding& f : linted.all())
      if (f.code == info.code) found.push_back(to_json(f));
    out[std::string(info.id)] = std::move(found);
  }
  return out;
}

TEST(GoldenCatalogue, ExamplesGiveTheExpectedFindings) {
  const Json found = catalogue_findings();
  const fs::path expected = folder / "catalogue.expected.json";
  if (is_update()) std::ofstream(expected) << found.dump(1) << "\n";
  EXPECT_EQ(content(expected), found.dump(1) + "\n");
}

TEST(GoldenCatalogue, EveryCodeIsShownSomewhere) {
  std::string all = content(folder / "catalogue.expected.json");
  for (const std::string& name : cases()) all += content(folder / name / "expected.json");
  for (const findings::CodeInfo& info : findings::all_codes()) {
    if (info.id < "VP1100" || info.id >= "VP2000") continue;
    // Bounds and removed keys have tests of their own (walk_test.cpp, limits_test.cpp).
    if (info.name == "too-many-findings" || info.name == "removed-from-platform" || info.name == "unfilled-placeholder")
      continue;
    EXPECT_NE(all.find("\"code\": \"" + std::string(info.id) + "\""), std::string::npos) << info.id;
  }
}

}  // namespace
}  // namespace vpn::lint::test
