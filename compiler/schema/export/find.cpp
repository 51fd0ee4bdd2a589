#include <algorithm>

#include "compiler/schema/export/export.h"

namespace vpn::schema {
const Payload* find_type(std::string_view type, std::vector<std::string_view>& candidates) {
  if (type == top_level().type) return &top_level();
  if (const Payload* exact = find_payload(type)) return exact;
  std::vector<const Payload*> found;
  for (const Payload& payload : payloads()) {
    const std::string_view name = payload.type;
    if (name.size() > type.size() && name.ends_with(type) && name[name.size() - type.size() - 1] == '.')
      found.push_back(&payload);
  }
  if (found.size() == 1) return found.front();
  for (const Payload* payload : found) candidates.push_back(payload->type);
  return nullptr;
}

FoundKey find_path(const Payload& payload, std::string_view path) {
  FoundKey found{{&payload, nullptr, {}}, {}, &payload.root};
  std::string& canonical = found.subject.path;
  if (path.starts_with("PayloadContent[") && payload.root.find("PayloadContent") == nullptr)  // from the profile's root
    path.remove_prefix(std::min(path.find('.'), path.size() - 1) + 1);
  const Key* at = &payload.root;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('.'), path.size());
    const std::string_view segment = path.substr(0, end);
    const std::string_view name = segment.substr(0, segment.find('['));
    const Key* next = at->find(name);
    if (next == nullptr && canonical.empty() && payload.is_declaration) {
      canonical = "Payload";
      at = at->find(canonical);
      next = at->find(name);
    }
    if (next == nullptr) {
      found.unknown = name;
      found.around = at;
      return found;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
    if (!canonical.empty()) canonical += '.';
    canonical += next->name;
    for (; next->element != nullptr && !path.empty(); next = next->element) canonical += "[]";
    at = next;
  }
  found.subject.key = at;
  return found;
}

std::string type_words(const Key& key) {
  using document::Type;
  if (key.flag) return "flag";
  if (key.types == 0) return "any";
  std::string words;
  for (const auto& [type, word] : {std::pair{Type::boolean, "boolean"},
                                   {Type::integer, "integer"},
                                   {Type::real, "real"},
                                   {Type::string, "string"},
                                   {Type::data, "data"},
                                   {Type::date, "date"},
                                   {Type::array, "array"},
                                   {Type::dictionary, "dictionary"}}) {
    if ((key.types & mask(type)) != 0) words += (words.empty() ? "" : " or ") + std::string(word);
  }
  return words;
}

std::span<const Availability> availability(const Payload& payload, const Key& key) {
  return key.platforms.empty() ? payload.platforms : key.platforms;
}

std::string platform_title(policy::Platform platform) {
  constexpr std::string_view titles[] = {"iOS", "macOS", "visionOS", "tvOS", "watchOS", "Linux"};
  return std::string(titles[static_cast<std::size_t>(platform)]);
}

}  // namespace vpn::schema
