// VP11xx: PayloadUUID and PayloadIdentifier within one profile.
#include "compiler/lint/checks.h"
#include "compiler/lint/edits.h"
#include "compiler/lint/formats.h"
#include "compiler/lint/lookup.h"
#include "policy/ascii.h"

namespace vpn::lint {
namespace {

/// Whether a payload or the profile itself bears the name already.
bool is_taken(const Profile& profile, const Section& root, std::string_view uuid) {
  return profile.names.find(uuid) != nullptr || ascii::equal_without_case(text(root, "PayloadUUID"), uuid);
}

/// Edits for all that refers to `old`; false when one of them cannot be edited.
bool edit_references(Context& context, const Value& value, std::string_view old, std::string_view uuid, Finding& f) {
  if (value.is(Type::array)) {
    for (const Value& item : value.array())
      if (!edit_references(context, item, old, uuid, f)) return false;
  } else if (value.is(Type::dictionary)) {
    for (const Member& member : value.dictionary())
      if (!edit_references(context, member.value, old, uuid, f)) return false;
  } else if (value.is(Type::string) && ascii::equal_without_case(value.string(), old)) {
    return fix_content(context, f, value, uuid,
                       "write it as '" + std::string(uuid) + "', here and where it is referred to");
  }
  return true;
}

void check_form(Context& context, const Profile& profile, const Section& section) {
  const Member* const member = text_member(section, "PayloadUUID");
  if (member == nullptr || member->value.size == 0 || is_uuid(member->value.string())) return;
  const std::string_view written = member->value.string();
  Finding& f = context.at_value(Code::uuid_form, section, *member, "'PayloadUUID' " + quoted(written) + " is no UUID");
  f.help = "a UUID has 8-4-4-4-12 hexadecimal digits; uuidgen makes one";
  const Section root{&context.document.root(), nullptr, {}};
  const std::string_view within = uuid_within(written);
  const Named* const owner = profile.names.find(written);
  const bool ambiguous = owner != nullptr && owner->member != member;
  if (within.empty() || ambiguous || is_taken(profile, root, within)) return;
  if (!edit_references(context, context.document.root(), written, within, f)) {
    f.edits.clear();
    f.fix_title.clear();
  }
}

void report_duplicate(Context& context, Code code, const Named& first, const Named& again, std::string message) {
  ItemPath path;
  const Section section = item_section(context.document, *again.item, path);
  Finding& f = context.at_value(code, section, *again.member, std::move(message));
  context.relate(f, first.member->value.span, "first here");
}

}  // namespace

void check_identity(Context& context, const Profile& profile) {
  const Section root{&context.document.root(), nullptr, {}};
  check_form(context, profile, root);
  for (const Item& item : profile.items) {
    ItemPath path;
    check_form(context, profile, item_section(context.document, item, path));
  }
  profile.names.for_each_duplicate([&](const Named& first, const Named& again) {
    report_duplicate(context, Code::duplicate_uuid, first, again,
                     "another payload has the 'PayloadUUID' " + quoted(again.name) + " already");
  });
  if (const Member* const own = text_member(root, "PayloadUUID"); own != nullptr) {
    if (const Named* const payload = profile.names.find(own->value.string())) {
      ItemPath path;
      const Section section = item_section(context.document, *payload->item, path);
      Finding& f = context.at_value(Code::duplicate_uuid, section, *payload->member,
                                    "the payload has the 'PayloadUUID' of the profile itself");
      f.severity = Severity::warning;
      context.relate(f, own->value.span, "the profile's");
    }
  }
  if (profile.items.size() < 2) return;
  NameIndex identifiers;
  identifiers.reserve(profile.items.size());
  for (const Item& item : profile.items) {
    const Member* const member = text_member({item.dictionary, nullptr, {}}, "PayloadIdentifier");
    if (member != nullptr) identifiers.add({member->value.string(), &item, &profile, member});
  }
  identifiers.finish();
  identifiers.for_each_duplicate([&](const Named& first, const Named& again) {
    report_duplicate(context, Code::duplicate_identifier, first, again,
                     "another payload has the 'PayloadIdentifier' " + quoted(again.name) + " already");
  });
}

}  // namespace vpn::lint
