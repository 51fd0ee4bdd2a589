# Writes page.css and page.js as one header of raw strings.
file(READ "${IN}/page.css" css)
file(READ "${IN}/page.js" js)
string(CONCAT header
  "// Generated from compiler/report/page/.\n#pragma once\n\n#include <string_view>\n\nnamespace vpn::report {\n"
  "inline constexpr std::string_view page_css = R\"~~(" "${css}" ")~~\";\n"
  "inline constexpr std::string_view page_js = R\"~~(" "${js}" ")~~\";\n"
  "}  // namespace vpn::report\n")
file(WRITE "${OUT}" "${header}")
