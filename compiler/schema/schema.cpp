#include "compiler/schema/schema.h"

#include <algorithm>

#include "compiler/schema/name_hash.h"
#include "compiler/schema/tables.h"

namespace vpn::schema {

const Key* Key::find(std::string_view member) const {
  if (slots.empty()) return nullptr;
  const std::size_t mask = slots.size() - 1;
  for (std::size_t at = name_hash(member) & mask; slots[at] != empty_slot; at = (at + 1) & mask) {
    const Key& key = keys[slots[at]];
    if (key.name == member) return &key;
  }
  return nullptr;
}

bool Block::read_by(std::string_view selector_value) const {
  return std::find(values.begin(), values.end(), selector_value) != values.end();
}

bool Block::is_required_by(std::string_view selector_value) const {
  return std::find(required_for.begin(), required_for.end(), selector_value) != required_for.end();
}

const Block* Payload::find_block(std::string_view key) const {
  const auto found = std::find_if(blocks.begin(), blocks.end(), [&](const Block& b) { return b.key == key; });
  return found == blocks.end() ? nullptr : &*found;
}

std::span<const Payload> payloads() { return tables::payloads; }
const Payload& top_level() { return tables::top_level; }

const Payload* find_payload(std::string_view type) {
  const auto found = std::lower_bound(tables::payloads.begin(), tables::payloads.end(), type,
                                      [](const Payload& p, std::string_view t) { return p.type < t; });
  return found != tables::payloads.end() && found->type == type ? &*found : nullptr;
}

bool is_foreign_payload(std::string_view type) {
  return std::binary_search(tables::foreign.begin(), tables::foreign.end(), type);
}

std::span<const std::string_view> foreign_payloads() { return tables::foreign; }
std::span<const ServiceSelector> services() { return tables::services; }
std::span<const KnownApp> known_apps() { return tables::apps; }
std::span<const ProbeTarget> captive_probes() { return tables::probes; }

}  // namespace vpn::schema
