#include "compiler/cli/secret_keys.h"

#include <algorithm>

#include "compiler/schema/schema.h"

namespace vpn::cli {
namespace {

void collect(const schema::Key& key, std::vector<std::string_view>& names) {
  if (key.secret && !key.name.empty()) names.push_back(key.name);
  for (const schema::Key& member : key.keys) collect(member, names);
  if (key.element != nullptr) collect(*key.element, names);
}

}  // namespace

std::vector<std::string_view> secret_keys() {
  std::vector<std::string_view> names;
  for (const schema::Payload& payload : schema::payloads()) collect(payload.root, names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace vpn::cli
