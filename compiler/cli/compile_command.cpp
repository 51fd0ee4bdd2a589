// vpnprofile compile: all profiles of a device into one policy; with --batch, of a fleet.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "compiler/cli/commands.h"
#include "compiler/cli/compile_batch.h"
#include "compiler/cli/inputs.h"
#include "compiler/cli/outputs.h"
#include "compiler/cli/secret_keys.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/surroundings.h"

namespace vpn::cli {
namespace {

constexpr Option compile_options[] = {
    {"output", 'o', "FILE", "where the policy goes; '-' is standard output; with --batch a folder", {}},
    {"batch", 0, "DIR", "compile a fleet: one policy for each sub-folder of DIR", {}},
    {"app-map", 0, "FILE", "what bundle identifiers are on this platform, YAML or JSON", {}},
    platform_option,
    {"serial", 0, "N", "serial number of the policy; a device takes none that is lower than its own", {}},
    {"sign-key", 0, "FILE", "Ed25519 private key (PEM) to sign with", {}},
    {"encrypt-to", 0, "FILE", "certificate of the device, to seal the secrets for", {}},
    {"secrets", 0, "FILE", "where secrets go that are not sealed; without it the policy's name and '.secrets'", {}},
    trust_option,
    decrypt_key_option,
    {"jobs", 'j', "N", "threads for --batch; without it one for each core", {}},
    {"format", 0, "FORMAT", "how to print findings", "text,json,sarif,github,gitlab,junit"},
};

Result<CompileSettings> compile_settings(const Arguments& arguments, const std::vector<model::MappedApp>& app_map) {
  CompileSettings settings;
  if (arguments.has("platform")) {
    auto platforms = parse_platforms({arguments.get("platform")});
    if (!platforms) return tl::unexpected(platforms.error());
    settings.build.platform = platforms->front();
    settings.lint.command_line.platforms = std::move(*platforms);
  }
  settings.build.app_map = app_map;
  settings.lint.read.trust = arguments.all("trust");
  if (arguments.has("decrypt-key")) settings.lint.read.decrypt_key = arguments.get("decrypt-key");
  settings.lint.now = present();
  const auto serial = arguments.number("serial", 0, UINT64_MAX);
  if (!serial) return tl::unexpected(serial.error());
  settings.lower.serial = *serial;
  if (arguments.has("sign-key")) settings.lower.sign_key = arguments.get("sign-key");
  if (arguments.has("encrypt-to")) settings.lower.encrypt_to = arguments.get("encrypt-to");
  settings.lower.shared_app_map = arguments.has("batch");
  settings.wants_notes = arguments.get("format", "text") != "text";
  return settings;
}

/// Findings of every device: for people on standard error, notes aside; for machines all, on standard output.
bool print_findings(const Arguments& arguments, const std::vector<Compilation>& done) {
  format::Style style = format::Style::text;
  format::parse(arguments.get("format", "text"), style);
  const bool for_people = style == format::Style::text;
  std::vector<findings::Finding> all;
  std::vector<std::string> names;
  for (const Compilation& c : done) {
    names.insert(names.end(), c.names.begin(), c.names.end());
    std::copy_if(c.judged.sink.all().begin(), c.judged.sink.all().end(), std::back_inserter(all),
                 [&](const findings::Finding& f) { return !for_people || f.severity != findings::Severity::note; });
  }
  if (!for_people) return print(format::format(style, {all, names}, report_options(STDOUT_FILENO, secret_keys())));
  if (all.empty()) return true;
  const std::string text = format::format(style, {all, names}, report_options(STDERR_FILENO, secret_keys()));
  std::fwrite(text.data(), 1, text.size(), stderr);
  return true;
}

void print_warnings(const Compilation& compilation) {
  if (!compilation.warning.empty()) std::fprintf(stderr, "warning: %s\n", compilation.warning.c_str());
}

/// Every file that is read beside the profiles.
std::vector<std::string> side_files(const Arguments& arguments) {
  std::vector<std::string> files = arguments.all("trust");
  for (const char* option : {"app-map", "sign-key", "encrypt-to", "decrypt-key"})
    if (arguments.has(option)) files.push_back(arguments.get(option));
  return files;
}

int compile_one(const Arguments& arguments, const CompileSettings& settings) {
  const Inputs inputs = collect_inputs(arguments.positional());
  if (const int exit = report_all(inputs.problems); exit != Exit::ok) return exit;
  const std::string output = arguments.get("output");
  const std::string secrets = arguments.get("secrets", output == "-" ? std::string{} : output + ".secrets");
  std::vector<std::string> read = side_files(arguments);
  read.insert(read.end(), inputs.files.begin(), inputs.files.end());
  if (const auto ok = keep_apart({output, secrets}, read); !ok) return report(ok.error());
  LintRun lint(settings.lint, std::nullopt);
  std::vector<Compilation> done;
  done.push_back(compile_device(lint, settings, {inputs.files, output, secrets}, lower::write_file));
  const Compilation& c = done.front();
  if (!print_findings(arguments, done)) return Exit::unreadable;
  int exit = report_all(c.problems);
  print_warnings(c);
  if (c.refused) std::fputs("no policy was written: the errors come first\n", stderr);
  if (c.refused) exit = std::max<int>(exit, Exit::findings);
  const bool quiet = output == "-" || arguments.get("format", "text") != "text";
  if (c.written() && !quiet && !print(c.summary + "\n")) return Exit::unreadable;
  return exit;
}

int compile_many(const Arguments& arguments, const CompileSettings& settings, unsigned jobs) {
  const auto fleet = collect_fleet(arguments.get("batch"), arguments.get("output"));
  if (!fleet) return report(fleet.error());
  const std::vector<Compilation> done = compile_fleet(settings, fleet->devices, jobs);
  if (!print_findings(arguments, done)) return Exit::unreadable;
  int exit = report_all(fleet->problems);
  if (fleet->strays > 0)
    std::fprintf(stderr, "warning: %s: %zu %s in no sub-folder, so for no device\n", arguments.get("batch").c_str(),
                 fleet->strays, fleet->strays == 1 ? "profile is" : "profiles are");
  std::size_t written = 0;
  for (const Compilation& c : done) {
    exit = std::max(exit, report_all(c.problems));
    print_warnings(c);
    if (c.written()) ++written;
  }
  const std::size_t failed = done.size() - written + fleet->problems.size();
  const std::string text = std::to_string(written) + (written == 1 ? " policy" : " policies") + " written to " +
                           arguments.get("output") + (failed == 0 ? "" : ", " + std::to_string(failed) + " refused") +
                           "\n";
  std::fputs(text.c_str(), stderr);
  return failed == 0 ? exit : std::max<int>(exit, Exit::findings);
}

Result<void> check(const Arguments& arguments) {
  const char* help = "see 'vpnprofile compile --help'";
  const bool batch = arguments.has("batch");
  if (!arguments.has("output")) return fail(ErrorKind::usage, "say with -o where the policy goes", {}, help);
  if (batch == !arguments.positional().empty())
    return fail(ErrorKind::usage,
                batch ? "--batch names the folder; other paths cannot be given beside it"
                      : "too few arguments: PATH… is needed",
                {}, help);
  if (batch && arguments.get("output") == "-")
    return fail(ErrorKind::usage, "a fleet's policies cannot go to standard output", {}, help);
  if (batch && arguments.has("secrets"))
    return fail(ErrorKind::usage, "--secrets is for one device; a fleet's secrets lie beside their policies", {}, help);
  return {};
}

int run_compile(const Arguments& arguments) {
  if (const auto ok = check(arguments); !ok) return report(ok.error());
  std::vector<model::MappedApp> app_map;
  if (arguments.has("app-map")) {
    auto read = model::read_app_map(arguments.get("app-map"));
    if (!read) return report(read.error());
    app_map = std::move(*read);
  }
  const auto settings = compile_settings(arguments, app_map);
  if (!settings) return report(settings.error());
  if (const auto ok = document::check_key_material(settings->lint.read); !ok) return report(ok.error());
  if (const auto ok = lower::check_key_material(settings->lower); !ok) return report(ok.error());
  const auto jobs = arguments.number("jobs", 0, 1024);
  if (!jobs) return report(jobs.error());
  return arguments.has("batch") ? compile_many(arguments, *settings, static_cast<unsigned>(*jobs))
                                : compile_one(arguments, *settings);
}

}  // namespace

const Command compile_command{
    "compile",
    "turn all profiles of a device into one policy",
    "PATH…",
    0,
    -1,
    compile_options,
    "  vpnprofile compile always-on.mobileconfig apps/ -o device.vpnpolicy --app-map apps.yaml\n"
    "  vpnprofile compile --batch fleet/ -o policies/ --sign-key key.pem --serial 7",
    run_compile};

}  // namespace vpn::cli
