// Verdicts for people.
#pragma once

#include <string>
#include <vector>

#include "policy/decide.h"

namespace vpn::verdict {

/// What a rule says, in a few words: "the always-on tunnel that carries".
std::string_view rule_text(policy::Rule rule);
/// "tcp 203.0.113.80:443", "esp 2001:db8::1".
std::string destination_text(const policy::Flow& flow);
/// "com.example.mail → tcp 203.0.113.80:443 (mail.example.com)".
std::string flow_text(const policy::Flow& flow);
/// "a.mobileconfig:41:5  PayloadContent[0].VPN"; empty without a source.
std::string source_text(const policy::Policy& policy, std::uint32_t source);
/// The verdict's word, coloured by how it leaves, when `color` is set.
std::string verdict_word(policy::Verdict verdict, bool color);
/// Several lines: verdict, rule, source, `excerpt` (lines that show the source) and the rules that were passed over.
std::string explain_text(const policy::Policy& policy, const policy::Flow& flow, const policy::Decision& decision,
                         const std::vector<policy::Passed>& passed, std::string_view excerpt, bool color);

}  // namespace vpn::verdict
