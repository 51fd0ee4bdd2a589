// What one run of `vpnprofile ci` came to, for people and for machines.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/findings/findings.h"
#include "compiler/format/format.h"
#include "policy/result.h"

namespace vpn::ci {

enum class Outcome : std::uint8_t { passed, failed, skipped };
std::string_view to_string(Outcome outcome);

/// One thing that was looked at: a case of a scenario, a property. Failed ones become annotations.
struct Item {
  std::string name;
  Outcome outcome = Outcome::passed;
  std::string message;  ///< why it failed
  std::string file;     ///< where; empty: nowhere
  std::uint32_t line = 0, column = 0;
};

struct Stage {
  std::string name;  ///< "lint", "compile", "test", "prove", "diff"
  Outcome outcome = Outcome::passed;
  std::string summary;        ///< one line
  std::string text;           ///< all about it, for people; may be coloured
  std::string markdown;       ///< the same as Markdown; empty: `plain` in a fence
  std::string plain;          ///< `text` without colour
  std::string json = "null";  ///< likewise, for programs
  std::vector<Item> items;
};

/// A stage that could not be run, and why.
Stage skipped_stage(std::string name, std::string why);
/// One that an error ended.
Stage refused_stage(std::string name, const Error& error);
/// "WHERE: WHAT".
std::string one_line(const Error& error);
/// "error: WHERE: WHAT", and what to do on a line below.
std::string error_text(const Error& error);

struct Device {
  std::string name;
  std::vector<std::string> files;
  std::vector<findings::Finding> findings;  ///< of lint; their sources must outlive the report
  std::vector<Stage> stages;
  bool passed() const;
};

struct Report {
  std::vector<Device> devices;
  std::string base;  ///< the revision compared with; empty: none
  bool passed() const;
};

enum class Style : std::uint8_t { text, json, github, gitlab, junit, markdown };
bool parse(std::string_view word, Style& out);

std::string render(Style style, const Report& report, const format::Options& options);

}  // namespace vpn::ci
