// What strings of a format must look like (VP12xx, VP16xx).
#pragma once

#include <string>
#include <string_view>

#include "compiler/lint/context.h"

namespace vpn::lint {

/// 8-4-4-4-12 hexadecimal digits, in either case.
bool is_uuid(std::string_view text);
/// The one UUID within a longer text ("wifi-2E1D…", "{2E1D…}"); empty: none, or several.
std::string_view uuid_within(std::string_view text);

/// What is wrong with a host name or address; empty: nothing.
std::string host_fault(std::string_view text);

struct Url {
  std::string_view scheme, host;
  bool valid = false;
};
/// As much of RFC 3986 as a check needs: a scheme, "://", a host, no white space.
Url parse_url(std::string_view text);

/// Judges one string by the format of its key. Domains in lists are checked by domain_list.h.
void check_format(Context& context, const Value& value, const schema::Key& key, const Path* parent,
                  std::string_view name);

}  // namespace vpn::lint
