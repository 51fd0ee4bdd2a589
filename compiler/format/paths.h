// File names as machine formats want them.
#pragma once

#include <string>
#include <string_view>

namespace vpn::format {

/// `name` relative to the absolute folder `base` where it is below it, else absolute and normalised; "<stdin>" stays.
std::string relative_name(std::string_view name, std::string_view base);

/// A path as the path of a URI (RFC 3986).
std::string percent_encoded(std::string_view path);

/// A file's name, as relative_name() gives it, as a URI reference (RFC 3986), "file://" before absolute ones.
std::string uri(std::string_view name, std::string_view base);

}  // namespace vpn::format
