// The codes of findings and what is said about them. The table behind is generated from
// compiler/findings/catalog/.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "compiler/findings/code_enum.h"  // generated: enum class Code : std::uint16_t { unknown_key = 1203, … };

namespace vpn::findings {

enum class Severity : std::uint8_t { note, warning, error };
std::string_view to_string(Severity s);  ///< "error", "warning", "note"

struct CodeInfo {
  Code code;
  std::string_view id;         ///< "VP1203"
  std::string_view name;       ///< "unknown-key"
  Severity severity;           ///< unless the check says otherwise
  std::string_view title;      ///< one line
  std::string_view reason;     ///< why it matters, Markdown
  std::string_view bad, good;  ///< examples, profile text
  std::string_view place;  ///< dictionary that the examples are from: "IKEv2", "rules" …; "file": they are whole files
  std::string_view with;   ///< options that they need: "--platform ios"
};

std::span<const CodeInfo> all_codes();  ///< by code
const CodeInfo& info(Code code);
const CodeInfo* find_code(std::string_view id_or_name);  ///< null: unknown

}  // namespace vpn::findings
