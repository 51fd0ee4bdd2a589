// Lint: every check over the documents of one device.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/schema/schema.h"
#include "policy/types.h"

namespace vpn::lint {

struct Options {
  std::vector<policy::Platform> platforms;    ///< availability is checked for these; empty: not at all
  std::optional<schema::Version> os_version;  ///< of each of `platforms`; absent: the newest
  std::optional<bool> supervised;             ///< absent: not checked
  std::int64_t now = 0;                       ///< seconds since 1970-01-01 UTC, for certificate expiry
  std::uint32_t expiry_days = 30;             ///< warn this long before a certificate expires
  bool one_device = true;      ///< false: documents know each other's assets, but their VPNs do not compete
  bool template_mode = false;  ///< placeholders stand for values
};

/// Checks each document by itself and all of them together (one device). Adds to `findings`; never throws.
void lint(std::span<const document::Document* const> documents, const Options& options, findings::Sink& findings);

}  // namespace vpn::lint
