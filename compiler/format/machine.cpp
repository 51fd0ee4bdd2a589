#include "compiler/format/machine.h"

namespace vpn::format {

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

bool is_fixable(const findings::Finding& finding) {
  return !finding.edits.empty() && finding.source != nullptr && finding.source->is_original();
}

std::string message_with_help(const findings::Finding& finding) {
  return finding.help.empty() ? finding.message : finding.message + " (" + finding.help + ")";
}

std::string_view file_name(const findings::Finding& finding) {
  return finding.source == nullptr ? std::string_view("<none>") : std::string_view(finding.source->name());
}

}  // namespace vpn::format
