// What the server knows: the client's abilities, its settings, the open documents. Internal to compiler/lsp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lsp/linter.h"
#include "compiler/lsp/outline.h"
#include "compiler/lsp/text.h"

namespace vpn::lsp {

using Clock = std::chrono::steady_clock;

/// What the client says that it can do; the rest is left out of answers.
struct Abilities {
  Encoding encoding = Encoding::utf16;
  bool snippets = false, adjusts_indentation = false, markdown_completion = false, deprecated_tag = false;
  bool markdown_hover = false;
  bool code_action_literals = false, versioned_edits = false;
  bool related = false, code_description = false, diagnostic_tags = false;
  bool pulls_configuration = false, registers_watchers = false;
};

struct OpenDocument {
  std::string uri, path;
  std::int64_t version = 0;
  Text text{{}, Encoding::utf16};
  bool lost = false;  ///< too large: its text is not known any more
  std::unique_ptr<Outline> outline;
  std::optional<bool> concerns;  ///< whether it is a profile or a declaration at all; not set: not asked
  Outcome outcome;
  bool judged = false;       ///< `outcome` is about this text
  bool unpublished = false;  ///< and the client has not heard of it
  bool is_due = false;
  Clock::time_point due;
  Clock::duration last_cost{};
};

/// What a feature works with.
struct View {
  const OpenDocument& document;
  const Outline& outline;
  const Abilities& client;
  const std::string& documentation;  ///< address of docs/findings.md; empty: none
};

}  // namespace vpn::lsp
