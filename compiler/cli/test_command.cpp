// vpnprofile test: unit tests of policies.
#include <algorithm>
#include <cstdio>

#include "compiler/cli/commands.h"
#include "compiler/cli/progress.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/test_run.h"

namespace vpn::cli {
namespace {

constexpr Option test_options[] = {
    {"filter", 0, "TEXT", "only cases whose file, line, name, state or flow contains TEXT", {}, true},
    trust_option,
    decrypt_key_option,
    {"format", 0, "FORMAT", "how to print", "text,json,junit"},
};

int run_test(const Arguments& arguments) {
  std::vector<TestFile> files;
  Progress progress("testing", arguments.positional().size());
  int exit = Exit::ok;
  TestRequest request{arguments.all("filter"), arguments.all("trust"), {}};
  if (arguments.has("decrypt-key")) request.decrypt_key = arguments.get("decrypt-key");
  for (const std::string& path : arguments.positional()) {
    files.push_back(run_test_file(path, request));
    std::fputs(files.back().findings.c_str(), stderr);
    exit = std::max(exit, report_all(files.back().problems));
    for (const std::string& warning : files.back().warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
    if (!files.back().fine()) exit = std::max<int>(exit, Exit::findings);
    progress.advance();
  }
  const TestTotals t = totals(files);
  if (t.cases == 0 && t.faulty_files == 0 && arguments.has("filter"))
    return report({ErrorKind::usage, "no case matches --filter", {}, "see 'vpnprofile test --help'"});
  const std::string format = arguments.get("format", "text");
  const std::string text = format == "json"    ? test_json(files)
                           : format == "junit" ? test_junit(files)
                                               : test_text(files, use_color(1));
  return print(text) ? exit : Exit::unreadable;
}

}  // namespace

const Command test_command{"test",
                           "check the verdicts that scenario files expect",
                           "FILE…",
                           1,
                           -1,
                           test_options,
                           "  vpnprofile test profiles/*.test.yaml\n"
                           "  vpnprofile test always-on.test.yaml --filter captive --format junit",
                           run_test};

}  // namespace vpn::cli
