#include "compiler/cli/commands.h"

namespace vpn::cli {

std::span<const Command* const> commands() {
  static const Command* const all[] = {
      &lint_command, &compile_command, &dump_command, &verify_command, &explain_command, &test_command, &schema_command,
  };
  return all;
}

}  // namespace vpn::cli
