#include "compiler/cli/policy_input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include "compiler/cli/compile_device.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/inputs.h"
#include "compiler/cli/secret_keys.h"
#include "compiler/cli/surroundings.h"
#include "console/command.h"
#include "policy/file_header.h"

namespace vpn::cli {
namespace {

constexpr std::size_t most_policy_bytes = std::size_t{1} << 30;

std::string errors_for_people(const Built& built) {
  std::vector<findings::Finding> errors;
  std::copy_if(built.judged.sink.all().begin(), built.judged.sink.all().end(), std::back_inserter(errors),
               [](const findings::Finding& f) { return f.severity == findings::Severity::error; });
  return errors.empty()
             ? std::string{}
             : format::format(format::Style::text, {errors, built.names}, report_options(STDERR_FILENO, secret_keys()));
}

PolicyInput compile(const PolicyRequest& request) {
  PolicyInput out;
  out.compiled = true;
  out.files = request.trust;
  if (request.decrypt_key) out.files.push_back(*request.decrypt_key);
  CompileSettings settings;
  settings.lint.now = present();
  settings.lint.read.trust = request.trust;
  settings.lint.read.decrypt_key = request.decrypt_key;
  if (request.platform) {
    settings.build.platform = *request.platform;
    settings.lint.command_line.platforms = {*request.platform};
  }
  std::vector<model::MappedApp> app_map;
  if (!request.app_map.empty()) {
    out.files.push_back(request.app_map);
    auto read = model::read_app_map(request.app_map);
    if (!read) {
      out.problems.push_back(std::move(read.error()));
      return out;
    }
    app_map = std::move(*read);
    settings.build.app_map = app_map;
  }
  Inputs inputs = collect_inputs(request.paths);
  out.problems = std::move(inputs.problems);
  if (!out.problems.empty()) return out;
  out.files.insert(out.files.end(), inputs.files.begin(), inputs.files.end());
  LintRun run(settings.lint, std::nullopt);
  Built built = build_device(run, settings, inputs.files);
  out.policy = std::move(built.policy);
  out.problems = std::move(built.problems);
  if (built.refused) out.findings = errors_for_people(built);
  out.built = std::make_shared<const Built>(std::move(built));
  return out;
}

}  // namespace

PolicyRequest request_of(const Arguments& arguments) {
  PolicyRequest request;
  request.paths = arguments.positional();
  request.app_map = arguments.get("app-map");
  request.trust = arguments.all("trust");
  if (arguments.has("decrypt-key")) request.decrypt_key = arguments.get("decrypt-key");
  policy::Platform platform{};
  if (policy::parse(arguments.get("platform"), platform)) request.platform = platform;
  return request;
}

PolicyRequest request_of(const Arguments& arguments, std::string path) {
  PolicyRequest request = request_of(arguments);
  if (is_compiled_policy(path)) {
    request.app_map.clear();
    request.platform.reset();
  }
  request.paths = {std::move(path)};
  return request;
}

bool is_compiled_policy(const std::string& path) {
  if (path.ends_with(".vpnpolicy")) return true;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  std::array<char, 8> beginning{};
  std::ifstream file(path, std::ios::binary);
  file.read(beginning.data(), beginning.size());
  return file.gcount() == static_cast<std::streamsize>(beginning.size()) &&
         policy::is_policy_file(std::as_bytes(std::span(beginning)));
}

Result<policy::Policy> open_compiled(const std::string& path, const policy::OpenOptions& options) {
  if (path != "-") return policy::Policy::open(path, options);
  const auto bytes = read_input(path, most_policy_bytes);
  if (!bytes) return tl::unexpected(bytes.error());
  auto policy = policy::Policy::from_bytes(std::as_bytes(std::span(*bytes)), options);
  if (!policy) policy.error().where = policy.error().where.empty() ? "<stdin>" : "<stdin>: " + policy.error().where;
  return policy;
}

PolicyInput open_policy(const PolicyRequest& request) {
  if (std::none_of(request.paths.begin(), request.paths.end(), is_compiled_policy)) return compile(request);
  PolicyInput out;
  out.files = request.paths;
  if (request.paths.size() != 1) {
    out.problems.push_back({ErrorKind::usage,
                            "a compiled policy stands alone: it cannot be merged with other files",
                            {},
                            "compile all profiles together"});
  } else if (!request.app_map.empty() || request.platform) {
    out.problems.push_back({ErrorKind::usage, "an app map or a platform says nothing about a compiled policy",
                            request.paths[0], "they are for profiles; compile the policy anew"});
  } else if (auto policy = policy::Policy::open(request.paths[0])) {
    out.policy = std::move(*policy);
  } else {
    out.problems.push_back(std::move(policy.error()));
  }
  return out;
}

void say_compiled(const PolicyInput& input) {
  if (input.compiled) std::fputs("note: compiled in memory for this answer; no policy was written\n", stderr);
}

int report_failure(const PolicyInput& input) {
  std::fputs(input.findings.c_str(), stderr);
  return std::max<int>(input.findings.empty() ? Exit::ok : Exit::findings, report_all(input.problems));
}

}  // namespace vpn::cli
