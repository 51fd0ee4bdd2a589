// Quick fixes: the edits of findings, what may have been meant, all at once, and silence where it is meant.
#include <algorithm>

#include "compiler/lsp/features.h"
#include "compiler/lsp/json.h"
#include "compiler/lsp/snippets.h"
#include "console/similar/similar.h"

namespace vpn::lsp {
namespace {

constexpr std::size_t most_meant = 5;
constexpr std::size_t most_actions = 100;
constexpr std::string_view fix_all_kind = "source.fixAll.vpnprofile";

Json text_edit(const View& view, Span span, std::string_view text) {
  return {{"range", to_json(view.document.text.range(span.begin, span.end))}, {"newText", text}};
}

Json workspace_edit(const View& view, Json edits) {
  const OpenDocument& document = view.document;
  if (view.client.versioned_edits)
    return {
        {"documentChanges",
         {{{"textDocument", {{"uri", document.uri}, {"version", document.version}}}, {"edits", std::move(edits)}}}}};
  return {{"changes", {{document.uri, std::move(edits)}}}};
}

bool touches(Range a, Range b) {
  const auto before = [](Position p, Position q) {
    return p.line != q.line ? p.line < q.line : p.character < q.character;
  };
  return !before(a.end, b.start) && !before(b.end, a.start);
}

class Actions {
 public:
  explicit Actions(const View& view) : view_(view) {}

  void about(const findings::Finding& finding) {
    if (list.size() >= most_actions) return;
    const Json said = diagnostic(view_, finding);
    if (!finding.edits.empty()) {
      Json edits = Json::array();
      for (const findings::Edit& e : finding.edits) edits.push_back(text_edit(view_, e.span, e.replacement));
      add(finding.fix_title.empty() ? "mend it" : finding.fix_title, said, std::move(edits))["isPreferred"] = true;
    } else if (finding.code == findings::Code::missing_key) {
      missing(finding, said);
    } else {
      meant(finding, said);
    }
    ignore(finding, said);
  }

  void mend_all(const std::string& mended, std::string_view kind) {
    const std::string& text = view_.document.text.content();
    const std::size_t least = std::min(text.size(), mended.size());
    std::size_t front = 0, back = 0;
    while (front < least && text[front] == mended[front]) ++front;
    while (front > 0 && front < text.size() && is_inner(text[front])) --front;
    while (back < least - front && text[text.size() - 1 - back] == mended[mended.size() - 1 - back]) ++back;
    while (back > 0 && is_inner(text[text.size() - back])) --back;
    const Span changed{static_cast<std::uint32_t>(front), static_cast<std::uint32_t>(text.size() - back)};
    Json edits =
        Json::array({text_edit(view_, changed, std::string_view(mended).substr(front, mended.size() - back - front))});
    list.push_back(
        {{"title", "mend all in this file"}, {"kind", kind}, {"edit", workspace_edit(view_, std::move(edits))}});
  }

  Json list = Json::array();

 private:
  /// Within a character, or between "\r" and "\n", whose halves no position has.
  static bool is_inner(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u || c == '\n'; }

  Json& add(const std::string& title, const Json& about, Json edits) {
    list.push_back({{"title", title},
                    {"kind", "quickfix"},
                    {"diagnostics", {about}},
                    {"edit", workspace_edit(view_, std::move(edits))}});
    return list.back();
  }

  /// Where no edit is safe: the nearest of the words that may stand there.
  void meant(const findings::Finding& finding, const Json& said) {
    if (!finding.span.known()) return;
    const Cursor at = cursor(view_.outline, middle(finding.span));
    if (at.node == no_node) return;
    const Node& node = view_.outline.node(at.node);
    if (finding.code == findings::Code::unknown_key && node.key.known()) {
      const Meaning around = meaning(view_.outline, at.container);
      if (around.key == nullptr) return;
      std::vector<std::string> names;
      for (const schema::Key& key : around.key->keys)
        if (view_.outline.find(at.container, key.name) == no_node) names.emplace_back(key.name);
      offer(names, view_.outline.key(at.node), cli::tolerance(view_.outline.key(at.node).size()), node.key, said);
    } else if (finding.code == findings::Code::value_not_allowed && node.content.known() &&
               node.kind == NodeKind::scalar) {
      const Meaning of = meaning(view_.outline, at.node);
      if (of.key == nullptr) return;
      offer(allowed_words(*of.key), view_.outline.string(at.node), 128, node.content, said);
    }
  }

  /// The dictionary that a finding about the whole of it underlines the key or the tag of.
  std::uint32_t dictionary_at(Span span) const {
    const Outline& outline = view_.outline;
    const std::uint32_t around = outline.innermost(span.begin);
    for (std::uint32_t c = outline.node(around).first; c != no_node; c = outline.node(c).next) {
      const Node& node = outline.node(c);
      const bool underlined = node.key.known() && node.key.begin <= span.begin && span.begin <= node.key.end;
      if (node.kind == NodeKind::dictionary && (underlined || node.whole.begin == span.begin)) return c;
    }
    return no_node;
  }

  /// Puts a required key behind the last member, with a value of the right type.
  void missing(const findings::Finding& finding, const Json& said) {
    const std::uint32_t dictionary = finding.span.known() ? dictionary_at(finding.span) : no_node;
    const std::uint32_t last = dictionary == no_node ? no_node : view_.outline.node(dictionary).last;
    if (last == no_node || !view_.outline.node(last).key_whole.known() || !view_.outline.node(last).whole.known())
      return;
    const Meaning of = meaning(view_.outline, dictionary);
    if (of.key == nullptr) return;
    for (const schema::Key& key : of.key->keys) {
      const std::string name(key.name);
      if (view_.outline.find(dictionary, name) != no_node || !finding.message.starts_with("'" + name + "'")) continue;
      add("add '" + name + "'", said, Json::array({new_member(view_.outline.node(last), key)}));
    }
  }

  Json new_member(const Node& last, const schema::Key& key) const {
    const std::string& text = view_.document.text.content();
    std::size_t line = last.key_whole.begin;
    while (line > 0 && (text[line - 1] == ' ' || text[line - 1] == '\t')) --line;
    const std::string indent = text.substr(line, last.key_whole.begin - line);
    Snippet put(view_.outline.is_json(), false);
    put.member(key);
    std::string added = view_.outline.is_json() ? "," : "";
    for (const char c : "\n" + put.text()) {
      if (c == '\n') {
        added += "\n" + indent;
      } else if (c == '\t') {
        added += indent.find('\t') == std::string::npos ? "  " : "\t";
      } else {
        added += c;
      }
    }
    return text_edit(view_, {last.whole.end, last.whole.end}, added);
  }

  /// In the value where a finding is about the whole element.
  static std::size_t middle(Span span) { return span.begin + (span.end - span.begin) / 2; }

  void offer(const std::vector<std::string>& words, const std::string& written, std::size_t limit, Span span,
             const Json& said) {
    std::vector<std::pair<std::size_t, const std::string*>> near;
    for (const std::string& word : words)
      if (const std::size_t distance = cli::edit_distance(written, word, limit); distance <= limit)
        near.emplace_back(distance, &word);
    std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    if (near.size() > most_meant) near.resize(most_meant);
    for (const auto& [distance, word] : near) {
      const std::string text = view_.outline.is_json() ? json_escaped(*word) : xml_escaped(*word);
      add("write '" + *word + "'", said, Json::array({text_edit(view_, span, text)}));
    }
  }

  /// A comment before the line; only where a comment may stand.
  void ignore(const findings::Finding& finding, const Json& said) {
    const findings::CodeInfo& info = findings::info(finding.code);
    const bool is_reading_fault = static_cast<unsigned>(finding.code) < 1100;  // cannot be ignored
    if (view_.outline.is_json() || is_reading_fault || !finding.span.known()) return;
    const std::string& text = view_.document.text.content();
    std::size_t line = finding.span.begin;
    while (line > 0 && text[line - 1] != '\n' && text[line - 1] != '\r') --line;
    const Cursor at = cursor(view_.outline, line);
    if (at.at != Cursor::At::member && at.at != Cursor::At::element) return;
    const std::size_t indent = std::min(text.find_first_not_of(" \t", line), text.size()) - line;
    const std::string end = text.find("\r\n") == std::string::npos ? "\n" : "\r\n";
    const Span place{static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(line)};
    add("ignore " + std::string(info.id) + " here", said,
        Json::array(
            {text_edit(view_, place,
                       text.substr(line, indent) + "<!-- vpnprofile-ignore: " + std::string(info.id) + " -->" + end)}));
  }

  const View& view_;
};

}  // namespace

bool wants_kind(const Json& params, std::string_view kind) {
  const Json& only = member(params, {"context", "only"});
  if (!only.is_array()) return kind == "quickfix";
  return std::any_of(only.begin(), only.end(), [&](const Json& wanted) {
    if (!wanted.is_string()) return false;
    const std::string& word = wanted.get_ref<const std::string&>();
    return word.empty() || kind == word || (kind.starts_with(word) && kind[word.size()] == '.');
  });
}

Json code_actions(const View& view, const Json& params, const std::string* mended) {
  Actions actions(view);
  const auto range = range_of(member(params, {"range"}));
  if (!range || !view.client.code_action_literals) return actions.list;
  if (wants_kind(params, "quickfix")) {
    bool can_mend = false;
    for (const findings::Finding* f : own_findings(view.document)) {
      if (!touches(place_of(view, *f), *range)) continue;
      actions.about(*f);
      can_mend = can_mend || !f->edits.empty();
    }
    if (can_mend && mended != nullptr) actions.mend_all(*mended, "quickfix");
  }
  if (wants_kind(params, fix_all_kind) && mended != nullptr && member(params, {"context", "only"}).is_array())
    actions.mend_all(*mended, fix_all_kind);
  return actions.list;
}

}  // namespace vpn::lsp
