// The findings as a JSON array, in the shape of docs/cli.md.
#include "compiler/format/machine.h"
#include "compiler/format/styles.h"

namespace vpn::format {
namespace {

Json number(std::uint32_t n) { return n == 0 ? Json(nullptr) : Json(n); }

Json edit_json(Locator& locator, const document::Source& source, const findings::Edit& edit) {
  const Place place = locator.locate(source, edit.span);
  return {{"line", place.begin.line},       {"column", place.begin.column}, {"end_line", place.end.line},
          {"end_column", place.end.column}, {"begin", edit.span.begin},     {"end", edit.span.end},
          {"replacement", edit.replacement}};
}

Json fix_json(Locator& locator, const findings::Finding& f) {
  if (!is_fixable(f)) return nullptr;
  Json edits = Json::array();
  for (const findings::Edit& e : f.edits) edits.push_back(edit_json(locator, *f.source, e));
  return {{"title", f.fix_title}, {"edits", std::move(edits)}};
}

}  // namespace

Json json_entries(const Report& report, const Options&) {
  Locator places, edit_places;
  Json all = Json::array();
  for (const findings::Finding& f : report.findings) {
    const findings::CodeInfo& info = findings::info(f.code);
    const Place place = f.source == nullptr ? Place{} : places.locate(*f.source, f.span);
    Json j = {
        {"code", info.id}, {"name", info.name}, {"severity", findings::to_string(f.severity)}, {"message", f.message}};
    j["file"] = file_name(f);
    j["line"] = number(place.begin.line);
    j["column"] = number(place.begin.column);
    j["end_line"] = number(place.end.line);
    j["end_column"] = number(place.end.column);
    j["path"] = f.path;
    j["fix"] = fix_json(edit_places, f);
    j["help"] = f.help;
    all.push_back(std::move(j));
  }
  return all;
}

std::string json_report(const Report& report, const Options& options) { return dump(json_entries(report, options)); }

}  // namespace vpn::format
