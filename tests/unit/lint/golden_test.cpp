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
#include "compiler/document/characters.h"
#include "compiler/format/terminal.h"
#include "tests/unit/lint/golden_case.h"

namespace vpn::lint::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const fs::path folder = golden_folder();

Json place(const document::Source& source, document::Span span) {
  const auto begin = source.position(span.begin), end = source.position(span.end);
  return {{"line", begin.line}, {"column", begin.column}, {"end_line", end.line}, {"end_column", end.column}};
}

/// Keys that options name are named by their whole path.
std::string without_folder(std::string message) {
  const std::string prefix = folder.string() + "/";
  if (const auto at = message.find(prefix); at != std::string::npos) message.erase(at, prefix.size());
  return message;
}

Json to_json(const findings::Finding& f) {
  const findings::CodeInfo& info = findings::info(f.code);
  Json out = {{"code", info.id},
              {"name", info.name},
              {"severity", findings::to_string(f.severity)},
              {"message", without_folder(f.message)},
              {"file", f.source->name()}};
  if (f.span.known()) out.update(place(*f.source, f.span));
  out["underlined"] = document::valid_utf8(Linted::underlined(f));
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
  const GoldenCase c = load_case(GetParam());
  const Json found = to_json(lint_case(c));
  const fs::path expected = folder / GetParam() / "expected.json";
  if (is_update()) std::ofstream(expected) << found.dump(1) << "\n";
  EXPECT_EQ(content_of(expected), found.dump(1) + "\n");
}

TEST_P(Golden, HasNothingToMendOnceMended) {
  GoldenCase c = load_case(GetParam());
  // Edits that touch each other take a round each.
  for (int round = 0; round < 4; ++round) {
    const Linted linted = lint_case(c);
    std::size_t deferred = 0;
    for (const auto& document : linted.documents) {
      const cli::Fixed fixed = cli::apply_fixes(document->source(), linted.all());
      deferred += fixed.deferred;
      for (File& file : c.files)
        if (file.name == document->source().name()) file.text = fixed.text;
    }
    if (deferred == 0) break;
  }
  const Linted mended = lint_case(c);
  for (const findings::Finding& f : mended.all())
    EXPECT_TRUE(f.edits.empty()) << findings::info(f.code).id << " " << f.message << " at " << f.path;
}

TEST_P(Golden, NeverShowsASecret) {
  const GoldenCase c = load_case(GetParam());
  const std::string found = to_json(lint_case(c)).dump();
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

INSTANTIATE_TEST_SUITE_P(Lint, Golden, testing::ValuesIn(golden_cases()),
                         [](const auto& test) { return test_name(test.param); });

/// The checks' own examples; those of the readers are whole files, which have folders of their own.
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
  EXPECT_EQ(content_of(expected), found.dump(1) + "\n");
}

TEST(GoldenCatalogue, EveryCodeIsShownSomewhere) {
  std::string all = content_of(folder / "catalogue.expected.json");
  for (const std::string& name : golden_cases()) all += content_of(folder / name / "expected.json");
  for (const findings::CodeInfo& info : findings::all_codes()) {
    // A bound that takes a large file, and something that no schema has yet: see limits_test.cpp,
    // availability_test.cpp.
    if (info.name == "too-many-findings" || info.name == "removed-from-platform") continue;
    EXPECT_NE(all.find("\"code\": \"" + std::string(info.id) + "\""), std::string::npos) << info.id;
  }
}

}  // namespace
}  // namespace vpn::lint::test
