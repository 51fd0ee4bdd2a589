// What the tests of lower share: profiles straight to an opened policy.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "compiler/lower/lower.h"
#include "policy/policy.h"
#include "policy_generated.h"
#include "tests/unit/model/building.h"

namespace vpn::lower {

namespace fb = policy::fb;

inline policy::Policy open(Output output) {
  auto opened = policy::Policy::from_bytes(std::move(output.policy));
  if (!opened) throw std::runtime_error(opened.error().where + ": " + opened.error().what);
  return std::move(*opened);
}

inline Output must_lower(const model::Model& model, const Options& options = {}) {
  auto output = lower(model, options);
  if (!output) throw std::runtime_error(output.error().where + ": " + output.error().what);
  return std::move(*output);
}

inline policy::Policy compile(const model::Profiles& profiles, const model::BuildOptions& build = {},
                              const Options& options = {}) {
  return open(must_lower(profiles.build(build), options));
}

/// "profile-0.mobileconfig:6:1 PayloadContent[0]".
inline std::string source(const policy::Policy& policy, std::uint32_t index) {
  if (index == policy::none) return "nowhere";
  const fb::Source& s = *policy.body().sources()->Get(index);
  return policy.body().files()->Get(s.file())->str() + ":" + std::to_string(s.line()) + ":" +
         std::to_string(s.column()) + " " + s.path()->str();
}

inline std::vector<std::string> strings(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* list) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; list != nullptr && i < list->size(); ++i) out.push_back(list->Get(i)->str());
  return out;
}

}  // namespace vpn::lower
