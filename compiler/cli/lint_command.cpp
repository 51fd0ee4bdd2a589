// vpnprofile lint: every mistake in profiles and declarations, with its place and, where it is safe, its fix.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>

#include "compiler/cli/commands.h"
#include "compiler/cli/fix.h"
#include "compiler/cli/inputs.h"
#include "compiler/cli/lint_run.h"
#include "compiler/cli/outputs.h"
#include "compiler/cli/progress.h"
#include "compiler/cli/secret_keys.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/surroundings.h"
#include "compiler/format/format.h"
#include "compiler/lower/lower.h"

namespace vpn::cli {
namespace {

constexpr Option lint_options[] = {
    {"platform", 0, "LIST", "check that keys are available on these platforms", platform_words, true, true},
    {"os-version", 0, "VERSION", "their version, for instance 18.2; without it the newest", {}},
    {"supervised", 0, {}, "the devices are supervised", {}},
    {"unsupervised", 0, {}, "the devices are not supervised", {}},
    {"select", 0, "CODE", "only these findings: a code, a name or a group such as VP12", {}, true, true},
    {"ignore", 0, "CODE", "none of these findings", {}, true, true},
    {"warnings-as-errors", 'W', {}, "treat warnings as errors", {}},
    {"baseline", 0, "FILE", "leave out the findings that FILE lists", {}},
    {"write-baseline", 0, "FILE", "write what is found to FILE, for --baseline", {}},
    {"fix", 0, {}, "mend what can be mended safely, and write the files", {}},
    {"diff",
     0,
     {},
     "print what --fix changes, as a unified diff, in place of the findings; writes nothing without --fix",
     {}},
    {"template", 0, {}, "the files are templates: read around placeholders", {}},
    trust_option,
    decrypt_key_option,
    config_option,
    {"no-config", 0, {}, "use no configuration file", {}},
    {"format", 0, "FORMAT", "how to print", "text,json,sarif,github,gitlab,junit"},
    {"explain", 0, "CODE", "say what a finding means, with an example, and stop", {}},
};

void say(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

/// Signals that would end the program wait while a file is being written.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, signal);
    sigprocmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_{};
};

/// Writes over a file that exists; its permissions and owner stay.
Result<void> overwrite(const std::string& path, const std::string& text) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || ::access(path.c_str(), W_OK) != 0)
    return fail(ErrorKind::unreadable, "cannot write the file: no permission", path);
  const SignalsHeld held;
  const auto written = lower::write_file(path, std::as_bytes(std::span(text)), info.st_mode & 07777u);
  if (written && ::chown(path.c_str(), info.st_uid, info.st_gid) != 0)
    return {};  // not ours to give away: it stays ours
  return written;
}

Result<LintRules> rules_of(const Arguments& arguments) {
  LintRules rules;
  auto platforms = parse_platforms(arguments.words("platform"));
  if (!platforms) return tl::unexpected(platforms.error());
  rules.platforms = std::move(*platforms);
  if (arguments.has("os-version")) {
    const auto version = parse_version(arguments.get("os-version"));
    if (!version) return tl::unexpected(version.error());
    rules.os_version = *version;
  }
  if (arguments.has("supervised") && arguments.has("unsupervised"))
    return fail(ErrorKind::usage, "--supervised and --unsupervised exclude each other");
  if (arguments.has("supervised")) rules.supervised = true;
  if (arguments.has("unsupervised")) rules.supervised = false;
  for (const auto& [option, list] : {std::pair{"select", &rules.select}, {"ignore", &rules.ignore}}) {
    auto patterns = parse_patterns(arguments.words(option));
    if (!patterns) return tl::unexpected(patterns.error());
    *list = std::move(*patterns);
  }
  return rules;
}

Result<LintSettings> lint_settings(const Arguments& arguments) {
  LintSettings settings;
  auto rules = rules_of(arguments);
  if (!rules) return tl::unexpected(rules.error());
  settings.command_line = std::move(*rules);
  settings.read.trust = arguments.all("trust");
  if (arguments.has("decrypt-key")) settings.read.decrypt_key = arguments.get("decrypt-key");
  settings.read.template_mode = arguments.has("template");
  settings.configuration = arguments.get("config");
  settings.use_configuration = !arguments.has("no-config");
  settings.warnings_as_errors = arguments.has("warnings-as-errors");
  settings.now = present();
  settings.one_device = false;
  settings.secret_keys = secret_keys();
  return settings;
}

/// One call of lint: collects what its units of files have to say, then reports.
class Lint {
 public:
  Lint(const Arguments& arguments, const LintSettings& settings, std::optional<Baseline> baseline)
      : arguments_(arguments), settings_(settings), run_(settings, std::move(baseline)) {}

  int run() {
    const Inputs inputs = collect_inputs(arguments_.positional());
    for (const Error& problem : inputs.problems) note_problem(problem);
    if (arguments_.has("fix") && std::find(inputs.files.begin(), inputs.files.end(), "-") != inputs.files.end())
      return report({ErrorKind::usage, "standard input cannot be written back", {}, "use --diff, or name the file"});
    std::vector<std::string> files_read = inputs.files;
    files_read.insert(files_read.end(), settings_.read.trust.begin(), settings_.read.trust.end());
    for (const char* option : {"decrypt-key", "config"}) files_read.push_back(arguments_.get(option));
    if (const auto ok = keep_apart({arguments_.get("write-baseline")}, files_read); !ok) return report(ok.error());
    if (const auto read = read_all(inputs.files); !read) return report(read.error());
    for (const std::string& line : refused_) say(line);
    if (arguments_.has("write-baseline")) return write_baseline();
    const int written = arguments_.has("fix") ? write_fixed() : Exit::ok;
    if (run_.baseline() && run_.baseline()->stale() > 0)
      say(std::to_string(run_.baseline()->stale()) +
          " of the baseline's findings are gone; --write-baseline renews it");
    if (!(arguments_.has("diff") ? print_diff() : print_findings())) return Exit::unreadable;
    return std::max({exit_, written, errors_ > 0 ? +Exit::findings : +Exit::ok});
  }

 private:
  void note_problem(const Error& problem) { exit_ = std::max(exit_, report(problem)); }

  /// Reads and judges every file; declarations of one folder wait for each other.
  Result<void> read_all(const std::vector<std::string>& paths) {
    struct Unit {
      std::vector<LintFile> files;
      std::vector<std::unique_ptr<document::Source>> sources;
    };
    std::map<std::string, Unit> declarations;
    Progress progress("linting", paths.size());
    for (const std::string& path : paths) {
      auto rules = run_.rules_for(path);
      if (!rules) return tl::unexpected(rules.error());
      auto source = document::Source::read_up_to(path, settings_.read.limits.file_bytes);
      if (!source) {
        note_problem(source.error());
        continue;
      }
      names_.push_back((*source)->name());
      Unit alone;
      const LintFile file{names_.size() - 1, path, std::move(*rules)};
      const bool together = path != "-" && looks_like_json((*source)->text());
      Unit& unit = together ? declarations[unit_key(file)] : alone;
      unit.files.push_back(file);
      unit.sources.push_back(std::move(*source));
      if (!together) judge(alone.files, std::move(alone.sources));
      progress.advance();
    }
    for (auto& [key, unit] : declarations) judge(unit.files, std::move(unit.sources));
    return {};
  }

  void judge(const std::vector<LintFile>& files, std::vector<std::unique_ptr<document::Source>> sources) {
    Judged judged = run_.judge(files, std::move(sources));
    if (arguments_.has("fix") || arguments_.has("diff")) {
      if (auto mended = run_.mend(files, judged, refused_)) {
        fixed_.insert(fixed_.end(), std::make_move_iterator(mended->files.begin()),
                      std::make_move_iterator(mended->files.end()));
        if (arguments_.has("fix")) judged = std::move(mended->judged);
      }
    }
    errors_ += judged.errors;
    fatal_ += judged.fatal;
    if (!judged.sink.all().empty()) judged_.push_back(std::move(judged));  // the others need no texts any more
  }

  /// Everything that was found, by file in the order given.
  std::vector<findings::Finding> all_findings(bool with_fatal) const {
    std::map<std::string_view, std::size_t> order;
    for (const std::string& name : names_) order.emplace(name, order.size());
    std::vector<findings::Finding> all;
    for (const Judged& j : judged_) {
      const auto end = j.sink.all().end() - static_cast<std::ptrdiff_t>(with_fatal ? 0 : j.fatal);
      all.insert(all.end(), j.sink.all().begin(), end);
    }
    const auto place = [&](const findings::Finding& f) {
      const auto it = order.find(f.source->name());
      return it == order.end() ? order.size() : it->second;
    };
    std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
    return all;
  }

  bool print_findings() const {
    format::Style style = format::Style::text;
    format::parse(arguments_.get("format", "text"), style);
    if (style == format::Style::text && names_.empty()) return true;  // the errors have said it all
    const std::vector<findings::Finding> all = all_findings(true);
    return print(format::format(style, {all, names_}, report_options(STDOUT_FILENO, settings_.secret_keys)));
  }

  bool print_diff() const {
    std::string text;
    for (const FixedFile& f : fixed_) text += unified_diff(f.path == "-" ? "stdin" : f.path, f.before, f.after);
    return print(use_color(STDOUT_FILENO) ? colored(text) : text);
  }

  static std::string colored(std::string_view diff) {
    std::string text;
    while (!diff.empty()) {
      const auto size = std::min(diff.find('\n'), diff.size() - 1) + 1;
      const std::string_view line = diff.substr(0, size - 1);
      std::string_view color;
      if (line.starts_with('+')) color = "\x1b[32m";
      if (line.starts_with('-')) color = "\x1b[31m";
      if (line.starts_with("@@")) color = "\x1b[36m";
      text.append(color).append(line).append(color.empty() ? "" : "\x1b[0m").append("\n");
      diff.remove_prefix(size);
    }
    return text;
  }

  int write_fixed() const {
    std::size_t mended = 0, files = 0;
    int result = Exit::ok;
    for (const FixedFile& f : fixed_) {
      if (const auto written = overwrite(f.path, f.after); !written) {
        result = std::max(result, report(written.error()));
        continue;
      }
      mended += f.findings;
      ++files;
    }
    if (files > 0)
      say("mended " + std::to_string(mended) + (mended == 1 ? " finding in " : " findings in ") +
          std::to_string(files) + (files == 1 ? " file" : " files"));
    return result;
  }

  int write_baseline() const {
    const std::string path = arguments_.get("write-baseline");
    const std::vector<findings::Finding> all = all_findings(false);
    const std::string text = Baseline::text(all, path, settings_.secret_keys);
    const SignalsHeld held;
    if (const auto written = lower::write_file(path, std::as_bytes(std::span(text)), 0644); !written)
      return report(written.error());
    say("wrote " + std::to_string(all.size()) + (all.size() == 1 ? " finding to " : " findings to ") + path);
    return std::max(exit_, fatal_ > 0 ? +Exit::findings : +Exit::ok);  // no baseline makes an unreadable file readable
  }

  const Arguments& arguments_;
  const LintSettings& settings_;
  LintRun run_;
  std::vector<std::string> names_;  ///< of the files that were read
  std::vector<Judged> judged_;
  std::vector<FixedFile> fixed_;
  std::vector<std::string> refused_;
  std::size_t errors_ = 0, fatal_ = 0;
  int exit_ = Exit::ok;
};

int explain_code(const std::string& word) {
  const auto pattern = CodePattern::parse(word);
  if (!pattern) return report(pattern.error());
  std::string text;
  for (const findings::CodeInfo& code : findings::all_codes())
    if (pattern->matches(code)) text += (text.empty() ? "" : "\n") + format::explain(code, use_color(STDOUT_FILENO));
  return print(text) ? Exit::ok : Exit::unreadable;
}

int run_lint(const Arguments& arguments) {
  if (arguments.has("explain")) return explain_code(arguments.get("explain"));
  if (arguments.positional().empty())
    return report({ErrorKind::usage, "too few arguments: PATH… is needed", {}, "see 'vpnprofile lint --help'"});
  const auto settings = lint_settings(arguments);
  if (!settings) return report(settings.error());
  if (const auto ok = document::check_key_material(settings->read); !ok) return report(ok.error());
  std::optional<Baseline> baseline;
  if (arguments.has("baseline") && !arguments.has("write-baseline")) {
    auto read = Baseline::read(arguments.get("baseline"));
    if (!read) return report(read.error());
    baseline = std::move(*read);
  }
  return Lint(arguments, *settings, std::move(baseline)).run();
}

}  // namespace

const Command lint_command{
    "lint",
    "find mistakes in profiles and declarations",
    "PATH…",
    0,
    -1,
    lint_options,
    "  vpnprofile lint --platform ios,macos profiles/\n  vpnprofile lint --diff always-on.mobileconfig",
    run_lint};

}  // namespace vpn::cli
