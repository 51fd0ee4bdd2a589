// vpnprofile ci: lint, compile, test, prove and diff in one run.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "compiler/cli/ci_run.h"
#include "compiler/cli/commands.h"
#include "compiler/cli/outputs.h"
#include "compiler/cli/progress.h"
#include "compiler/cli/properties.h"
#include "compiler/cli/secret_keys.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/surroundings.h"

namespace vpn::cli {
namespace {

constexpr Option ci_options[] = {
    {"base", 0, "REV", "compare with this revision of git", {}},
    {"prove",
     0,
     "LIST",
     "properties to prove, as prove takes them, or files of them; 'none' for none",
     {},
     true,
     true,
     property_words},
    {"fail-on", 0, "WHAT", "which changes fail: risk (what newly leaves outside every tunnel), any, never",
     "any,risk,never"},
    {"allow", 0, "FILE", "changes that are expected, as diff takes them", {}, true},
    platform_option,
    {"warnings-as-errors", 'W', {}, "treat warnings of lint as errors", {}},
    trust_option,
    decrypt_key_option,
    config_option,
    {"format", 0, "FORMAT", "how to print", "text,json,github,gitlab,junit,markdown"},
    {"report", 0, "FORMAT=FILE", "write the report to FILE, too, in this format", {}, true},
};

struct WrittenReport {
  ci::Style style{};
  std::string path;
};

Result<std::vector<WrittenReport>> written_reports(const Arguments& arguments) {
  std::vector<WrittenReport> out;
  for (const std::string& given : arguments.all("report")) {
    const std::size_t equals = given.find('=');
    WrittenReport report;
    if (equals == std::string::npos || equals + 1 == given.size() || !ci::parse(given.substr(0, equals), report.style))
      return fail(ErrorKind::usage, "'" + given + "' is no report", {},
                  "for instance --report junit=report.xml; formats: text, json, github, gitlab, junit, markdown");
    report.path = given.substr(equals + 1);
    if (report.path == "-")
      return fail(ErrorKind::usage, "--report wants a file: standard output is for what --format says", {},
                  "see 'vpnprofile ci --help'");
    out.push_back(std::move(report));
  }
  return out;
}

Result<CiSettingsOfRun> run_settings(const Arguments& arguments, const std::string& fail_on) {
  CiSettingsOfRun out;
  out.lint.now = present();
  out.lint.read.trust = arguments.all("trust");
  if (arguments.has("decrypt-key")) out.lint.read.decrypt_key = arguments.get("decrypt-key");
  out.lint.configuration = arguments.get("config");
  out.lint.warnings_as_errors = arguments.has("warnings-as-errors");
  if (const auto ok = document::check_key_material(out.lint.read); !ok) return tl::unexpected(ok.error());
  out.fail_on = fail_on;
  out.expected = expected_changes(arguments.all("allow"));
  out.format = report_options(STDOUT_FILENO, secret_keys());
  out.color = out.format.color && arguments.get("format", "text") == "text";
  return out;
}

/// GitHub shows what a step adds to this file on the page of the run.
Result<void> add_step_summary(const ci::Report& report, const format::Options& options) {
  const char* const path = std::getenv("GITHUB_STEP_SUMMARY");
  if (path == nullptr || *path == '\0') return {};
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << ci::render(ci::Style::markdown, report, options);
  file.flush();
  if (file.good()) return {};
  return fail(ErrorKind::unreadable, "the step summary cannot be written", path, "GITHUB_STEP_SUMMARY names the file");
}

/// What cannot be written keeps nothing else from being written.
std::vector<Error> write_reports(const std::vector<WrittenReport>& reports, const ci::Report& report,
                                 format::Options options) {
  options.color = false;
  std::vector<Error> problems;
  for (const WrittenReport& wanted : reports) {
    const std::string text = ci::render(wanted.style, report, options);
    auto ok = lower::write_file(wanted.path, std::as_bytes(std::span(text)), 0644);
    if (!ok) problems.push_back(std::move(ok.error()));
  }
  return problems;
}

/// The stages' texts are made for the terminal; in a file they have no colour.
ci::Report without_color(ci::Report report) {
  for (ci::Device& device : report.devices)
    for (ci::Stage& stage : device.stages) stage.text = stage.plain;
  return report;
}

/// Nothing that was read may be written.
Result<void> keep_read_files(const Arguments& arguments, const CiPlan& plan, const CiRun& run, const ci::Report& report,
                             const std::vector<WrittenReport>& reports) {
  std::vector<std::string> read = run.files();
  read.push_back(plan.configuration);
  for (const char* option : {"allow", "trust", "decrypt-key"})
    for (std::string& path : arguments.all(option)) read.push_back(std::move(path));
  for (const ci::Device& device : report.devices) read.insert(read.end(), device.files.begin(), device.files.end());
  std::vector<std::string> written;
  written.reserve(reports.size());
  for (const WrittenReport& wanted : reports) written.push_back(wanted.path);
  return keep_apart(written, read);
}

int run_ci(const Arguments& arguments) {
  const auto plan = plan_ci(arguments);
  if (!plan) return report(plan.error());
  const auto reports = written_reports(arguments);
  if (!reports) return report(reports.error());
  const auto settings = run_settings(arguments, plan->fail_on);
  if (!settings) return report(settings.error());
  CiBase base(arguments.get("base"));
  CiRun run(*settings, arguments.has("base") ? &base : nullptr);
  ci::Report done;
  done.base = arguments.get("base");
  Progress progress("checking", plan->devices.size());
  for (const CiDevice& device : plan->devices) {
    done.devices.push_back(run.run(device));
    progress.advance();
  }
  if (const auto ok = keep_read_files(arguments, *plan, run, done, *reports); !ok) return report(ok.error());
  std::vector<Error> unwritten = write_reports(*reports, without_color(done), settings->format);
  ci::Style style = ci::Style::text;
  ci::parse(arguments.get("format", "text"), style);
  if (style == ci::Style::github)
    if (auto ok = add_step_summary(done, settings->format); !ok) unwritten.push_back(std::move(ok.error()));
  const int problems = std::max(report_all(run.problems()), report_all(unwritten));
  if (!print(ci::render(style, done, settings->format))) return Exit::unreadable;
  return std::max<int>(problems, done.passed() ? Exit::ok : Exit::findings);
}

}  // namespace

const Command ci_command{"ci",
                         "lint, compile, test, prove and diff in one run",
                         "[PATH…]",
                         0,
                         -1,
                         ci_options,
                         "  vpnprofile ci profiles/phones profiles/laptops --base origin/main\n"
                         "  vpnprofile ci --base \"$CI_MERGE_REQUEST_DIFF_BASE_SHA\" --report junit=report.xml",
                         run_ci};

}  // namespace vpn::cli
