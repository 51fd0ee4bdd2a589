// vpnprofile prove: what holds of a policy for every flow in every state.
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/analyse/format.h"
#include "compiler/analyse/prove.h"
#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/policy_input.h"
#include "policy/json/json.h"

namespace vpn::cli {
namespace {

constexpr Option prove_options[] = {
    {"property",
     'p',
     "NAME,FILE",
     "what to show: no-leak (the default), no-leak-governed, excluded-only, captive-bounded, no-shadow, 'reachable APP "
     "to HOST when STATE', 'never APP direct', or a file of properties; several with commas",
     {},
     true},
    {"state", 's', "FILE", "only in this device state, JSON; repeat for several", {}, true},
    {"app-map", 0, "FILE", "for profiles: what bundle identifiers are on this platform", {}},
    {"platform", 0, "PLATFORM", "for profiles: whose defaults apply; without it linux",
     "ios,macos,visionos,tvos,watchos,linux"},
    {"trust", 0, "FILE", "for profiles: certificate that signed ones must lead up to", {}, true},
    {"decrypt-key", 0, "FILE", "for profiles: private key that opens encrypted payloads", {}},
    {"format", 0, "FORMAT", "how to print", "text,json"},
};

bool is_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

/// A name, a sentence or a file.
Result<void> add_property(const std::string& word, std::vector<analyse::Property>& out) {
  const bool looks_like_file = word.ends_with(".yaml") || word.ends_with(".yml") || word.ends_with(".json");
  if (is_file(word) || looks_like_file) {
    auto read = analyse::read_properties(word);
    if (!read) return tl::unexpected(read.error());
    out.insert(out.end(), read->begin(), read->end());
    return {};
  }
  auto parsed = analyse::parse_property(word);
  if (!parsed) return tl::unexpected(parsed.error());
  out.push_back(std::move(*parsed));
  return {};
}

Result<std::vector<analyse::Property>> properties_of(const Arguments& arguments) {
  std::vector<analyse::Property> out;
  std::vector<std::string> words = arguments.all("property");
  if (words.empty()) words.emplace_back("no-leak");
  for (const std::string& word : words) {
    if (is_file(word)) {
      if (auto added = add_property(word, out); !added) return tl::unexpected(added.error());
      continue;
    }
    for (std::size_t begin = 0; begin <= word.size();) {
      const std::size_t end = std::min(word.find(',', begin), word.size());
      if (auto added = add_property(word.substr(begin, end - begin), out); !added) return tl::unexpected(added.error());
      begin = end + 1;
    }
  }
  return out;
}

int run_prove(const Arguments& arguments) {
  const auto properties = properties_of(arguments);
  if (!properties) return report(properties.error());
  analyse::ProveOptions options;
  for (const std::string& path : arguments.all("state")) {
    const auto text = read_input(path);
    if (!text) return report(text.error());
    auto state = policy::parse_state(*text);
    if (!state) {
      state.error().where = path;
      return report(state.error());
    }
    options.states.push_back(std::move(*state));
  }
  const PolicyInput input = open_policy(request_of(arguments));
  if (!input.policy) return report_failure(input);
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
