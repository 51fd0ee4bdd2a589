// vpnprofile prove: what holds of a policy for every flow in every state.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/analyse/format.h"
#include "compiler/analyse/prove.h"
#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/properties.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/state_input.h"

namespace vpn::cli {
namespace {

constexpr Option prove_own_options[] = {
    {"property",
     'p',
     "NAME,FILE",
     "what to show: no-leak (the default), no-leak-governed, excluded-only, captive-bounded, no-shadow, 'reachable APP "
     "to HOST when STATE', 'never APP direct', or a file of properties; several with commas",
     {},
     true,
     false,
     property_words},
    only_states_option,
};
constexpr Option prove_format[] = {{"format", 0, "FORMAT", "how to print", "text,json"}};
constexpr auto prove_options = joined(prove_own_options, for_profiles, prove_format);

int run_prove(const Arguments& arguments) {
  if (const auto ok = check_standard_input(arguments, {"state", "app-map"}); !ok) return report(ok.error());
  std::vector<std::string> words = arguments.all("property");
  if (words.empty()) words.emplace_back("no-leak");
  std::vector<std::string> files;  // nothing is written here
  const auto properties = named_properties(words, files);
  if (!properties) return report(properties.error());
  analyse::ProveOptions options;
  auto states = read_states(arguments.all("state"));
  if (!states) return report(states.error());
  options.states = std::move(*states);
  const PolicyInput input = open_policy(request_of(arguments));
  if (!input.policy) return report_failure(input);
  warn_strange_tunnels({&*input.policy}, options.states, arguments.all("state"));
  const auto proofs = analyse::prove(*input.policy, *properties, options);
  if (!proofs) return report(proofs.error());
  const std::string text =
      arguments.get("format", "text") == "json"
          ? analyse::proofs_json(*input.policy, *proofs).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                "\n"
          : analyse::proofs_text(*input.policy, *proofs, use_color(1));
  if (!print(text)) return Exit::unreadable;
  return std::all_of(proofs->begin(), proofs->end(), [](const analyse::Proof& p) { return p.holds; }) ? Exit::ok
                                                                                                      : Exit::findings;
}

}  // namespace

extern const Command prove_command{"prove",
                                   "show that no flow breaks a property, in no state",
                                   "POLICY|PROFILE…",
                                   1,
                                   -1,
                                   prove_options,
                                   "  vpnprofile prove p.vpnpolicy --property no-leak,no-shadow\n"
                                   "  vpnprofile prove vpn.mobileconfig --property 'never com.example.mail direct'",
                                   run_prove};

}  // namespace vpn::cli
