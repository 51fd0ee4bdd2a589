// Texts of integers, reals, dates and base64, as property lists write them. Internal to compiler/document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace vpn::document {

enum class IntegerFault : std::uint8_t { none, not_a_number, out_of_range };

/// Decimal or 0x, with an optional sign before; white space around it is passed over.
IntegerFault parse_integer(std::string_view text, std::int64_t& out);

/// Decimal with optional exponent and sign, or nan and infinity, as Core Foundation reads them.
bool parse_real(std::string_view text, double& out);

/// YYYY-MM-DDThh:mm:ssZ, a date that exists.
bool is_date(std::string_view text);

/// Decodes base64 (RFC 4648, with white space anywhere) to `out`, which has room for text.size() * 3 / 4 bytes. Returns
/// the number of bytes, or nothing and in `bad` the offset of the first character that is wrong (text.size(): the end
/// is).
std::optional<std::size_t> decode_base64(std::string_view text, std::uint8_t* out, std::size_t& bad);

}  // namespace vpn::document
