// What `vpnprofile ci` asks of compiler/analyse: the properties, and what changed.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/analyse/diff.h"
#include "compiler/analyse/format.h"
#include "compiler/analyse/prove.h"
#include "compiler/cli/ci_run.h"
#include "compiler/cli/properties.h"

namespace vpn::cli {
namespace {

using ci::Outcome;
using ci::Stage;

std::string dumped(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// An annotation stands where the policy's source does.
void place_at(const policy::Policy& policy, std::uint32_t source, ci::Item& item) {
  const nlohmann::ordered_json place = analyse::source_object(policy, source);
  if (!place.is_object()) return;
  item.file = place.value("file", std::string{});
  item.line = place.value("line", std::uint32_t{0});
  item.column = place.value("column", std::uint32_t{0});
}

ci::Item item_of(const policy::Policy& policy, const analyse::Proof& proof) {
  ci::Item item;
  item.name = proof.property.name;
  if (proof.holds) return item;
  item.outcome = Outcome::failed;
  if (proof.counterexample) {
    const analyse::Counterexample& c = *proof.counterexample;
    item.message = c.flow_words + ", " + c.state_words + ": " + std::string(to_string(c.decision.verdict)) + " (" +
                   std::string(to_string(c.decision.rule)) + ")";
    if (!c.blame.empty()) place_at(policy, c.blame.front().source, item);
  } else if (!proof.shadowed.empty()) {
    item.message = proof.shadowed.front().what + ": " + proof.shadowed.front().why;
    place_at(policy, proof.shadowed.front().source, item);
  }
  return item;
}

bool is_failure(const analyse::Change& change, const std::string& fail_on) {
  return fail_on == "any" || (fail_on == "risk" && change.risk == analyse::Risk::leaves);
}

ci::Item item_of(const policy::Policy& after, const analyse::Change& change, const std::string& fail_on) {
  ci::Item item;
  item.name = change.flow_words;
  item.outcome = is_failure(change, fail_on) ? Outcome::failed : Outcome::passed;
  item.message = change.who + ", to " + change.where + ", " + change.what + ", " + change.when + ": " +
                 std::string(to_string(change.before.verdict)) + " → " + std::string(to_string(change.after.verdict));
  place_at(after, change.new_decision.source, item);
  return item;
}

Stage changes(const policy::Policy& before, const policy::Policy& after, const analyse::Difference& difference,
              const CiSettingsOfRun& settings) {
  Stage out;
  out.name = "diff";
  std::size_t leaving = 0;
  for (const analyse::Change& change : difference.changes) {
    leaving += change.risk == analyse::Risk::leaves ? 1U : 0U;
    out.items.push_back(item_of(after, change, settings.fail_on));
    if (out.items.back().outcome == Outcome::failed) out.outcome = Outcome::failed;
  }
  const std::size_t all = difference.changes.size();
  out.summary = all == 0 ? "no traffic changes its verdict"
                         : std::to_string(all) + (all == 1 ? " class" : " classes") + " of traffic " +
                               (all == 1 ? "changes its verdict, " : "change their verdict, ") +
                               std::to_string(leaving) + " newly outside every tunnel";
  out.json = dumped(analyse::diff_json(before, after, difference));
  if (all == 0) return out;
  out.plain = analyse::diff_text(before, after, difference, false);
  out.text = analyse::diff_text(before, after, difference, settings.color);
  out.markdown = analyse::diff_markdown(before, after, difference);
  return out;
}

}  // namespace

Stage CiRun::prove(const CiDevice& device, const policy::Policy* policy) {
  if (device.prove.empty()) return ci::skipped_stage("prove", "no property asked for");
  const auto properties = named_properties(device.prove, files_);
  if (!properties) return stopped("prove", properties.error());
  if (policy == nullptr) return ci::skipped_stage("prove", "there is no policy");
  const auto proofs = analyse::prove(*policy, *properties);
  if (!proofs) return ci::refused_stage("prove", proofs.error());
  Stage out;
  out.name = "prove";
  std::string held, broken;
  for (const analyse::Proof& proof : *proofs) {
    out.items.push_back(item_of(*policy, proof));
    std::string& list = proof.holds ? held : broken;
    list += (list.empty() ? "" : ", ") + proof.property.name;
  }
  out.outcome = broken.empty() ? Outcome::passed : Outcome::failed;
  out.summary = broken.empty() ? "for every flow in every state: " + held : "broken: " + broken;
  out.json = dumped(analyse::proofs_json(*policy, *proofs));
  if (broken.empty()) return out;
  out.plain = analyse::proofs_text(*policy, *proofs, false);
  out.text = analyse::proofs_text(*policy, *proofs, settings_.color);
  return out;
}

Stage CiRun::diff(const CiDevice& device, const policy::Policy* policy) {
  if (!settings_.expected) return stopped("diff", settings_.expected.error());
  if (base_ == nullptr) return ci::skipped_stage("diff", "no --base to compare with");
  const auto old = base_->build(device, compile_settings(device));
  if (!old) return stopped("diff", old.error());
  if (!old->policy) return ci::skipped_stage("diff", old->why_not);
  if (policy == nullptr) return ci::skipped_stage("diff", "there is no policy");
  analyse::DiffOptions options;
  options.expected = *settings_.expected;
  const auto difference = analyse::diff(*old->policy, *policy, options);
  if (!difference) return ci::refused_stage("diff", difference.error());
  return changes(*old->policy, *policy, *difference, settings_);
}

}  // namespace vpn::cli
