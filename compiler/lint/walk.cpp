#include "compiler/lint/walk.h"

#include <algorithm>

#include "compiler/lint/checks.h"
#include "compiler/lint/domain_list.h"
#include "compiler/lint/lookup.h"

namespace vpn::lint {
namespace {

bool is_domain_format(schema::Format format) {
  return format == schema::Format::domain || format == schema::Format::domain_wildcard ||
         format == schema::Format::domain_or_empty;
}

bool is_enveloped(const document::Document& document) { return !document.envelopes.empty(); }

}  // namespace

void Walker::top_level(const Section& root) {
  payload_ = nullptr;
  root_ = root;
  selector_usable_ = false;
  dictionary(root, schema::top_level().root, true);
}

std::vector<KeptList> Walker::item(const Item& item, const Section& section, bool keep_lists) {
  payload_ = item.schema;
  root_ = section;
  selector_ = item.selector;
  selector_usable_ = !item.selector.empty();
  keep_lists_ = keep_lists;
  kept_.clear();
  unavailable_ = 0;
  if (!context_.options.platforms.empty()) {
    const Member& type = *item.type_member;
    const char* const what = item.is_declaration ? "this declaration" : "this payload";
    unavailable_ = availability(item.schema->platforms, {what, type.value.span, section.path, type.key, {}, true});
  }
  dictionary(section, item.schema->root, true);
  return std::move(kept_);
}

void Walker::dictionary(const Section& section, const schema::Key& schema, bool is_root) {
  KeyBits seen;
  FirstMembers firsts(*section.value);
  for (const Member& member : section.value->dictionary()) {
    const schema::Key* const key = schema.find(member.key);
    if (key == nullptr) {
      if (!schema.free_form) unknown_key(section, schema, member, seen, firsts);
      continue;
    }
    const auto index = static_cast<std::size_t>(key - schema.keys.data());
    if (seen.test(index)) {
      const Member* const first = firsts.find(member.key);
      // A misspelt key may stand for this one; then it is no repetition.
      if (first != nullptr && first != &member) {
        if (!schema.free_form) report_repeated_key(context_, section, member, *first);
        continue;
      }
    }
    seen.set(index);
    if (is_root && !is_read(section, member)) continue;
    value(section, member, *key);
  }
  missing_keys(section, schema, seen, is_root);
}

bool Walker::is_read(const Section& section, const Member& member) {
  const schema::Block* const block = payload_ == nullptr ? nullptr : payload_->find_block(member.key);
  if (block == nullptr || !selector_usable_ || block->read_by(selector_)) return true;
  std::string message =
      quoted(member.key) + " is not read under " + std::string(payload_->selector) + " " + quoted(selector_);
  Finding& f = context_.at_key(Code::block_for_another_type, section, member, std::move(message));
  f.help = "remove it, or correct " + std::string(payload_->selector);
  return false;
}

void Walker::value(const Section& section, const Member& member, const schema::Key& key) {
  if (context_.options.platforms.empty() || key.platforms.empty()) return present_value(section, member, key);
  const unsigned before = unavailable_;
  unavailable_ |= availability(key.platforms, {quoted(key.name), member.key_span, section.path, member.key, key.instead,
                                               member.value.is(Type::dictionary)});
  present_value(section, member, key);
  unavailable_ = before;
}

void Walker::present_value(const Section& section, const Member& member, const schema::Key& key) {
  if (!usable(member.value)) return;
  if (key.secret) note_secret(section, member);
  if (key.reference != schema::Reference::none) check_reference(context_, device_, profile_, section, member, key);
  if (member.value.is(Type::array) && (key.types & schema::mask(Type::array)) != 0) return array(section, member, key);
  content(member.value, key, section.path, member.key, member.key_span);
}

void Walker::content(const Value& value, const schema::Key& key, const Path* parent, std::string_view name, Span span) {
  if (key.types != 0 && (key.types & schema::mask(value.type)) == 0) return wrong_type(value, key, parent, name);
  switch (value.type) {
    case Type::integer:
      return number(value, value.integer, key, parent, name);
    case Type::string:
      return text(value, key, parent, name);
    case Type::dictionary: {
      if (key.keys.empty() && !key.free_form) return;
      const Path path{parent, name};
      const Section section{&value, name.empty() ? parent : &path, span};
      // What a payload of the profile holds is judged by the schema of that payload.
      if (key.free_form && payload_ == nullptr && key.keys.empty()) return;
      if (key.free_form) free_form(value, section.path);
      return dictionary(section, key, false);
    }
    case Type::array: {
      const Path path{parent, name};
      if (key.element != nullptr) items(value, *key.element, name.empty() ? *parent : path);
      return;
    }
    default:
      return;
  }
}

void Walker::element(const Value& value, const schema::Key& key, const Path& path) {
  if (usable(value)) content(value, key, &path, {}, opening(context_.document, value));
}

void Walker::array(const Section& section, const Member& member, const schema::Key& key) {
  check_item_count(context_, section, member, key);
  if (key.element == nullptr || member.value.size == 0) return;
  if (is_domain_format(key.element->format)) {
    NameSet names = check_domain_list(context_, section, member, *key.element);
    if (keep_lists_ && section.value == root_.value) kept_.push_back({&member, std::move(names)});
    return;
  }
  const Path list{section.path, member.key};
  items(member.value, *key.element, list);
}

void Walker::items(const Value& value, const schema::Key& element_key, const Path& list) {
  // The payloads of a profile are judged one by one.
  if (payload_ == nullptr && element_key.free_form) {
    std::uint32_t index = 0;
    for (const Value& item : value.array()) {
      const Path path{&list, {}, index++};
      if (usable(item) && !item.is(Type::dictionary)) wrong_type(item, element_key, &path, {});
    }
    return;
  }
  std::uint32_t index = 0;
  for (const Value& item : value.array()) element(item, element_key, Path{&list, {}, index++});
}

void Walker::free_form(const Value& value, const Path* path) {
  if (value.is(Type::array)) {
    std::uint32_t index = 0;
    for (const Value& item : value.array()) {
      const Path at{path, {}, index++};
      if (item.is(Type::array) || item.is(Type::dictionary)) free_form(item, &at);
    }
    return;
  }
  if (!value.is(Type::dictionary)) return;
  const Section section{&value, path, opening(context_.document, value)};
  check_repeated_keys(context_, section);
  for (const Member& member : value.dictionary()) {
    const Path at{path, member.key};
    if (member.value.is(Type::array) || member.value.is(Type::dictionary)) free_form(member.value, &at);
  }
}

void Walker::note_secret(const Section& section, const Member& member) {
  if (member.value.size == 0 || is_enveloped(context_.document)) return;
  if (!member.value.is(Type::string) && !member.value.is(Type::data)) return;
  // A PKCS#12 container is encrypted; its password is what counts.
  if (member.key == "PayloadContent" || member.key == "Identity") return;
  ++secrets_.count;
  if (secrets_.places.size() < most_secret_places)
    secrets_.places.push_back({member.key_span, Path{section.path, member.key}.to_string()});
}

}  // namespace vpn::lint
