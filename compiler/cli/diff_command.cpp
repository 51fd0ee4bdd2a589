// vpnprofile diff: what another policy changes.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/properties.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/state_input.h"

namespace vpn::cli {
namespace {

constexpr Option diff_own_options[] = {
    {"allow", 0, "FILE", "changes that are expected, and not printed; repeat for several", {}, true},
    {"fail-on", 0, "WHAT", "exit 1 on any change (the default), or only on risk: traffic that newly leaves outside",
     "any,risk"},
    only_states_option,
};
constexpr Option diff_format[] = {{"format", 0, "FORMAT", "how to print", "text,json,markdown"}};
constexpr auto diff_options = joined(diff_own_options, for_profiles, diff_format);

Result<analyse::DiffOptions> settings_of(const Arguments& arguments) {
  analyse::DiffOptions out;
  auto expected = expected_changes(arguments.all("allow"));
  if (!expected) return tl::unexpected(expected.error());
  out.expected = std::move(*expected);
  auto states = read_states(arguments.all("state"));
  if (!states) return tl::unexpected(states.error());
  out.states = std::move(*states);
  return out;
}

int run_diff(const Arguments& arguments) {
  if (const auto ok = check_standard_input(arguments, {"allow", "state", "app-map"}); !ok) return report(ok.error());
  const auto settings = settings_of(arguments);
  if (!settings) return report(settings.error());
  const PolicyInput before = open_policy(request_of(arguments, arguments.positional()[0]));
  if (!before.policy) return report_failure(before);
  const PolicyInput after = open_policy(request_of(arguments, arguments.positional()[1]));
  if (!after.policy) return report_failure(after);
  warn_strange_tunnels({&*before.policy, &*after.policy}, settings->states, arguments.all("state"));
  const auto found = analyse::diff(*before.policy, *after.policy, *settings);
  if (!found) return report(found.error());
  const std::string format = arguments.get("format", "text");
  const std::string text = format == "json" ? analyse::diff_json(*before.policy, *after.policy, *found)
                                                      .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                                                  "\n"
                           : format == "markdown"
                               ? analyse::diff_markdown(*before.policy, *after.policy, *found)
                               : analyse::diff_text(*before.policy, *after.policy, *found, use_color(1));
  if (!print(text)) return Exit::unreadable;
  const bool fails = arguments.get("fail-on", "any") == "risk" ? found->leaves() : !found->changes.empty();
  return fails ? Exit::findings : Exit::ok;
}

}  // namespace

extern const Command diff_command{"diff",
                                  "say which traffic changes its verdict",
                                  "OLD NEW",
                                  2,
                                  2,
                                  diff_options,
                                  "  vpnprofile diff old.vpnpolicy new.vpnpolicy\n"
                                  "  vpnprofile diff main/profiles profiles --fail-on risk --format markdown",
                                  run_diff};

}  // namespace vpn::cli
