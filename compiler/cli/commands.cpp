#include "compiler/cli/commands.h"

namespace vpn::cli {
namespace {

// One on each line, in the order of --help.
// clang-format off
const Command* const all[] = {
    &lint_command,
    &compile_command,
    &dump_command,
    &verify_command,
    &explain_command,
    &test_command,
    &prove_command,
    &diff_command,
    &simulate_command,
    &report_command,
    &ci_command,
    &lsp_command,
    &schema_command,
};
// clang-format on

}  // namespace

const Program vpnprofile{
    "vpnprofile",
    "lint, compile and explain Apple VPN profiles",
    "vpnprofile reads Apple VPN profiles, finds every mistake, compiles them into one policy and says what it does.",
    "Reads Apple VPN configuration profiles and declarations, finds every mistake in them with its line and fix,\n"
    "compiles those of one device into one binary policy, and says what happens to a flow in a state and which line "
    "says so.",
    ".TP\n.B SOURCE_DATE_EPOCH\nSeconds since 1970 that stand for the present, so that findings about expiry can "
    "be repeated.\n"
    ".SH FILES\n.TP\n.B .vpnprofile.yaml\nConfiguration of lint, looked for in the folder of each profile and "
    "upwards.\n"
    ".SH EXIT STATUS\n.TP\n.B 0\nNo finding of severity error; the policy was written; every expectation held.\n"
    ".TP\n.B 1\nFindings of severity error, a refused compile, a failed expectation.\n"
    ".TP\n.B 2\nWrong usage.\n.TP\n.B 3\nA file cannot be opened, read or written.\n"
    ".TP\n.B 4\nThe environment refused: no permission, no kernel support, no memory.\n",
    all,
};

}  // namespace vpn::cli
