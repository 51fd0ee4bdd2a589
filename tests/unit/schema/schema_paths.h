// Helpers of the schema tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "compiler/schema/schema.h"

namespace vpn::schema {

/// The key at a path; "[]" is the element of an array. A path that leads nowhere fails the test.
inline const Key& key_at(std::string_view type, std::initializer_list<std::string_view> path) {
  static const Key nothing;
  const Payload* payload = type == top_level().type ? &top_level() : find_payload(type);
  if (payload == nullptr) {
    ADD_FAILURE() << "no payload " << type;
    return nothing;
  }
  const Key* at = &payload->root;
  for (const std::string_view name : path) {
    at = name == "[]" ? at->element : at->find(name);
    if (at == nullptr) {
      ADD_FAILURE() << type << ": no key " << name;
      return nothing;
    }
  }
  return *at;
}

/// The profile's own dictionary and all payloads and declarations.
inline void for_each_payload(const std::function<void(const Payload&)>& visit) {
  visit(top_level());
  for (const Payload& payload : payloads()) visit(payload);
}

/// Every key and every element of every payload, with its path.
inline void for_each_key(const std::function<void(const Payload&, const Key&, const std::string&)>& visit) {
  const std::function<void(const Payload&, const Key&, const std::string&)> walk =
      [&](const Payload& payload, const Key& key, const std::string& path) {
        visit(payload, key, path);
        for (const Key& member : key.keys) walk(payload, member, path + '.' + std::string(member.name));
        if (key.element != nullptr) walk(payload, *key.element, path + "[]");
      };
  for_each_payload([&](const Payload& payload) { walk(payload, payload.root, std::string(payload.type)); });
}

}  // namespace vpn::schema
