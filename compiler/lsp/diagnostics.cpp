// Findings as diagnostics.
#include <algorithm>
#include <map>

#include "compiler/lsp/features.h"
#include "compiler/lsp/json.h"
#include "policy/ascii.h"

namespace vpn::lsp {
namespace {

constexpr std::size_t most_related = 8;

int severity_number(findings::Severity severity) {
  return severity == findings::Severity::error ? 1 : severity == findings::Severity::warning ? 2 : 3;
}

Json plain(const std::string& message, int severity) {
  return {{"range", to_json(Range{})}, {"severity", severity}, {"source", "vpnprofile"}, {"message", message}};
}

/// "vp1203-unknown-key", as docs/findings.md has it.
std::string anchor(const findings::CodeInfo& info) { return ascii::lower_case(info.id) + "-" + std::string(info.name); }

/// Whether spans of the source are those of the document's text.
bool is_own_text(const View& view, const document::Source* source) {
  return source != nullptr && source->name() == view.document.path && source->is_original() &&
         source->text().size() == view.document.text.content().size();
}

Json related(const View& view, const findings::Finding& finding) {
  Json out = Json::array();
  for (const findings::Related& r : finding.related) {
    if (out.size() == most_related || r.source == nullptr || !r.span.known()) break;
    const bool own = is_own_text(view, r.source);
    const Range range = own ? view.document.text.range(r.span.begin, r.span.end)
                            : Text(std::string(r.source->text()), view.client.encoding).range(r.span.begin, r.span.end);
    out.push_back(
        {{"location", {{"uri", own ? view.document.uri : file_uri(r.source->name())}, {"range", to_json(range)}}},
         {"message", r.message}});
  }
  return out;
}

}  // namespace

std::string unreadable_kind(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  text.remove_prefix(first);
  if (text.starts_with("bplist")) return "a binary property list";
  // DER: a sequence whose length takes more bytes than one, as far as a decoder to UTF-8 has left it.
  if (text.size() > 2 && text[0] == '0' && static_cast<unsigned char>(text[1]) >= 0x80) return "signed or encrypted";
  if (text.starts_with("-----BEGIN PKCS7") || text.starts_with("-----BEGIN CMS")) return "signed or encrypted";
  return {};
}

std::vector<const findings::Finding*> own_findings(const OpenDocument& document) {
  std::vector<const findings::Finding*> out;
  for (const findings::Finding& f : document.outcome.sink.all()) {
    // The editor has decoded the file: what encoding it declares says nothing about the text.
    if (f.source == nullptr || f.source->name() != document.path || f.code == findings::Code::encoding_mismatch)
      continue;
    out.push_back(&f);
  }
  return out;
}

Range place_of(const View& view, const findings::Finding& finding) {
  if (!finding.span.known() || !is_own_text(view, finding.source)) return {};
  return view.document.text.range(finding.span.begin, finding.span.end);
}

Json diagnostic(const View& view, const findings::Finding& finding) {
  const findings::CodeInfo& info = findings::info(finding.code);
  Json out = plain(finding.help.empty() ? finding.message : finding.message + "\n" + finding.help,
                   severity_number(finding.severity));
  out["range"] = to_json(place_of(view, finding));
  out["code"] = info.id;
  if (view.client.code_description && !view.documentation.empty())
    out["codeDescription"] = {{"href", view.documentation + "#" + anchor(info)}};
  if (view.client.related && !finding.related.empty()) out["relatedInformation"] = related(view, finding);
  if (view.client.diagnostic_tags && info.name.starts_with("deprecated")) out["tags"] = {2};
  out["data"] = {{"name", info.name}};
  return out;
}

Json diagnostics(const View& view) {
  const OpenDocument& document = view.document;
  Json list = Json::array();
  if (document.lost) {
    list.push_back(plain("the file is too large for the editor's checks; 'vpnprofile lint' judges it", 3));
  } else if (const std::string kind = unreadable_kind(document.text.content()); !kind.empty()) {
    list.push_back(
        plain("this profile is " + kind + ", so its text cannot be judged here; 'vpnprofile lint FILE' reads it", 3));
  } else {
    const auto own = own_findings(document);
    for (const findings::Finding* f : own) {
      if (list.size() == most_diagnostics) {
        list.push_back(
            plain(std::to_string(own.size() - most_diagnostics) + " findings more; 'vpnprofile lint' shows all", 3));
        break;
      }
      list.push_back(diagnostic(view, *f));
    }
  }
  if (!document.outcome.configuration_fault.empty())
    list.push_back(plain("the configuration is not used: " + document.outcome.configuration_fault, 1));
  return {{"uri", document.uri}, {"version", document.version}, {"diagnostics", std::move(list)}};
}

}  // namespace vpn::lsp
