#include "compiler/cli/source_comment.h"

#include <algorithm>

#include "compiler/cli/compile_device.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

constexpr std::size_t longest = 400;

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// The last comment before a place, when nothing but white space, and the opening of a key, stands between them.
const document::Comment* comment_above(const document::Document& document, const policy::fb::Source& place) {
  const document::Source& source = document.source();
  if (place.line() == 0 || place.column() == 0 || place.line() > source.line_count()) return nullptr;
  const std::string_view line = source.line(place.line());
  const auto begin = static_cast<std::size_t>(line.data() - source.text().data());
  const auto next = std::partition_point(document.comments.begin(), document.comments.end(),
                                         [&](const document::Comment& c) { return c.text.end <= begin; });
  if (next == document.comments.begin()) return nullptr;
  const document::Comment& last = *(next - 1);
  std::string_view indent = line.substr(0, std::min<std::size_t>(place.column() - 1, line.size()));
  if (indent.ends_with("<key>")) indent.remove_suffix(5);
  return is_blank(indent) && is_blank(source.text().substr(last.text.end, begin - last.text.end)) ? &last : nullptr;
}

/// Without markers, in one line.
std::string words(std::string_view comment) {
  if (comment.starts_with("<!--")) comment.remove_prefix(4);
  if (comment.ends_with("-->")) comment.remove_suffix(3);
  std::string out;
  for (const char c : comment) {
    const bool space = is_blank({&c, 1});
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  if (out.size() > longest) {
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.replace(end, std::string::npos, "\u2026");
  }
  return out;
}

}  // namespace

std::string source_comment(const Built& built, const policy::Policy& policy, std::uint32_t source) {
  const auto* sources = policy.body().sources();
  if (source == policy::none || sources == nullptr || source >= sources->size()) return {};
  const policy::fb::Source& place = *sources->Get(source);
  const std::string_view file = policy.body().files()->Get(place.file())->string_view();
  for (const auto& document : built.judged.documents) {
    if (document == nullptr || document->source().name() != file) continue;
    const document::Comment* comment = comment_above(*document, place);
    if (comment == nullptr) return {};
    std::string text =
        words(document->source().text().substr(comment->text.begin, comment->text.end - comment->text.begin));
    return text.find("vpnprofile-ignore") == std::string::npos ? text : std::string{};
  }
  return {};
}

}  // namespace vpn::cli
