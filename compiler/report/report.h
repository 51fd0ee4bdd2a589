// A policy as one page for people: what goes where in each state, why, and what was found (docs/report.md).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analyse/diff.h"
#include "compiler/analyse/prove.h"
#include "policy/flow.h"
#include "policy/policy.h"

namespace vpn::report {

/// Where in a profile something stands. Texts are as in the profile: the page escapes all of them.
struct Place {
  std::string file;
  std::uint32_t line = 0;    ///< from 1; 0: the format has no lines
  std::uint32_t column = 0;  ///< likewise
  std::string path;          ///< of keys; may be empty
};

struct Finding {
  std::string code, name, severity, message, help;
  Place place;
};

/// A device state of the reader's own.
struct NamedState {
  std::string name;
  policy::DeviceState state;
};

/// What another policy did, and what is different now.
struct Comparison {
  std::string name;  ///< of the other one
  const policy::Policy& before;
  analyse::Difference difference;
};

struct Request {
  const policy::Policy& policy;
  std::string name;                              ///< what the page is about: a file, a folder
  std::vector<NamedState> states;                ///< beside those that the page makes itself
  std::optional<std::vector<Finding>> findings;  ///< nothing: not known, for the policy came compiled
  std::vector<analyse::Proof> proofs;            ///< of this policy
  std::string unproven;                          ///< why there is no proof; empty: there is, or none was asked for
  std::optional<Comparison> comparison;
  // Of a source of the policy, where the profiles are there; may be empty.
  std::function<std::string(std::uint32_t)> excerpt;  ///< lines of the profile
  std::function<std::string(std::uint32_t)> comment;  ///< what its author wrote about it
};

/// The page: HTML without anything outside of itself. Same request, same bytes.
std::string html(const Request& request);

}  // namespace vpn::report
