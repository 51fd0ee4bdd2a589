#include "compiler/cli/lint_run.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "compiler/cli/fix.h"
#include "compiler/cli/ignore_comments.h"
#include "compiler/lint/lint.h"

namespace vpn::cli {
namespace {

/// Fixes that wait for another (two keys missing at one place) take a round each.
constexpr int most_rounds = 64;

using Sources = std::vector<std::unique_ptr<document::Source>>;

bool all_read(const Judged& judged) {
  return std::all_of(judged.documents.begin(), judged.documents.end(), [](const auto& d) { return d != nullptr; });
}

bool has_findings(const findings::Sink& sink, const document::Source& source) {
  return std::any_of(sink.all().begin(), sink.all().end(),
                     [&](const findings::Finding& f) { return f.source == &source; });
}

}  // namespace

LintRun::LintRun(const LintSettings& settings, std::optional<Baseline> baseline)
    : settings_(settings), baseline_(std::move(baseline)) {}

Result<LintRules> LintRun::rules_for(const std::string& path) {
  LintRules rules;
  if (!settings_.configuration.empty()) {
    if (!given_) {
      auto read = read_configuration(settings_.configuration);
      if (!read) return tl::unexpected(read.error());
      given_ = std::move(*read);
    }
    rules = given_->rules_for(path);
  } else if (settings_.use_configuration) {
    const auto found = finder_.governing(path);
    if (!found) return tl::unexpected(found.error());
    if (*found != nullptr) rules = (*found)->rules_for(path);
  }
  rules.overlay(settings_.command_line);
  if (rules.os_version && rules.platforms.empty())
    return fail(ErrorKind::usage, "an OS version says nothing without a platform", path,
                "add --platform, for instance --platform ios");
  return rules;
}

Judged LintRun::judge(const std::vector<LintFile>& files, Sources sources) {
  Judged judged;
  std::vector<const document::Document*> readable;
  for (auto& source : sources) {
    judged.documents.push_back(document::read(std::move(source), settings_.read, judged.sink));
    if (judged.documents.back() != nullptr) readable.push_back(judged.documents.back().get());
  }
  lint::Options options;
  options.platforms = files.front().rules.platforms;
  options.os_version = files.front().rules.os_version;
  options.supervised = files.front().rules.supervised;
  options.now = settings_.now;
  options.one_device = settings_.one_device;
  options.template_mode = settings_.read.template_mode;
  if (!readable.empty()) lint::lint(readable, options, judged.sink);
  for (const document::Document* d : readable) apply_ignore_comments(*d, judged.sink);
  judged.sink.sort();
  filter(files, judged);
  judged.errors = judged.sink.count(findings::Severity::error);
  return judged;
}

void LintRun::filter(const std::vector<LintFile>& files, Judged& judged) {
  std::map<const document::Source*, const LintFile*> owners;
  for (std::size_t i = 0; i < files.size(); ++i)
    if (judged.documents[i] != nullptr) owners.emplace(&judged.documents[i]->source(), &files[i]);
  auto& all = judged.sink.all();
  std::vector<findings::Finding> fatal;  // why a file could not be read: nobody may switch that off
  std::vector<findings::Finding> kept;
  for (findings::Finding& f : all) {
    const auto owner = owners.find(f.source);
    if (owner == owners.end()) {
      fatal.push_back(std::move(f));
      continue;
    }
    const findings::CodeInfo& info = findings::info(f.code);
    if (!owner->second->rules.selects(info)) continue;
    for (const auto& [pattern, severity] : owner->second->rules.severity)
      if (pattern.matches(info)) f.severity = severity;
    kept.push_back(std::move(f));
  }
  if (baseline_) baseline_->apply(kept, settings_.secret_keys);
  if (settings_.warnings_as_errors)
    for (findings::Finding& f : kept)
      if (f.severity == findings::Severity::warning) f.severity = findings::Severity::error;
  judged.fatal = fatal.size();
  all = std::move(kept);
  all.insert(all.end(), std::make_move_iterator(fatal.begin()), std::make_move_iterator(fatal.end()));
}

/// Whether the texts that were judged are the files themselves; if not, says why they are left alone.
bool LintRun::can_mend(const Judged& judged, std::vector<std::string>& refused) const {
  bool can = all_read(judged);
  for (const auto& document : judged.documents) {
    if (document == nullptr || document->source().is_original()) continue;
    can = false;
    if (has_findings(judged.sink, document->source()))
      refused.push_back(document->source().name() +
                        ": not mended: what was read is not the file itself (signed, encrypted or not UTF-8); "
                        "mend the profile that it was made from");
  }
  return can;
}

std::optional<LintRun::Mended> LintRun::mend(const std::vector<LintFile>& files, const Judged& judged,
                                             std::vector<std::string>& refused) {
  if (!can_mend(judged, refused)) return std::nullopt;
  Mended mended;
  std::vector<Fixed> fixed(files.size());
  std::vector<std::size_t> counts(files.size(), 0);
  const Judged* current = &judged;
  for (int round = 0; round < most_rounds; ++round) {
    bool changed = false;
    Sources sources;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const document::Source& source = current->documents[i]->source();
      fixed[i] = apply_fixes(source, current->sink.all());
      counts[i] += fixed[i].applied;
      changed = changed || fixed[i].applied > 0;
      sources.push_back(std::make_unique<document::Source>(source.name(), fixed[i].text));
    }
    if (!changed) break;
    Judged next = judge(files, std::move(sources));
    if (!all_read(next) || next.errors > current->errors) {
      refused.push_back(files.front().path + ": not mended: the mended text would have more errors than before");
      return std::nullopt;
    }
    mended.judged = std::move(next);
    current = &mended.judged;
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (counts[i] == 0) continue;
    const std::string_view before = judged.documents[i]->source().text();
    mended.files.push_back({files[i].path, std::string(before), fixed[i].text, counts[i]});
  }
  if (mended.files.empty()) return std::nullopt;
  return mended;
}

std::string unit_key(const LintFile& file) {
  std::string key = std::filesystem::path(file.path).parent_path().lexically_normal().string();
  for (const policy::Platform p : file.rules.platforms) key.append(1, '|').append(policy::to_string(p));
  if (file.rules.os_version) key += "|" + file.rules.os_version->to_string();
  if (file.rules.supervised) key += *file.rules.supervised ? "|supervised" : "|unsupervised";
  return key;
}

}  // namespace vpn::cli
