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

}  // namespace

Result<CompileSettings> CiRun::compile_settings(const CiDevice& device) {
  CompileSettings out;
  out.lint = settings_.lint;
  if (device.platform) {
    out.build.platform = *device.platform;
    out.lint.command_line.platforms = {*device.platform};
  }
  const std::string map = app_map_of(device);
  if (map.empty()) return out;
  auto read = model::read_app_map(map);
  if (!read) return tl::unexpected(read.error());
  app_maps_.push_back(std::make_unique<std::vector<model::MappedApp>>(std::move(*read)));
  out.build.app_map = *app_maps_.back();
  return out;
}

Result<ci::Device> CiRun::run(const CiDevice& device) {
  ci::Device out;
  out.name = device.name;
  if (device.paths.empty()) {
    out.stages.push_back(test(device));
    return out;
  }
  auto settings = compile_settings(device);
  if (!settings) return tl::unexpected(settings.error());
  const Inputs inputs = collect_inputs(device.paths);
  if (!inputs.problems.empty()) return tl::unexpected(inputs.problems.front());
  LintRun lint_run(settings->lint, std::nullopt);
  built_.push_back(std::make_unique<Built>(build_device(lint_run, *settings, inputs.files)));
  const Built& built = *built_.back();
  for (const Error& problem : built.problems)
    if (problem.kind != ErrorKind::invalid_input) return tl::unexpected(problem);
  out.files = built.names;
  out.findings = built.judged.sink.all();
  out.stages.push_back(lint(built));
  out.stages.push_back(compile(built));
  out.stages.push_back(test(device));
  const policy::Policy* const policy = built.policy ? &*built.policy : nullptr;
  for (auto stage : {prove(device, policy), diff(device, policy, *settings)}) {
    if (!stage) return tl::unexpected(stage.error());
    out.stages.push_back(std::move(*stage));
  }
  return out;
}

Stage CiRun::lint(const Built& built) const {
  Stage out;
  out.name = "lint";
  std::vector<findings::Finding> shown;
  std::copy_if(built.judged.sink.all().begin(), built.judged.sink.all().end(), std::back_inserter(shown),
               [](const findings::Finding& f) { return f.severity != findings::Severity::note; });
  out.outcome = built.judged.errors > 0 || built.refused ? Outcome::failed : Outcome::passed;
  out.summary = format::summary({shown, built.names});
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
  out.summary = built.problems.empty() ? "refused: the errors come first" : built.problems.front().what;
  for (const Error& problem : built.problems) out.plain += ci::error_text(problem);
  out.text = out.plain;
  return out;
}

Stage CiRun::test(const CiDevice& device) const {
  if (device.tests.empty()) return ci::skipped_stage("test", "no scenario file beside the profiles");
  Stage out;
  out.name = "test";
  std::vector<TestFile> files;
  const TestRequest asked{{}, settings_.lint.read.trust, settings_.lint.read.decrypt_key};
  for (const std::string& path : device.tests) {
    files.push_back(run_test_file(path, asked));
    const TestFile& file = files.back();
    for (const TestCase& test : file.cases) out.items.push_back(item_of(file, test));
    for (const Error& problem : file.problems) {
      out.items.push_back({"the scenario can be run", Outcome::failed, problem.what, file.file, 0, 0});
      out.plain += ci::error_text(problem);
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
  out.text = out.plain + test_text(files, settings_.color);
  out.plain += test_text(files, false);
  return out;
}

}  // namespace vpn::cli
