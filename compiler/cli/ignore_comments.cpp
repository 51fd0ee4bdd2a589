#include "compiler/cli/ignore_comments.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/cli/code_pattern.h"
#include "compiler/format/locator.h"

namespace vpn::cli {
namespace {

constexpr std::string_view white = " \t\r\n";
constexpr std::string_view marker = "vpnprofile-ignore";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

/// What one comment asks for.
struct Ignore {
  document::Span span;
  std::vector<CodePattern> codes;
  std::uint32_t line = 0;  ///< of which findings are ignored; 0: all of the file
  bool used = false;
};

/// The codes at the start of `text`: words that a comma continues.
std::vector<std::string> leading_words(std::string_view text) {
  std::vector<std::string> words;
  for (bool more = true; more && !text.empty();) {
    const auto end = std::min(text.find_first_of(" \t\r\n,"), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text = text.substr(end);
    const auto next = text.find_first_not_of(white);
    more = next != std::string_view::npos && text[next] == ',';
    if (more) text = trimmed(text.substr(next + 1));
  }
  return words;
}

class Comments {
 public:
  Comments(const document::Document& document, findings::Sink& findings)
      : source_(document.source()), findings_(findings) {
    for (const document::Comment& c : document.comments) read(c.text);
  }

  void apply() {
    if (ignores_.empty()) return;
    findings_.sort();
    auto& all = findings_.all();
    all.erase(std::remove_if(all.begin(), all.end(), [&](const findings::Finding& f) { return ignored(f); }),
              all.end());
    for (const Ignore& i : ignores_)
      if (!i.used)
        findings_.add(findings::Code::unused_ignore, source_, i.span, "this comment ignores nothing").help =
            "remove it, or check the code and the line";
  }

 private:
  void read(document::Span span) {
    std::string_view text = source_.text().substr(span.begin, span.end - span.begin);
    if (text.starts_with("<!--")) text.remove_prefix(4);
    if (text.ends_with("-->")) text.remove_suffix(3);
    text = trimmed(text);
    if (!text.starts_with(marker)) return;
    text.remove_prefix(marker.size());
    const bool whole_file = text.starts_with("-file");
    if (whole_file) text.remove_prefix(5);
    Ignore ignore;
    ignore.span = span;
    ignore.line = whole_file ? 0 : governed_line(span);
    const std::vector<std::string> words =
        text.starts_with(':') ? leading_words(trimmed(text.substr(1))) : std::vector<std::string>{};
    if (words.empty())
      return bad(span, "this comment names no code to ignore", "<!-- vpnprofile-ignore: VP1203 the reason -->");
    auto codes = parse_patterns(words);
    if (!codes) return bad(span, codes.error().what, codes.error().help);
    ignore.codes = std::move(*codes);
    ignores_.push_back(std::move(ignore));
  }

  /// The line of the comment where something else stands on it, else the next.
  std::uint32_t governed_line(document::Span span) const {
    const std::string_view text = source_.text();
    std::size_t begin = span.begin, end = span.end;
    while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) --begin;
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t')) ++end;
    const auto is_end = [](char c) { return c == '\n' || c == '\r'; };
    const bool alone = (begin == 0 || is_end(text[begin - 1])) && (end == text.size() || is_end(text[end]));
    return source_.position(span.end).line + (alone ? 1 : 0);
  }

  void bad(document::Span span, const std::string& message, std::string help) {
    findings::Finding& f = findings_.add(findings::Code::bad_ignore, source_, span, message);
    f.help = std::move(help);
  }

  bool ignored(const findings::Finding& f) {
    if (f.source != &source_) return false;
    const std::uint32_t line = locator_.locate(source_, f.span).begin.line;
    bool result = false;
    for (Ignore& i : ignores_) {
      if ((i.line != 0 && i.line != line) || !any_matches(i.codes, findings::info(f.code))) continue;
      i.used = result = true;
    }
    return result;
  }

  const document::Source& source_;
  findings::Sink& findings_;
  format::Locator locator_;
  std::vector<Ignore> ignores_;
};

}  // namespace

void apply_ignore_comments(const document::Document& document, findings::Sink& findings) {
  Comments(document, findings).apply();
}

}  // namespace vpn::cli
