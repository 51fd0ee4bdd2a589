#include "compiler/cli/ci_run.h"

#include <algorithm>

#include "compiler/cli/inputs.h"
#include "compiler/format/terminal.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

using ci::Outcome;
using ci::Stage;

ci::Item item_of(const TestFile& file, const TestCase& test) {
  ci::Item item;
  item.name = test.name.empty() ? test.state + ": " + test.flow : test.name;
  item.outcome = test.passed ? Outcome::passed : Outcome::failed;
  if (!test.passed) item.message = "expected " + test.expected + ", got " + test.got + ": " + test.why;
  item.file = file.file;
  item.line = test.line;
  item.column = test.column;
  return item;
}

/// Others are of the surroundings: a file that cannot be read.
bool is_verdict(const Error& problem) { return problem.kind == ErrorKind::invalid_input; }

/// Other problems are at a key, or at a line.
std::string file_of(const Error& problem) {
  return problem.kind == ErrorKind::unreadable ? problem.where : std::string{};
}

/// The text for people leaves out what is one of CiRun::problems(): they are shown beside it.
void add_problem(Stage& stage, const char* what, const std::string& file, const Error& problem) {
  const std::string message = problem.where == file ? problem.what : ci::one_line(problem);
  stage.items.push_back({what, Outcome::failed, message, file, 0, 0});
  stage.plain += ci::error_text(problem);
  if (is_verdict(problem)) stage.text += ci::error_text(problem);
}

}  // namespace

/// All but the app map, which a base has of its own.
CompileSettings CiRun::compile_settings(const CiDevice& device) const {
  CompileSettings out;
  out.lint = settings_.lint;
  if (!device.platform) return out;
  out.build.platform = *device.platform;
  out.lint.command_line.platforms = {*device.platform};
  return out;
}

Result<std::vector<model::MappedApp>> CiRun::app_map(const CiDevice& device) {
  const std::string path = app_map_of(device);
  if (path.empty()) return std::vector<model::MappedApp>{};
  files_.push_back(path);
  return model::read_app_map(path);
}

void CiRun::note(const Error& error) {
  const auto is_same = [&](const Error& e) { return e.what == error.what && e.where == error.where; };
  if (std::none_of(problems_.begin(), problems_.end(), is_same)) problems_.push_back(error);
}

Stage CiRun::stopped(const char* stage, const Error& error) {
  note(error);
  Stage out = ci::refused_stage(stage, error);
  out.text.clear();
  return out;
}

/// What can be read is linted; no policy comes of it unless all could be.
const Built& CiRun::build(const CiDevice& device, ci::Device& out) {
  Inputs inputs = collect_inputs(device.paths);
  out.files = inputs.files;
  CompileSettings settings = compile_settings(device);
  const auto map = app_map(device);
  if (map) settings.build.app_map = *map;
  LintRun lint_run(settings.lint, std::nullopt);
  built_.push_back(std::make_unique<Built>(build_device(lint_run, settings, inputs.files)));
  Built& built = *built_.back();
  std::vector<Error>& problems = built.problems;
  problems.insert(problems.begin(), inputs.problems.begin(), inputs.problems.end());
  const bool is_whole = std::all_of(problems.begin(), problems.end(), is_verdict);
  if (!map) problems.insert(problems.begin(), map.error());
  if (!problems.empty()) built.policy.reset();
  for (const Error& problem : problems)
    if (!is_verdict(problem)) note(problem);
  out.findings = built.judged.sink.all();
  out.stages.push_back(lint(built, is_whole));
  out.stages.push_back(compile(built));
  return built;
}

ci::Device CiRun::run(const CiDevice& device) {
  ci::Device out;
  out.name = device.name;
  if (device.paths.empty()) {
    out.stages.push_back(test(device));
    return out;
  }
  const Built& built = build(device, out);
  out.stages.push_back(test(device));
  const policy::Policy* const policy = built.policy ? &*built.policy : nullptr;
  out.stages.push_back(prove(device, policy));
  out.stages.push_back(diff(device, policy));
  return out;
}

Stage CiRun::lint(const Built& built, bool is_whole) const {
  Stage out;
  out.name = "lint";
  std::vector<findings::Finding> shown;
  std::copy_if(built.judged.sink.all().begin(), built.judged.sink.all().end(), std::back_inserter(shown),
               [](const findings::Finding& f) { return f.severity != findings::Severity::note; });
  out.outcome = built.judged.errors > 0 || built.refused || !is_whole ? Outcome::failed : Outcome::passed;
  out.summary = built.names.empty() ? "nothing to read" : format::summary({shown, built.names});
  if (!is_whole && !built.names.empty()) out.summary += "; not all files can be read";
  if (shown.empty()) return out;
  format::Options how = settings_.format;
  how.color = false;
  out.plain = format::format(format::Style::text, {shown, built.names}, how);
  how.color = settings_.color;
  out.text = format::format(format::Style::text, {shown, built.names}, how);
  return out;
}

Stage CiRun::compile(const Built& built) const {
  Stage out;
  out.name = "compile";
  if (built.policy) {
    const auto* const tunnels = built.policy->body().tunnels();
    const std::size_t count = tunnels == nullptr ? 0 : tunnels->size();
    out.summary = std::to_string(count) + (count == 1 ? " VPN, " : " VPNs, ") +
                  std::to_string(built.policy->bytes().size()) + " bytes";
    return out;
  }
  out.outcome = Outcome::failed;
  out.summary = built.problems.empty() ? "refused: the errors come first" : ci::one_line(built.problems.front());
  for (const Error& problem : built.problems) add_problem(out, "the policy can be made", file_of(problem), problem);
  return out;
}

Stage CiRun::test(const CiDevice& device) {
  if (device.tests.empty()) return ci::skipped_stage("test", "no scenario file beside the profiles");
  Stage out;
  out.name = "test";
  std::vector<TestFile> files;
  const TestRequest asked{{}, settings_.lint.read.trust, settings_.lint.read.decrypt_key};
  for (const std::string& path : device.tests) {
    files.push_back(run_test_file(path, asked));
    const TestFile& file = files.back();
    files_.insert(files_.end(), file.files.begin(), file.files.end());
    for (const TestCase& test : file.cases) out.items.push_back(item_of(file, test));
    for (const Error& problem : file.problems) {
      if (!is_verdict(problem)) note(problem);
      add_problem(out, "the scenario can be run", file.file, problem);
    }
  }
  const TestTotals t = totals(files);
  const bool fine = t.failed == 0 && t.faulty_files == 0;
  out.outcome = fine ? Outcome::passed : Outcome::failed;
  out.summary = fine ? std::to_string(t.cases) + (t.cases == 1 ? " case" : " cases")
                     : std::to_string(t.failed) + " of " + std::to_string(t.cases) + " cases failed";
  if (t.faulty_files != 0) out.summary += ", " + std::to_string(t.faulty_files) + " could not be run";
  out.json = test_json(files);
  if (fine) return out;
  out.text += test_text(files, settings_.color);
  out.plain += test_text(files, false);
  return out;
}

}  // namespace vpn::cli
