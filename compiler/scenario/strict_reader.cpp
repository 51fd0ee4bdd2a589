#include "compiler/scenario/strict_reader.h"

#include <algorithm>

#include "console/similar/similar.h"
#include "policy/json/json.h"

namespace vpn::scenario {
namespace {

/// The member whose key an unknown path ends with, anywhere below `node`; null: not found.
const Member* find_below(const Node& node, std::string_view unknown) {
  for (const Member& m : node.members) {
    if (unknown.ends_with(m.key) &&
        (unknown.size() == m.key.size() || unknown[unknown.size() - m.key.size() - 1] == '.'))
      return &m;
    if (const Member* found = find_below(m.value, unknown)) return found;
  }
  for (const Node& item : node.items)
    if (const Member* found = find_below(item, unknown)) return found;
  return nullptr;
}

}  // namespace

StrictReader::StrictReader(std::string file, std::string help)
    : file_(std::move(file)), help_(std::move(help)), folder_(std::filesystem::path(file_).parent_path()) {}

void StrictReader::problem(const std::string& file, document::Position at, std::string what, std::string hint) {
  problems_.push_back({ErrorKind::invalid_input, std::move(what), place(file, at), std::move(hint)});
}

std::string StrictReader::did_you_mean(std::string_view word, std::span<const std::string_view> known,
                                       const std::string& otherwise) {
  const std::string_view meant = cli::nearest(word, known);
  return meant.empty() ? otherwise : "did you mean '" + std::string(meant) + "'?";
}

void StrictReader::check_keys(const Node& map, std::span<const std::string_view> known) {
  for (const Member& m : map.members) {
    if (std::find(known.begin(), known.end(), m.key) != known.end()) continue;
    std::string all;
    for (const std::string_view key : known) all += (all.empty() ? "" : ", ") + std::string(key);
    problem(file_, m.position, "unknown key '" + m.key + "'", did_you_mean(m.key, known, "the keys here are " + all));
  }
}

void StrictReader::report_unknown(const std::string& file, const Node& node, const std::vector<std::string>& unknown) {
  for (const std::string& key : unknown) {
    const Member* m = find_below(node, key);
    problem(file, m == nullptr ? node.position : m->position, "unknown key '" + key + "'",
            did_you_mean(m == nullptr ? std::string_view(key) : m->key, policy::known_keys(), help_));
  }
}

std::string StrictReader::text(const Member& m) {
  if (m.value.is(Node::Kind::text) && !m.value.text.empty()) return m.value.text;
  problem(m.value.position, "'" + m.key + "' must be text");
  return {};
}

std::string StrictReader::text(const Node& map, std::string_view key) {
  const Member* m = map.find(key);
  return m == nullptr ? std::string{} : text(*m);
}

std::string StrictReader::resolved(const std::string& path) const {
  return path.empty() ? path : (folder_ / path).lexically_normal().string();
}

std::optional<policy::DeviceState> StrictReader::state(const Node& node) {
  const Member* named = node.find("file");
  if (named == nullptr) return parsed_state(node, file_);
  if (node.members.size() != 1) {
    problem(node.position, "a state is either a 'file' or stands here, not both");
    return std::nullopt;
  }
  const std::string path = resolved(text(*named));
  if (path.empty()) return std::nullopt;
  files_.push_back(path);
  auto root = read_tree(path);
  if (root) return parsed_state(*root, path);
  if (root.error().help.empty()) root.error().help = "it is named at " + place(file_, named->value.position);
  problems_.push_back(std::move(root.error()));
  return std::nullopt;
}

std::optional<policy::DeviceState> StrictReader::parsed_state(const Node& node, const std::string& file) {
  if (!node.is(Node::Kind::map)) {
    problem(file, node.position, "a device state is a mapping of keys to values", help_);
    return std::nullopt;
  }
  std::vector<std::string> unknown;
  auto state = policy::parse_state(to_json(node), &unknown);
  if (!state) {
    problem(file, node.position, state.error().what, state.error().help);
    return std::nullopt;
  }
  report_unknown(file, node, unknown);
  return std::move(*state);
}

}  // namespace vpn::scenario
