// Tags that do not match: who is to blame. Only run once something is wrong, so it may read the text again.
#include <algorithm>
#include <optional>

#include "compiler/document/xml_walk.h"
#include "console/similar/similar.h"

namespace vpn::document::xml {
namespace {

using findings::Code;

/// White space before the tag when it is the first on its line.
std::optional<std::string_view> indentation(std::string_view text, std::size_t tag) {
  std::size_t begin = tag;
  while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) --begin;
  if (begin > 0 && text[begin - 1] != '\n' && text[begin - 1] != '\r') return std::nullopt;
  return text.substr(begin, tag - begin);
}

std::size_t skip_markup(std::string_view text, std::size_t at) {
  const auto behind = [&](std::string_view close) {
    const std::size_t found = text.find(close, at);
    return found == std::string_view::npos ? text.size() : found + close.size();
  };
  if (starts_with(text, at, "<!--")) return behind("-->");
  if (starts_with(text, at, "<![CDATA[")) return behind("]]>");
  return behind(">");
}

/// An element that was closed by an end tag which is indented less than its start tag: most likely its own is missing,
/// and the end tag of the element around it was taken for it. The first such element before `stop`.
std::optional<Tag> closed_by_another(std::string_view text, std::size_t begin, std::size_t stop) {
  std::vector<Tag> open;
  for (std::size_t at = text.find('<', begin); at < stop; at = text.find('<', at)) {
    const std::size_t end = skip_markup(text, at);
    if (starts_with(text, at, "</")) {
      if (open.empty()) break;
      const auto inner = indentation(text, open.back().begin), outer = indentation(text, at);
      if (inner && outer && inner->size() > outer->size() && inner->substr(0, outer->size()) == *outer)
        return open.back();
      open.pop_back();
    } else if (at + 1 < text.size() && is_name_start(text[at + 1]) && text[end - 2] != '/') {
      open.push_back({at, end, text.substr(at + 1, name_end(text, at + 1) - at - 1)});
    }
    at = end;
  }
  return std::nullopt;
}

Fault not_closed(const Tag& tag, std::size_t at, std::size_t end, std::string what) {
  return {Code::unclosed_element,
          tag.begin,
          tag.end,
          in_angles(tag.name) + " is not closed: " + std::move(what),
          "write </" + shown(tag.name) + "> where it ends",
          at,
          end,
          "here it is still open"};
}

}  // namespace

Fault mismatch(std::string_view text, const std::vector<Tag>& open, std::size_t at) {
  const Tag& inner = open.back();
  const bool is_end = starts_with(text, at, "</");
  const std::size_t name_begin = at + (is_end ? 2 : 1);
  const std::size_t stop = name_end(text, name_begin);
  const std::string_view name = text.substr(name_begin, stop - name_begin);
  const std::size_t end = std::min(text.find('>', stop), text.size() - 1) + 1;
  if (stop == text.size()) return cut_off(text, open);
  if (stop == name_begin) return {Code::xml_syntax, at, at + 1, "'<' begins no tag here", "in text, write &lt;"};
  if (!is_end) {
    Fault fault = not_closed(inner, at, end, in_angles(name) + " begins within it");
    if (name == inner.name)
      fault.help = "a '/' may be missing: write </" + std::string(name) + "> instead of the second " + in_angles(name);
    return fault;
  }
  const bool is_open = std::any_of(open.begin(), open.end(), [&](const Tag& t) { return t.name == name; });
  if (is_open || name == "plist") {
    if (const auto culprit = closed_by_another(text, open.front().begin, at))
      return not_closed(*culprit, at, end, "the next </" + shown(culprit->name) + "> belongs to an element around it");
    return not_closed(inner, at, end, "</" + shown(name) + "> follows");
  }
  const bool misspelt =
      cli::edit_distance(name, inner.name, cli::tolerance(inner.name.size())) <= cli::tolerance(inner.name.size());
  return {Code::mismatched_tag,
          at,
          end,
          "</" + shown(name) + "> does not close " + in_angles(inner.name),
          misspelt ? "did you mean </" + shown(inner.name) + ">?" : "nothing of this name is open here",
          inner.begin,
          inner.end,
          in_angles(inner.name) + " was opened here"};
}

Fault cut_off(std::string_view text, const std::vector<Tag>& open) {
  const Tag& inner = open.back();
  return {Code::truncated_file,
          text.size() - 1,
          text.size(),
          "the file ends within " + in_angles(inner.name),
          "the file was cut off, or its last tags are missing",
          inner.begin,
          inner.end,
          in_angles(inner.name) + " was opened here"};
}

}  // namespace vpn::document::xml
