// vpnprofile dump: a whole policy, readable.
#include "compiler/cli/commands.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/policy_tree.h"

namespace vpn::cli {
namespace {

constexpr Option dump_options[] = {
    {"format", 0, "FORMAT", "how to print", "text,json"},
};

int run_dump(const Arguments& arguments) {
  const auto policy = open_compiled(arguments.positional()[0]);
  if (!policy) return report(policy.error());
  const Tree tree = policy_tree(*policy);
  const bool json = arguments.get("format", "text") == "json";
  return print(json ? tree.dump(2, ' ', false, Tree::error_handler_t::replace) + "\n" : tree_text(tree))
             ? Exit::ok
             : Exit::unreadable;
}

}  // namespace

const Command dump_command{"dump",
                           "show a whole policy, without its secrets",
                           "POLICY",
                           1,
                           1,
                           dump_options,
                           "  vpnprofile dump device.vpnpolicy\n"
                           "  vpnprofile dump device.vpnpolicy --format json | jq .devices",
                           run_dump};

}  // namespace vpn::cli
