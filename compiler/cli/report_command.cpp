// vpnprofile report: a policy as one page for people.
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "compiler/cli/commands.h"
#include "compiler/cli/compile_device.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/outputs.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/properties.h"
#include "compiler/cli/shared_options.h"
#include "compiler/cli/source_comment.h"
#include "compiler/cli/source_excerpt.h"
#include "compiler/cli/state_input.h"
#include "compiler/lower/lower.h"
#include "compiler/report/report.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

constexpr std::size_t most_own_states = 64;
constexpr std::uint64_t most_proof_steps = std::uint64_t{1} << 23;  // some seconds
constexpr unsigned page_mode = 0644;
constexpr unsigned excerpt_width = 112;  // whatever the terminal: same input, same bytes

constexpr Option report_own_options[] = {
    {"output", 'o', "FILE", "where the page goes; '-' is standard output", {}},
    {"state", 's', "FILE", "a device state of your own to show beside the page's; may be repeated", {}, true},
    {"states", 0, "FILE", "several, as a JSON object of names and states", {}},
    {"against", 0, "OLD", "another policy, profile or folder: the page says what changes", {}},
    {"property",
     'p',
     "NAME,FILE",
     "what to show on the page beside the built-in properties: a sentence or a file, as for prove",
     {},
     true,
     false,
     property_words},
    {"title", 0, "TEXT", "what the page is about; without it the name of the policy or the profiles", {}},
};
constexpr auto report_options_table = joined(report_own_options, for_profiles);

/// Those of --states. Errors name the file.
Result<void> read_named_states(const std::string& path, std::vector<report::NamedState>& out) {
  const auto text = read_input(path);
  if (!text) return tl::unexpected(text.error());
  const auto tree = nlohmann::ordered_json::parse(*text, nullptr, false);
  if (!tree.is_object())
    return fail(ErrorKind::invalid_input, "this is no JSON object of states", path,
                R"(write {"in the office": {"primary_interface": "wlan0", ...}, ...})");
  for (const auto& [name, state] : tree.items()) {
    std::vector<std::string> unknown;
    auto read = policy::parse_state(state.dump(), &unknown);
    if (!read) return fail(read.error().kind, "state '" + name + "': " + read.error().what, path, read.error().help);
    warn_unknown(std::string(path).append(": state '").append(name).append("'"), unknown);
    out.push_back({name, std::move(*read)});
  }
  return {};
}

Result<std::vector<report::NamedState>> own_states(const Arguments& arguments) {
  std::vector<report::NamedState> out;
  const std::vector<std::string> paths = arguments.all("state");
  auto states = read_states(paths);
  if (!states) return tl::unexpected(std::move(states.error()));
  for (std::size_t i = 0; i < paths.size(); ++i)
    out.push_back({std::filesystem::path(paths[i]).stem().string(), std::move((*states)[i])});
  if (arguments.has("states"))
    if (auto ok = read_named_states(arguments.get("states"), out); !ok) return tl::unexpected(std::move(ok.error()));
  if (out.size() > most_own_states)
    return fail(ErrorKind::usage, "a page shows at most " + std::to_string(most_own_states) + " states of your own", {},
                "make a page for each half of them");
  return out;
}

std::vector<report::Finding> findings_of(const Built& built) {
  std::vector<report::Finding> out;
  for (const findings::Finding& f : built.judged.sink.all()) {
    const findings::CodeInfo& code = findings::info(f.code);
    report::Place place;
    if (f.source != nullptr) {
      place.file = f.source->name();
      const document::Position at = f.span.known() ? f.source->position(f.span.begin) : document::Position{};
      place.line = at.line;
      place.column = at.column;
    }
    place.path = f.path;
    out.push_back({std::string(code.id), std::string(code.name), std::string(findings::to_string(f.severity)),
                   f.message, f.help, std::move(place)});
  }
  return out;
}

std::string title_of(const Arguments& arguments) {
  if (arguments.has("title")) return arguments.get("title");
  const std::vector<std::string>& paths = arguments.positional();
  std::string first = std::filesystem::path(paths[0]).lexically_normal().string();
  while (first.size() > 1 && first.ends_with('/')) first.pop_back();
  first = std::filesystem::path(first).filename().string();
  return paths.size() == 1 ? first : first + " and " + std::to_string(paths.size() - 1) + " more";
}

/// The built-in properties, then those that were asked for.
Result<std::vector<analyse::Property>> wanted_properties(const Arguments& arguments, std::vector<std::string>& files) {
  std::vector<std::string> words;
  for (const analyse::BuiltIn& built_in : analyse::built_in_properties()) words.emplace_back(built_in.name);
  for (std::string& word : arguments.all("property")) words.push_back(std::move(word));
  return named_properties(words, files);
}

/// What cannot be shown is said on the page, but for what was asked for by name.
Result<void> add_proofs(const Arguments& arguments, const std::vector<analyse::Property>& properties,
                        report::Request& request) {
  analyse::ProveOptions options;
  if (!arguments.has("property")) options.most_steps = most_proof_steps;
  if (auto proofs = analyse::prove(request.policy, properties, options)) {
    request.proofs = std::move(*proofs);
  } else if (arguments.has("property")) {
    return tl::unexpected(std::move(proofs.error()));
  } else {
    request.unproven = proofs.error().what;
    if (!proofs.error().help.empty()) request.unproven += "; " + proofs.error().help;
  }
  return {};
}

int write_page(const Arguments& arguments, const std::string& page) {
  const std::string path = arguments.get("output");
  if (path == "-") return print(page) ? Exit::ok : Exit::unreadable;
  const auto written = lower::write_file(path, std::as_bytes(std::span(page)), page_mode);
  return written ? Exit::ok : report(written.error());
}

int run_report(const Arguments& arguments) {
  if (!arguments.has("output")) return report({ErrorKind::usage, "say where the page goes", {}, "add -o report.html"});
  if (const auto ok = check_standard_input(arguments, {"state", "states", "against", "app-map"}); !ok)
    return report(ok.error());
  std::vector<std::string> read = arguments.all("state");
  read.push_back(arguments.get("states"));
  const auto states = own_states(arguments);
  if (!states) return report(states.error());
  const auto properties = wanted_properties(arguments, read);
  if (!properties) return report(properties.error());
  const PolicyInput input = open_policy(request_of(arguments));
  if (!input.policy) return report_failure(input);
  std::optional<PolicyInput> before;
  if (arguments.has("against")) {
    before = open_policy(request_of(arguments, arguments.get("against")));
    if (!before->policy) return report_failure(*before);
    read.insert(read.end(), before->files.begin(), before->files.end());
  }
  const std::string beside = input.compiled ? std::string{} : arguments.positional()[0];
  for (const auto& files : {input.files, excerpt_files(*input.policy, beside)})
    read.insert(read.end(), files.begin(), files.end());
  if (auto apart = keep_apart({arguments.get("output")}, read); !apart) return report(apart.error());
  report::Request request{*input.policy, title_of(arguments), *states, std::nullopt, {}, {}, std::nullopt, {}, {}};
  if (input.built != nullptr) {
    request.findings = findings_of(*input.built);
    request.comment = [&](std::uint32_t source) { return source_comment(*input.built, *input.policy, source); };
  }
  if (auto proven = add_proofs(arguments, *properties, request); !proven) return report(proven.error());
  if (before) {
    auto difference = analyse::diff(*before->policy, *input.policy);
    if (!difference) {
      difference.error().help.insert(0, "leave out --against, and ask `vpnprofile diff`: ");
      return report(difference.error());
    }
    request.comparison.emplace(report::Comparison{arguments.get("against"), *before->policy, std::move(*difference)});
  }
  for (const report::NamedState& own : *states) warn_strange_tunnels({&*input.policy}, own.state, own.name);
  // Sections ask for the same places, and each look reads the whole profile.
  std::map<std::uint32_t, std::string> excerpts;
  request.excerpt = [&](std::uint32_t source) {
    const auto [it, is_new] = excerpts.try_emplace(source);
    if (is_new) it->second = source_excerpt(*input.policy, source, beside, false, excerpt_width);
    return it->second;
  };
  return write_page(arguments, report::html(request));
}

}  // namespace

extern const Command report_command{"report",
                                    "make a page about a policy, for an auditor",
                                    "POLICY|PROFILE…",
                                    1,
                                    -1,
                                    report_options_table,
                                    "  vpnprofile report device.vpnpolicy -o device.html\n"
                                    "  vpnprofile report profiles/ -o profiles.html --platform ios --state office.json",
                                    run_report};

}  // namespace vpn::cli
