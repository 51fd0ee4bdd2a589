#include "compiler/cli/code_pattern.h"

#include <algorithm>
#include <vector>

#include "console/similar/similar.h"
#include "policy/ascii.h"

namespace vpn::cli {
namespace {

std::string suggestion(std::string_view text) {
  std::vector<std::string_view> known;
  for (const findings::CodeInfo& code : findings::all_codes()) known.insert(known.end(), {code.id, code.name});
  const std::string_view best = cli::nearest(text, known);
  if (best.empty())
    return "codes look like VP1203, names like unknown-key, groups like VP12; docs/findings.md lists them";
  return "did you mean '" + std::string(best) + "'?";
}

}  // namespace

Result<CodePattern> CodePattern::parse(std::string_view text) {
  CodePattern pattern;
  if (const findings::CodeInfo* code = findings::find_code(text)) {
    pattern.prefix_ = code->id;
    return pattern;
  }
  pattern.prefix_ = ascii::upper_case(text);
  const auto known = findings::all_codes();
  const bool fits =
      pattern.prefix_.size() >= 2 &&
      std::any_of(known.begin(), known.end(), [&](const findings::CodeInfo& c) { return pattern.matches(c); });
  if (!fits) return fail(ErrorKind::usage, "no finding is called '" + std::string(text) + "'", {}, suggestion(text));
  return pattern;
}

Result<std::vector<CodePattern>> parse_patterns(const std::vector<std::string>& words) {
  std::vector<CodePattern> patterns;
  for (const std::string& word : words) {
    auto pattern = CodePattern::parse(word);
    if (!pattern) return tl::unexpected(pattern.error());
    patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

bool any_matches(const std::vector<CodePattern>& patterns, const findings::CodeInfo& code) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const CodePattern& p) { return p.matches(code); });
}

}  // namespace vpn::cli
