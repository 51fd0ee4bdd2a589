// VP16xx, VP1512: domain names, one by one and in lists of any length.
#pragma once

#include <string_view>

#include "compiler/lint/context.h"
#include "compiler/lint/name_set.h"

namespace vpn::lint {

/// Findings of one kind in one list; more are counted only.
inline constexpr std::uint32_t most_in_a_list = 20;

/// Judges every name of the array, and which ones are there twice. Linear in the length of the list, about 20 bytes of
/// memory for each name. Gives the names for comparison with other lists.
NameSet check_domain_list(Context& context, const Section& section, const Member& member, const schema::Key& element);

/// Judges a single name.
void check_domain(Context& context, const Value& value, const schema::Key& key, const Path* parent,
                  std::string_view name);

/// Whether the names of this list are what the VPN leaves out.
bool is_exclusion(const Section& section, std::string_view key);

/// Name without a leading "*.", as lists compare it; `storage` is used where it differs from the text. Empty: no name.
std::string_view compared_name(std::string_view text, std::string& storage, bool& below_only);

}  // namespace vpn::lint
