// Merges fragments into the dictionaries that use them, inherits platforms, and checks that nothing contradicts
// anything.
#include <algorithm>
#include <set>

#include "compiler/schema/generate/spec.h"
#include "compiler/schema/generate/yaml.h"

namespace vpn::schema::generate {
namespace {

using document::Type;

constexpr const char* common_fragment = "common";            // keys of every payload
constexpr const char* declaration_fragment = "declaration";  // keys of every declaration

/// Availability inside a dictionary: never more than the dictionary itself has.
Availability inherit(const Availability& outer, const PlatformSpec& own) {
  Availability a = outer;
  if (own.never) a.available = false;
  if (!a.available) {
    a = Availability{};
    a.available = false;
    return a;
  }
  const auto later = [](bool& has, Version& version, const std::optional<Version>& stated) {
    if (stated && (!has || version < *stated)) version = *stated;
    has = has || stated.has_value();
  };
  const auto earlier = [](bool& has, Version& version, const std::optional<Version>& stated) {
    if (stated && (!has || *stated < version)) version = *stated;
    has = has || stated.has_value();
  };
  later(a.has_since, a.since, own.since);
  earlier(a.has_deprecated, a.deprecated, own.deprecated);
  earlier(a.has_removed, a.removed, own.removed);
  a.supervised = a.supervised || own.supervised;
  return a;
}

bool same(const Availability& a, const Availability& b) {
  return a.available == b.available && a.has_since == b.has_since && a.has_deprecated == b.has_deprecated &&
         a.has_removed == b.has_removed && a.supervised == b.supervised && a.since == b.since &&
         a.deprecated == b.deprecated && a.removed == b.removed;
}

class Resolver {
 public:
  Resolver(Catalogue& catalogue, Diagnostics& diagnostics) : catalogue_(catalogue), diagnostics_(diagnostics) {}

  void payload(PayloadSpec& payload) {
    KeySpec& root = payload.root;
    if (payload.kind == PayloadSpec::Kind::payload) root.uses.push_back({payload.where, common_fragment});
    if (payload.kind == PayloadSpec::Kind::declaration) wrap_declaration(root);
    for (std::size_t p = 0; p < platform_count; ++p) {
      if (!root.platforms[p].stated)
        diagnostics_.error(payload.where, "a payload must state every platform; missing: " +
                                              std::string(policy::to_string(static_cast<policy::Platform>(p))));
      payload_available_[p] = inherit(Availability{}, root.platforms[p]);
    }
    for (const Use& use : root.uses) take_selector(payload, use);
    root.available = payload_available_;
    root.as_payload = true;
    dictionary(root);
    blocks(payload);
  }

  void unused_fragments() {
    for (const auto& [name, fragment] : catalogue_.fragments) {
      if (used_.count(name) == 0) diagnostics_.error(fragment.where, "fragment '" + name + "' is used nowhere");
    }
  }

 private:
  void take_selector(PayloadSpec& payload, const Use& use) {
    const auto found = catalogue_.fragments.find(use.fragment);
    if (found == catalogue_.fragments.end() || found->second.selector.empty()) return;
    if (!payload.selector.empty()) diagnostics_.error(use.where, "the payload has a selector already");
    payload.selector = found->second.selector;
    payload.blocks = found->second.blocks;
  }

  /// A declaration's own keys stand in its Payload.
  void wrap_declaration(KeySpec& root) {
    KeySpec inner;
    inner.where = root.where;
    inner.name = "Payload";
    inner.types = mask(Type::dictionary);
    inner.presence = Presence::required;
    inner.summary = root.summary;
    inner.keys = std::move(root.keys);
    inner.uses = std::move(root.uses);
    root.keys.clear();
    root.keys.push_back(std::move(inner));
    root.uses = {{root.where, declaration_fragment}};
  }

  void merge(std::vector<KeySpec>& keys, const std::vector<Use>& uses, std::vector<std::string>& open) {
    for (const Use& use : uses) {
      const auto found = catalogue_.fragments.find(use.fragment);
      if (found == catalogue_.fragments.end()) {
        diagnostics_.error(use.where, "no fragment '" + use.fragment + "'");
      } else if (std::find(open.begin(), open.end(), use.fragment) != open.end()) {
        diagnostics_.error(use.where, "fragment '" + use.fragment + "' uses itself");
      } else {
        used_.insert(use.fragment);
        open.push_back(use.fragment);
        keys.insert(keys.end(), found->second.keys.begin(), found->second.keys.end());
        merge(keys, found->second.uses, open);
        open.pop_back();
      }
    }
  }

  void dictionary(KeySpec& key) {
    if (endless_) return;
    if (depth_ == 16) {  // a fragment has a dictionary that uses the fragment again
      diagnostics_.error(key.where, "'" + key.name + "' is nested without end");
      endless_ = true;
      return;
    }
    ++depth_;
    std::vector<std::string> open;
    merge(key.keys, key.uses, open);
    key.uses.clear();
    std::stable_sort(key.keys.begin(), key.keys.end(),
                     [](const KeySpec& a, const KeySpec& b) { return a.name < b.name; });
    for (std::size_t i = 1; i < key.keys.size(); ++i) {
      if (key.keys[i].name == key.keys[i - 1].name)
        diagnostics_.error(key.keys[i].where, "'" + key.keys[i].name + "' is a key of this dictionary already (" +
                                                  key.keys[i - 1].where.file + ":" +
                                                  std::to_string(key.keys[i - 1].where.line) + ")");
    }
    for (KeySpec& member : key.keys) child(key, member);
    --depth_;
  }

  void child(const KeySpec& outer, KeySpec& key) {
    key.as_payload = true;
    for (std::size_t p = 0; p < platform_count; ++p) {
      key.available[p] = inherit(outer.available[p], key.platforms[p]);
      key.as_payload = key.as_payload && same(key.available[p], payload_available_[p]);
    }
    check(key);
    if ((key.types & mask(Type::dictionary)) != 0) dictionary(key);
    for (KeySpec& element : key.element) child(key, element);
  }

  void check(const KeySpec& key) {
    const auto need = [&](bool holds, const char* message) {
      if (!holds) diagnostics_.error(key.where, (key.name.empty() ? "element" : "'" + key.name + "'") + ": " + message);
    };
    const bool text = (key.types & (mask(Type::string) | mask(Type::data))) != 0;
    const bool number = key.types == mask(Type::integer);
    const bool array = (key.types & mask(Type::array)) != 0;
    const bool dictionary = (key.types & mask(Type::dictionary)) != 0;
    need(key.format == Format::none || text, "'format' is for strings");
    need(key.reference == Reference::none || text, "'reference' is for strings");
    need(key.values.empty() || text, "'values' is for strings and integers");
    need((!key.min && !key.max) || (number && !key.flag), "'min' and 'max' are for integers");
    need(!key.min || !key.max || *key.min <= *key.max, "'min' is above 'max'");
    need((key.min_items == 0 && key.max_items == 0) || array, "'min_items' and 'max_items' are for arrays");
    need(key.max_items == 0 || key.min_items <= key.max_items, "'min_items' is above 'max_items'");
    need(array == !key.element.empty(), "an array, and nothing else, has an 'element'");
    need(dictionary || (key.keys.empty() && key.uses.empty() && !key.free_form),
         "'keys', 'use' and 'free_form' are for dictionaries");
    need(!dictionary || !key.keys.empty() || !key.uses.empty() || key.free_form, "a dictionary needs 'keys' or 'use'");
    need(key.default_value.empty() || key.presence == Presence::optional, "a required key has no default");
    need(default_fits(key), "the default is not among what the key allows");
    const bool ending =
        !key.obsolete.empty() || std::any_of(key.available.begin(), key.available.end(),
                                             [](const Availability& a) { return a.has_deprecated || a.has_removed; });
    need(key.instead.empty() || ending, "'instead' is for what is deprecated, removed or obsolete");
  }

  static bool default_fits(const KeySpec& key) {
    const std::string& value = key.default_value;
    if (value.empty()) return true;
    if (key.types == mask(Type::boolean)) return value == "true" || value == "false";
    if (key.types == mask(Type::integer)) {
      std::int64_t number = 0;
      return to_integer(value, number) && (!key.min || *key.min <= number) && (!key.max || number <= *key.max) &&
             (key.integers.empty() ||
              std::find(key.integers.begin(), key.integers.end(), number) != key.integers.end());
    }
    if (key.types != mask(Type::string)) return false;
    return key.values.empty() || std::find(key.values.begin(), key.values.end(), value) != key.values.end();
  }

  void blocks(PayloadSpec& payload) {
    const KeySpec* dictionary = &payload.root;
    if (payload.selector.empty()) {
      if (!payload.blocks.empty()) diagnostics_.error(payload.blocks[0].where, "'blocks' needs a 'selector'");
      return;
    }
    const auto find = [&](const std::string& name) -> const KeySpec* {
      for (const KeySpec& key : dictionary->keys) {
        if (key.name == name) return &key;
      }
      return nullptr;
    };
    const KeySpec* selector = find(payload.selector);
    if (selector == nullptr) return diagnostics_.error(payload.where, "the selector is no key of the payload");
    const auto in = [](const std::vector<std::string>& list, const std::string& value) {
      return std::find(list.begin(), list.end(), value) != list.end();
    };
    for (const BlockSpec& block : payload.blocks) {
      if (find(block.key) == nullptr) diagnostics_.error(block.where, "'" + block.key + "' is no key of the payload");
      for (const std::string& value : block.values) {
        if (!in(selector->values, value)) diagnostics_.error(block.where, "the selector has no value '" + value + "'");
      }
      for (const std::string& value : block.required_for) {
        if (!in(block.values, value)) diagnostics_.error(block.where, "'" + value + "' is required but not in 'for'");
      }
    }
  }

  Catalogue& catalogue_;
  Diagnostics& diagnostics_;
  Availabilities payload_available_{};
  std::set<std::string> used_;
  int depth_ = 0;
  bool endless_ = false;
};

}  // namespace

void resolve(Catalogue& catalogue, Diagnostics& diagnostics) {
  Resolver resolver(catalogue, diagnostics);
  std::sort(catalogue.payloads.begin(), catalogue.payloads.end(),
            [](const PayloadSpec& a, const PayloadSpec& b) { return a.type < b.type; });
  std::size_t profiles = 0;
  for (std::size_t i = 0; i < catalogue.payloads.size(); ++i) {
    PayloadSpec& payload = catalogue.payloads[i];
    if (i > 0 && catalogue.payloads[i - 1].type == payload.type)
      diagnostics.error(payload.where, "'" + payload.type + "' is defined twice");
    if (std::binary_search(catalogue.foreign.begin(), catalogue.foreign.end(), payload.type))
      diagnostics.error(payload.where, "'" + payload.type + "' is listed in foreign.yaml");
    if (payload.kind == PayloadSpec::Kind::top_level) ++profiles;
    resolver.payload(payload);
  }
  if (profiles != 1) diagnostics.error({"payloads"}, "there must be exactly one 'profile'");
  resolver.unused_fragments();
}

}  // namespace vpn::schema::generate
