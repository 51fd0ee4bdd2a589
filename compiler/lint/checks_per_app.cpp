// VP14xx: per-app VPNs (S4): what one list includes and another excludes.
#include "compiler/lint/checks.h"
#include "compiler/lint/domain_list.h"
#include "compiler/lint/lookup.h"
#include "policy/domain_table.h"

namespace vpn::lint {
namespace {

constexpr std::string_view excluded_key = "ExcludedDomains";

bool is_trigger_list(std::string_view key) {
  return key == "SafariDomains" || key == "MailDomains" || key == "CalendarDomains" || key == "ContactsDomains" ||
         key == "SMBDomains" || key == "AssociatedDomains";
}

/// The entry of `list` that holds for all of `name` (below it only, when `below_only`); `strictly`: and for more.
std::uint32_t covering_entry(const NameSet& list, std::string_view name, bool below_only, bool strictly) {
  const Membership here = list.find(name);
  if (here.whole != Membership::none && (!strictly || below_only)) return here.whole;
  if (here.below != Membership::none && !strictly && below_only) return here.below;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    const Membership above = list.find(name.substr(dot + 1));
    if (above.whole != Membership::none) return above.whole;
    if (above.below != Membership::none) return above.below;
  }
  return Membership::none;
}

/// An entry that was reported as too wide stands for all that follows from it.
bool is_wide(std::string_view text) {
  std::string storage;
  bool below_only = false;
  return policy::is_public_suffix(compared_name(text, storage, below_only));
}

struct Comparison {
  Context& context;
  const Section& payload;
  const KeptList& list;
  const KeptList& covering;
};

/// Reports each entry of `list` that an entry of `covering` holds for.
void compare(const Comparison& c, Code code, bool strictly, const char* message) {
  const auto items = c.list.member->value.array();
  const auto others = c.covering.member->value.array();
  const Path path{c.payload.path, c.list.member->key};
  std::string storage;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    if (!usable(items[i]) || !items[i].is(Type::string)) continue;
    bool below_only = false;
    const std::string_view name = compared_name(items[i].string(), storage, below_only);
    if (name.empty()) continue;
    const std::uint32_t other = covering_entry(c.covering.names, name, below_only, strictly);
    if (other == Membership::none || is_wide(others[other].string()) || ++count > most_in_a_list) continue;
    const Path at{&path, {}, i};
    Finding& f = c.context.report(
        code, items[i].span,
        quoted(items[i].string()) + message + quoted(others[other].string()) + " in " + quoted(c.covering.member->key),
        &at);
    c.context.relate(f, others[other].span, "this entry");
  }
  if (count <= most_in_a_list) return;
  c.context.at_key(
      code, c.payload, *c.list.member,
      "and " + std::to_string(count - most_in_a_list) + " more entries like this in " + quoted(c.list.member->key));
}

}  // namespace

void check_per_app_lists(Context& context, const Section& payload, const std::vector<KeptList>& lists) {
  const KeptList* excluded = nullptr;
  for (const KeptList& list : lists)
    if (list.member->key == excluded_key) excluded = &list;
  if (excluded == nullptr || excluded->names.empty()) return;
  for (const KeptList& list : lists) {
    if (!is_trigger_list(list.member->key) || list.names.empty()) continue;
    compare({context, payload, list, *excluded}, Code::included_and_excluded, false,
            " never uses this VPN: it is excluded by ");
    compare({context, payload, *excluded, list}, Code::carved_out, true, " is left out of ");
  }
}

}  // namespace vpn::lint
