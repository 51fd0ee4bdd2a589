// VP11xx: what the document is and which payloads it has; repeated keys; lists by their length.
#include <algorithm>
#include <chrono>

#include "compiler/lint/checks.h"
#include "compiler/lint/edits.h"
#include "compiler/lint/first_members.h"
#include "compiler/lint/lookup.h"
#include "console/similar/similar.h"

namespace vpn::lint {
namespace {

bool same_value(const Value& a, const Value& b) {
  if (a.type != b.type || a.size != b.size) return false;
  switch (a.type) {
    case Type::string:
    case Type::date:
      return a.string() == b.string();
    case Type::data:
      return std::equal(a.data().begin(), a.data().end(), b.data().begin());
    case Type::array:
    case Type::dictionary:
      return false;
    default:
      return a.raw == b.raw;
  }
}

std::string_view nearest_type(std::string_view type, bool is_declaration) {
  std::string_view best;
  std::size_t limit = cli::tolerance(type.size());
  const auto consider = [&](std::string_view candidate) {
    const std::size_t distance = cli::edit_distance(type, candidate, limit);
    if (distance > limit || (distance == limit && !best.empty())) return;
    best = candidate;
    limit = distance;
  };
  for (const schema::Payload& payload : schema::payloads())
    if (payload.is_declaration == is_declaration) consider(payload.type);
  if (!is_declaration)
    for (const std::string_view foreign : schema::foreign_payloads()) consider(foreign);
  return best;
}

void check_type(Context& context, const Item& item) {
  ItemPath path;
  const Section section = item_section(context.document, item, path);
  const std::string_view key = item.is_declaration ? "Type" : "PayloadType";
  if (item.type_member == nullptr) {
    if (is_open(section, key)) return;
    context.at_section(Code::payload_type_missing, section,
                       quoted(key) + " is missing, so the payload cannot be judged");
    return;
  }
  if (item.schema != nullptr) return;
  // Declarations of other families are as foreign as other payloads are.
  const bool vpn_declaration = item.type.find(".vpn") != std::string_view::npos;
  const bool foreign_declaration = item.is_declaration && item.type.starts_with("com.apple.") && !vpn_declaration &&
                                   nearest_type(item.type, true).empty();
  if ((!item.is_declaration && schema::is_foreign_payload(item.type)) || foreign_declaration) {
    context.at_value(Code::foreign_payload, section, *item.type_member, quoted(item.type) + " is not judged here");
    return;
  }
  const std::string_view near = nearest_type(item.type, item.is_declaration);
  std::string message =
      (item.is_declaration ? "unknown declaration type " : "unknown payload type ") + quoted(item.type, 100);
  if (!near.empty()) message += "; did you mean " + quoted(near, 100) + "?";
  Finding& f = context.at_value(Code::unknown_payload_type, section, *item.type_member, std::move(message));
  if (near.empty()) f.help = "it is passed over, as a device passes over types that it does not know";
}

/// A payload type of which a profile can have one only.
void check_single_payloads(Context& context, const Profile& profile) {
  std::vector<const Item*> firsts;
  for (const Item& item : profile.items) {
    if (item.schema == nullptr || item.schema->multiple || item.kind == ItemKind::always_on) continue;
    const auto first =
        std::find_if(firsts.begin(), firsts.end(), [&](const Item* i) { return i->schema == item.schema; });
    if (first == firsts.end()) {
      firsts.push_back(&item);
      continue;
    }
    ItemPath path;
    const Section section = item_section(context.document, item, path);
    Finding& f = context.at_value(Code::payload_repeated, section, *item.type_member,
                                  "a second payload of type " + quoted(item.type) + "; a device takes one");
    context.relate(f, (*first)->type_member->value.span, "the first one");
    f.help = "put its entries into the first";
  }
}

const Value* first_placeholder(const Value& value) {
  if (value.placeholder) return &value;
  if (value.is(Type::array)) {
    for (const Value& item : value.array())
      if (const Value* const found = first_placeholder(item)) return found;
  } else if (value.is(Type::dictionary)) {
    for (const Member& member : value.dictionary())
      if (const Value* const found = first_placeholder(member.value)) return found;
  }
  return nullptr;
}

void check_template(Context& context) {
  if (!context.document.is_template || context.options.template_mode) return;
  const Value* const value = first_placeholder(context.document.root());
  if (value == nullptr) return;
  Finding& f =
      context.report(Code::unfilled_placeholder, value->span, "a placeholder stands where a value must be", nullptr);
  f.help = "fill the template in, or give --template to lint around its placeholders";
}

/// Seconds since 1970 of "2027-01-31T12:00:00Z".
std::optional<std::int64_t> seconds_of_date(std::string_view date) {
  unsigned part[6] = {};
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
  if (date.size() != form.size()) return std::nullopt;
  std::size_t at = 0;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd') {
      if (date[i] < '0' || date[i] > '9') return std::nullopt;
      part[at] = part[at] * 10 + static_cast<unsigned>(date[i] - '0');
    } else {
      if (date[i] != form[i]) return std::nullopt;
      ++at;
    }
  }
  using namespace std::chrono;
  const year_month_day day{year(static_cast<int>(part[0])), month(part[1]), std::chrono::day(part[2])};
  if (!day.ok()) return std::nullopt;
  return std::int64_t{sys_days(day).time_since_epoch().count()} * 86400 + std::int64_t{part[3]} * 3600 +
         std::int64_t{part[4]} * 60 + part[5];
}

void check_expiry(Context& context, const Section& root) {
  for (const std::string_view key : {"RemovalDate", "PayloadExpirationDate"}) {
    const Member* const member = usable_member(root, key);
    if (member == nullptr || !member->value.is(Type::date)) continue;
    const auto seconds = seconds_of_date(member->value.string());
    if (!seconds || *seconds > context.options.now) continue;
    context.at_value(Code::profile_expired, root, *member,
                     "the profile " + std::string(key == "RemovalDate" ? "is removed at once: " : "has expired: ") +
                         quoted(key) + " is in the past");
  }
}

void check_flattened(Context& context, const Section& root) {
  const Member* const type = root.find("VPNType");
  const Member* const at = type != nullptr ? type : root.find("PayloadType");
  Finding& f = context.at_key(Code::flattened_payload, root, *at,
                              "the VPN's keys stand in the profile's own dictionary, where nothing reads them");
  f.help = "put them into a payload of type 'com.apple.vpn.managed' in 'PayloadContent'";
}

}  // namespace

void check_structure(Context& context, const Profile& profile) {
  const Value& value = context.document.root();
  if (!value.is(Type::dictionary)) return;  // the reader has said so
  const Section root{&value, nullptr, opening(context.document, value)};
  check_template(context);
  switch (profile.kind) {
    case DocumentKind::unknown: {
      Finding& f = context.at_section(Code::neither_profile_nor_declaration, root,
                                      "this dictionary is neither a profile nor a declaration");
      f.help =
          "a profile has 'PayloadType' Configuration and 'PayloadContent', a declaration has 'Type', 'Identifier' and "
          "'Payload'";
      return;
    }
    case DocumentKind::flattened:
      return check_flattened(context, root);
    case DocumentKind::profile:
      check_expiry(context, root);
      break;
    case DocumentKind::declaration:
      break;
  }
  for (const Item& item : profile.items) check_type(context, item);
  check_single_payloads(context, profile);
}

void report_repeated_key(Context& context, const Section& section, const Member& again, const Member& first) {
  Finding& f = context.at_key(Code::duplicate_key, section, again,
                              quoted(again.key) + " is in the dictionary twice; which value counts is not defined");
  context.relate(f, first.key_span, "first here");
  if (usable(again.value) && same_value(again.value, first.value)) {
    fix_remove(context, f, again);
  } else {
    f.help = "keep the one that is meant";
  }
}

void check_repeated_keys(Context& context, const Section& section) {
  FirstMembers firsts(*section.value);
  for (const Member& member : section.value->dictionary()) {
    const Member* const first = firsts.find(member.key);
    if (first != &member) report_repeated_key(context, section, member, *first);
  }
}

void check_item_count(Context& context, const Section& section, const Member& member, const schema::Key& key) {
  const std::uint32_t count = member.value.size;
  const std::string_view name = member.key;
  if (count != 0) {
    const bool few = count < key.min_items;
    if (!few && (key.max_items == 0 || count <= key.max_items)) return;
    context.at_key(Code::wrong_count, section, member,
                   quoted(name) + " must have at " + (few ? "least " : "most ") +
                       std::to_string(few ? key.min_items : key.max_items) + " entries, not " + std::to_string(count));
    return;
  }
  // Exceptions that are not there are fine; on-demand rules are judged with the rest of on-demand.
  for (const std::string_view fine :
       {"ServiceExceptions", "ApplicationExceptions", "AllowedCaptiveNetworkPlugins", "OnDemandRules", "Rules"})
    if (name == fine) return;
  std::string message = quoted(name) + " is empty";
  if (name == "Interfaces") message += ", which means all types of interface";
  if (name == "MatchTools") message += ", which is as if it were absent: the app and all that it starts";
  if (name == "LimitToProtocols") message += ", so the exception never applies";
  if (name == "TunnelConfigurations") message += ", so there is nothing to connect";
  if (name == "PayloadContent") message += ", so the profile does nothing";
  const bool no_resolver = name == "ServerAddresses" && cannot_be_looked_up(context, section);
  if (no_resolver)
    message += ", and Linux does not look a resolver's host up: every lookup through this VPN would fail";
  Finding& f = context.at_key(Code::empty_list, section, member, std::move(message));
  if (name == "TunnelConfigurations" || no_resolver) f.severity = Severity::error;
}

}  // namespace vpn::lint
