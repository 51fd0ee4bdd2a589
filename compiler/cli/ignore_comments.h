// <!-- vpnprofile-ignore: VP1203 reason --> in an XML profile.
#pragma once

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"

namespace vpn::cli {

/// Takes away the findings of `document` that one of its comments names, and adds a note for each comment that names
/// none or no known code. `vpnprofile-ignore:` speaks of its own line, or of the next one where it stands alone;
/// `vpnprofile-ignore-file:` of the whole file. Codes are separated by commas; what follows them is the reason.
void apply_ignore_comments(const document::Document& document, findings::Sink& findings);

}  // namespace vpn::cli
