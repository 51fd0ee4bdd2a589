// The peers that we are measured against.
#pragma once

#include <string>
#include <string_view>

namespace vpn::bench {

void libplist_xml(std::string_view text);      ///< plist_from_xml and plist_free
void libplist_binary(std::string_view bytes);  ///< plist_from_bin and plist_free
void pugixml_in_place(std::string& text);      ///< destroys `text`
std::string to_binary(std::string_view xml);   ///< the same property list as binary

/// Microseconds that Python's plistlib takes for the file, measured inside Python; 0 where there is no Python.
double plistlib_microseconds(const std::string& path, unsigned repeat);

}  // namespace vpn::bench
