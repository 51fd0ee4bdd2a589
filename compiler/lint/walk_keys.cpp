// VP11/VP12: keys that are unknown, misplaced, repeated or missing.
#include <algorithm>
#include <optional>

#include "compiler/lint/checks.h"
#include "compiler/lint/edits.h"
#include "compiler/lint/lookup.h"
#include "compiler/lint/walk.h"
#include "console/similar/similar.h"

namespace vpn::lint {
namespace {

/// For so many unknown keys of a document is it looked up what they may mean.
constexpr std::uint32_t most_suggestions = 500;

constexpr std::string_view vpn_family = "com.apple.vpn.managed";

Severity to_severity(schema::Severity s) { return static_cast<Severity>(s); }

/// A dictionary of a schema that has the key wanted.
struct Home {
  std::string path;        ///< "IKEv2", "AlwaysOn.TunnelConfigurations"; empty: the payload itself
  std::string_view first;  ///< first step of it
  const schema::Key* key = nullptr;
  unsigned depth = 0;
  bool read = true;  ///< under the VPNType at hand
};

/// Finds the best home for a key: read ones before others, then the least deep, then in the schema's order.
class HomeSearch {
 public:
  HomeSearch(const schema::Payload& payload, std::string_view name, std::string_view selector)
      : payload_(payload), name_(name), selector_(selector) {}

  std::optional<Home> run() {
    search(payload_.root, {});
    return std::move(best_);
  }

 private:
  static constexpr unsigned deepest = 6;

  void search(const schema::Key& dictionary, const Home& at) {
    if (at.depth > deepest || dictionary.free_form) return;
    if (const schema::Key* const key = dictionary.find(name_)) {
      Home home = at;
      home.key = key;
      if (!best_ || (home.read && !best_->read) || (home.read == best_->read && home.depth < best_->depth))
        best_ = std::move(home);
    }
    for (const schema::Key& key : dictionary.keys) {
      const schema::Key& inner = key.element != nullptr ? *key.element : key;
      if (inner.keys.empty()) continue;
      Home next{at.path.empty() ? std::string(key.name) : at.path + "." + std::string(key.name),
                at.depth == 0 ? key.name : at.first, nullptr, at.depth + 1, at.read};
      if (at.depth == 0) {
        const schema::Block* const block = payload_.find_block(key.name);
        next.read = block == nullptr || selector_.empty() || block->read_by(selector_);
      }
      search(inner, next);
    }
  }

  const schema::Payload& payload_;
  std::string_view name_, selector_;
  std::optional<Home> best_;
};

struct Suggestion {
  const schema::Key* key = nullptr;
  std::size_t distance = 0;
  bool unique = true;  ///< nothing else is as near
};

Suggestion nearest_key(const schema::Key& schema, std::string_view name, FirstMembers& there) {
  Suggestion best;
  const std::size_t limit = cli::tolerance(name.size());
  best.distance = limit + 1;
  for (const schema::Key& key : schema.keys) {
    const std::size_t distance = cli::edit_distance(name, key.name, limit);
    // One that is there already is meant less likely.
    if (distance > limit || distance > best.distance || there.find(key.name) != nullptr) continue;
    best.unique = distance < best.distance;
    if (distance < best.distance || best.key == nullptr) best.key = &key;
    best.distance = distance;
  }
  return best;
}

/// Keys of older clients that nothing reads any more, and where their content goes.
struct Legacy {
  std::string_view key, help;
};
constexpr Legacy legacy_keys[] = {
    {"EAP", "EAP is set up by 'ExtendedAuthEnabled' in 'IKEv2' and by 'AuthProtocol' in 'PPP'"},
    {"OverridePrimary", "it belongs in 'IPv4'"},
};

}  // namespace

void Walker::unknown_key(const Section& section, const schema::Key& schema, const Member& member, KeyBits& seen,
                         FirstMembers& firsts) {
  if (++unknown_keys_ > most_findings) return;
  const Member* const first = firsts.find(member.key);
  if (first != nullptr && first != &member) return report_repeated_key(context_, section, member, *first);
  if (unknown_keys_ > most_suggestions) {
    context_.at_key(Code::unknown_key, section, member, "unknown key " + quoted(member.key));
  } else if (!misplaced_key(section, member)) {
    misspelt_key(section, schema, member, seen, firsts);
  }
}

bool Walker::misplaced_key(const Section& section, const Member& member) {
  std::string where;
  Severity severity = Severity::warning;
  if (payload_ != nullptr) {
    if (const auto home = HomeSearch(*payload_, member.key, selector_).run()) {
      where = home->path.empty() ? "the payload itself" : quoted(home->path, 200);
      if (!home->read)
        where += ", which is not read under " + std::string(payload_->selector) + " " + quoted(selector_);
      // A required key that is only here is missing there; this finding stands for both.
      const Member* const block = home->depth == 1 ? root_.find(home->first) : nullptr;
      const bool absent = home->depth == 0 || (block != nullptr && block->value.find(member.key) == nullptr);
      if (home->read && absent && home->key->presence == schema::Presence::required)
        severity = std::max(severity, to_severity(home->key->missing_severity));
    }
  }
  if (where.empty() && (payload_ == nullptr || !payload_->is_declaration)) {
    if (payload_ != nullptr && schema::top_level().root.find(member.key) != nullptr)
      where = "the profile's own dictionary";
    for (const schema::Payload& other : schema::payloads()) {
      if (!where.empty() || !other.type.starts_with(vpn_family) || &other == payload_) continue;
      if (const auto home = HomeSearch(other, member.key, {}).run()) {
        where =
            (home->path.empty() ? "" : quoted(home->path, 200) + " of ") + "a payload of type " + quoted(other.type);
      }
    }
  }
  if (where.empty()) return false;
  Finding& f = context_.at_key(Code::key_in_wrong_dictionary, section, member,
                               quoted(member.key) + " is not read here; it belongs in " + where);
  f.severity = severity;
  f.help = "move it there, or remove it";
  return true;
}

void Walker::misspelt_key(const Section& section, const schema::Key& schema, const Member& member, KeyBits& seen,
                          FirstMembers& firsts) {
  const Suggestion suggestion = nearest_key(schema, member.key, firsts);
  std::string message = "unknown key " + quoted(member.key);
  if (suggestion.key != nullptr) message += "; did you mean " + quoted(suggestion.key->name) + "?";
  Finding& f = context_.at_key(Code::unknown_key, section, member, std::move(message));
  for (const Legacy& legacy : legacy_keys)
    if (legacy.key == member.key) f.help = legacy.help;
  if (suggestion.key == nullptr) return;
  const schema::Key& meant = *suggestion.key;
  const bool is_root = section.value == root_.value;
  if (is_required(meant, is_root)) f.severity = std::max(f.severity, to_severity(meant.missing_severity));
  seen.set(static_cast<std::size_t>(&meant - schema.keys.data()));
  if (suggestion.distance > 1 || !suggestion.unique) return;
  fix_key(context_, f, member, meant.name);
  // The fix must not bring up findings of its own: what is wrong with the value is said now.
  if (!is_root || is_read(section, {meant.name, member.key_span, member.value})) value(section, member, meant);
}

bool Walker::is_required(const schema::Key& key, bool is_root) const {
  if (key.presence == schema::Presence::required) return true;
  if (!is_root || payload_ == nullptr || !selector_usable_) return false;
  const schema::Block* const block = payload_->find_block(key.name);
  return block != nullptr && block->is_required_by(selector_);
}

void Walker::missing_keys(const Section& section, const schema::Key& schema, const KeyBits& seen, bool is_root) {
  for (std::size_t i = 0; i < schema.keys.size(); ++i)
    if (!seen.test(i) && schema.keys[i].presence == schema::Presence::required) missing_key(section, schema.keys[i]);
  if (!is_root || payload_ == nullptr || !selector_usable_) return;
  for (const schema::Block& block : payload_->blocks) {
    const schema::Key* const key = schema.find(block.key);
    if (key == nullptr || !block.is_required_by(selector_)) continue;
    if (!seen.test(static_cast<std::size_t>(key - schema.keys.data()))) missing_key(section, *key);
  }
}

bool Walker::stands_elsewhere(const Section& section, std::string_view key) const {
  if (payload_ == nullptr) return false;
  if (section.value != root_.value && root_.has(key) && payload_->root.find(key) == nullptr) return true;
  for (const Member& member : root_.value->dictionary()) {
    if (!member.value.is(Type::dictionary) || &member.value == section.value) continue;
    const schema::Key* const block = payload_->root.find(member.key);
    if (block == nullptr || block->free_form || block->keys.empty() || block->find(key) != nullptr) continue;
    const schema::Block* const rule = payload_->find_block(member.key);
    const bool read = rule == nullptr || !selector_usable_ || rule->read_by(selector_);
    if (read && member.value.find(key) != nullptr) return true;
  }
  return false;
}

void Walker::missing_key(const Section& section, const schema::Key& key) {
  if (stands_elsewhere(section, key.name)) return;
  if (key.name == "PayloadContent" && section.has("EncryptedPayloadContent")) return;
  std::string message = quoted(key.name) + " is missing";
  if (payload_ != nullptr && section.value == root_.value && key.presence != schema::Presence::required)
    message += "; " + std::string(payload_->selector) + " " + quoted(selector_) + " needs it";
  Finding& f = context_.at_section(Code::missing_key, section, std::move(message));
  f.severity = to_severity(key.missing_severity);
  f.help = key.summary;
  if (key.name == "PayloadVersion") return fix_insert(context_, f, section, Place::back, key.name, Type::integer, "1");
  if (key.name != "UserDefinedName") return;
  const Section profile{&context_.document.root(), nullptr, {}};
  std::string_view name;
  for (const Section& from : {section, profile}) {
    const Member* const member = text_member(from, "PayloadDisplayName");
    if (name.empty() && member != nullptr) name = raw_text(context_, member->value);
  }
  fix_insert(context_, f, section, Place::front, key.name, Type::string, name.empty() ? "VPN" : name);
}

}  // namespace vpn::lint
