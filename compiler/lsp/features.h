// The answers of the server, each from a view of one document. Internal to compiler/lsp.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/lsp/place.h"
#include "compiler/lsp/workspace.h"

namespace vpn::lsp {

/// Of one document at the most; the last says how many are left out.
inline constexpr std::size_t most_diagnostics = 1000;

/// Params of textDocument/publishDiagnostics.
nlohmann::json diagnostics(const View& view);
/// One finding of the document itself as a Diagnostic.
nlohmann::json diagnostic(const View& view, const findings::Finding& finding);
/// Where a finding stands; the first place where it stands nowhere.
Range place_of(const View& view, const findings::Finding& finding);
/// The findings about the document itself, in order.
std::vector<const findings::Finding*> own_findings(const OpenDocument& document);
/// Why the text of a document is not judged: signed, binary; empty: it is.
std::string unreadable_kind(std::string_view text);

/// Hover, or null.
nlohmann::json hover(const View& view, Position position);
/// CompletionList. `others`: what references may lead to in the files judged together.
nlohmann::json completion(const View& view, Position position, const std::vector<Target>& others);

/// CodeActions for a range, `params` being those of textDocument/codeAction; `mended`: the text with all mended, or
/// null.
nlohmann::json code_actions(const View& view, const nlohmann::json& params, const std::string* mended);
/// Whether the parameters ask for this kind of action.
bool wants_kind(const nlohmann::json& params, std::string_view kind);

/// A file's path as "file:" URI, and back; empty for other schemes.
std::string file_uri(std::string_view path);
std::string file_path(std::string_view uri);

}  // namespace vpn::lsp
