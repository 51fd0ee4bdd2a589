#include "compiler/findings/codes.h"

#include <algorithm>

#include "compiler/findings/codes_table.h"

namespace vpn::findings {

std::string_view to_string(Severity s) {
  switch (s) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      break;
  }
  return "error";
}

std::span<const CodeInfo> all_codes() { return code_table(); }

const CodeInfo& info(Code code) {
  const auto table = code_table();
  return *std::lower_bound(table.begin(), table.end(), code,
                           [](const CodeInfo& c, Code wanted) { return c.code < wanted; });
}

const CodeInfo* find_code(std::string_view id_or_name) {
  for (const CodeInfo& c : code_table())
    if (c.id == id_or_name || c.name == id_or_name) return &c;
  return nullptr;
}

}  // namespace vpn::findings
