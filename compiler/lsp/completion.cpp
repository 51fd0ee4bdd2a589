// Completion of keys and values, also where the text is half typed.
#include <algorithm>
#include <set>

#include "compiler/lsp/features.h"
#include "compiler/lsp/json.h"
#include "compiler/lsp/snippets.h"

namespace vpn::lsp {
namespace {

enum ItemKind : int { property = 10, value_kind = 12, enum_member = 20, reference = 18, structure = 22 };

class Completer {
 public:
  Completer(const View& view, Position position, const std::vector<Target>& others)
      : view_(view),
        outline_(view.outline),
        others_(others),
        offset_(view.document.text.offset(position)),
        at_(cursor(outline_, offset_)) {}

  Json run() {
    switch (at_.at) {
      case Cursor::At::key:
        if (of_container().key != nullptr) half_typed_key();
        break;
      case Cursor::At::member:
        if (of_container().key != nullptr) new_key();
        break;
      case Cursor::At::value:
        values(of_value(at_.node), true);
        break;
      case Cursor::At::element:
        element();
        break;
      default:
        break;
    }
    return {{"isIncomplete", false}, {"items", std::move(items_)}};
  }

 private:
  const Meaning& of_container() {
    if (!container_) container_ = meaning(outline_, at_.container);
    return *container_;
  }

  Meaning of_value(std::uint32_t node) { return meaning(outline_, node); }

  bool json() const { return outline_.is_json(); }
  std::string_view text() const { return outline_.text(); }

  /// A range that clients take: on one line, around the place.
  bool take_range(Span span) {
    const Range range = view_.document.text.range(span.begin, span.end);
    if (range.start.line != range.end.line || span.begin > offset_ || span.end < offset_) return false;
    range_ = to_json(range);
    typed_ = text().substr(span.begin, offset_ - span.begin);
    return true;
  }

  std::string documentation(const schema::Subject& subject) const {
    return subject.payload == nullptr ? std::string(subject.key == nullptr ? "" : subject.key->summary)
                                      : schema::subject_markdown(subject);
  }

  Json& add(std::string_view label, ItemKind kind, const Snippet& put, std::string_view filter) {
    Json item{{"label", label},
              {"kind", static_cast<int>(kind)},
              {"filterText", filter},
              {"textEdit", {{"range", range_}, {"newText", put.text()}}}};
    if (view_.client.snippets) item["insertTextFormat"] = 2;
    if (view_.client.adjusts_indentation && put.text().find('\n') != std::string::npos) item["insertTextMode"] = 2;
    items_.push_back(std::move(item));
    return items_.back();
  }

  void describe(Json& item, const std::string& markdown) const {
    if (markdown.empty()) return;
    item["documentation"] = {{"kind", view_.client.markdown_completion ? "markdown" : "plaintext"},
                             {"value", markdown}};
  }

  Snippet snippet() const { return {json(), view_.client.snippets}; }

  /// Keys that the dictionary lacks. `put` writes what stands in the place of what is typed.
  template <class Put>
  void keys(Put&& put) {
    const Meaning& of = of_container();
    std::set<std::string_view> there;
    for (std::uint32_t c = outline_.node(at_.container).first; c != no_node; c = outline_.node(c).next)
      if (c != at_.node && outline_.node(c).key.known()) there.insert(outline_.text(outline_.node(c).key));
    const std::string selected = of.item == at_.container ? selector(outline_, of) : std::string{};
    for (const schema::Key& key : of.key->keys) {
      if (there.count(key.name) != 0 || !offered(of, key, selected)) continue;
      Snippet text = snippet();
      put(text, key);
      const std::string name(key.name);
      const bool tagged = typed_.starts_with('<');
      Json& item = add(name, property, text, tagged ? "<key>" + name : typed_.starts_with('"') ? "\"" + name : name);
      finish_key(item, of, key);
    }
  }

  bool offered(const Meaning& of, const schema::Key& key, std::string_view selected) const {
    if (of.untyped) return json() || key.name.starts_with("Payload");
    return of.item != at_.container || of.payload == nullptr || is_read(*of.payload, key.name, selected);
  }

  void finish_key(Json& item, const Meaning& of, const schema::Key& key) const {
    item["detail"] = schema::type_words(key);
    const schema::Payload* const payload = of.payload;
    bool available = true, deprecated = false;
    const auto platforms = payload == nullptr ? key.platforms : schema::availability(*payload, key);
    const auto& wanted = view_.document.outcome.platforms;
    if (!wanted.empty() && !platforms.empty())
      available = std::any_of(wanted.begin(), wanted.end(),
                              [&](policy::Platform p) { return platforms[static_cast<std::size_t>(p)].available; });
    for (const schema::Availability& a : platforms) deprecated = deprecated || a.has_deprecated;
    const bool required = key.presence == schema::Presence::required;
    item["sortText"] = (!available || deprecated ? "3" : required ? "0" : "1") + std::string(key.name);
    if (deprecated && view_.client.deprecated_tag) item["tags"] = {1};
    const std::string path = of.path + (of.path.empty() ? "" : ".") + std::string(key.name);
    describe(item, documentation({payload, &key, path}));
  }

  /// In JSON a comma is due before the next member.
  bool needs_comma(std::size_t from) const {
    const std::size_t next = text().find_first_not_of(" \t\r\n", from);
    return json() && next != std::string_view::npos && text()[next] == '"';
  }

  void new_key() {
    if (!take_range(at_.replaced)) return;
    keys([&](Snippet& put, const schema::Key& key) {
      put.member(key);
      if (needs_comma(offset_)) put.literal(",");
    });
  }

  /// In a key that is there: its name, and what is missing behind it.
  void half_typed_key() {
    const Node& node = outline_.node(at_.node);
    const bool bare = node.kind == NodeKind::missing && !colon_behind(node);
    const bool whole = bare || !node.key_closed;
    const Span inner = node.key;
    // From the tag or the quote on where the member is put in anew.
    const Span range = whole ? Span{node.key_whole.begin, node.key_closed ? node.key_whole.end : inner.end} : inner;
    if (!take_range(range)) return;
    keys([&](Snippet& put, const schema::Key& key) {
      if (!whole) return put.literal(key.name);
      if (bare) {
        put.member(key);
        if (needs_comma(range.end)) put.literal(",");
      } else {
        put.literal(json() ? "\"" + std::string(key.name) + "\"" : "<key>" + std::string(key.name) + "</key>");
      }
    });
  }

  bool colon_behind(const Node& node) const {
    const std::size_t next = text().find_first_not_of(" \t\r\n", node.key_whole.end);
    return json() && next != std::string_view::npos && text()[next] == ':';
  }

  void element() {
    if (!take_range(at_.replaced)) return;
    Meaning of;
    if (at_.node != no_node) {
      of = of_value(at_.node);
    } else {
      of = of_container();
      if (of.payload == &schema::top_level() && of.path == "PayloadContent") return payloads();
      of.key = of.key == nullptr ? nullptr : of.key->element;
      of.path += "[]";
    }
    values(of, false);
  }

  /// A new payload of the profile, with what it cannot do without.
  void payloads() {
    for (const schema::Payload& payload : schema::payloads()) {
      if (payload.is_declaration) continue;
      Snippet put = snippet();
      put.dictionary(payload.root, &payload);
      Json& item = add(payload.type, structure, put, filter(std::string(payload.type), "<dict>"));
      item["detail"] = payload.title;
      describe(item, documentation({&payload, nullptr, {}}));
    }
  }

  std::string filter(const std::string& word, const std::string& tag) const {
    return typed_.starts_with('<') ? tag + word : typed_.starts_with('"') ? "\"" + word : word;
  }

  /// Values of a key: within a scalar that is there (`inside`), or whole ones.
  void values(const Meaning& of, bool inside) {
    if (of.key == nullptr) return;
    if (inside && !take_range(outline_.node(at_.node).content)) return;
    inside_ = inside;
    const bool names_type = of.path == "PayloadType" || of.path == "Type";
    if (names_type && of.payload != &schema::top_level()) return types();
    const document::Type type = usual_type(*of.key);
    if (of.key->reference != schema::Reference::none) return references(*of.key);
    const std::vector<std::string> words = allowed_words(*of.key);
    for (std::size_t i = 0; i < words.size(); ++i) word_value(words[i], type, i);
    if (inside || !words.empty()) return;
    Snippet put = snippet();
    put.value(*of.key);
    const std::string tag = type == document::Type::array        ? "array"
                            : type == document::Type::dictionary ? "dict"
                                                                 : std::string(element_name(type));
    Json& item = add(json() ? schema::type_words(*of.key) : "<" + tag + ">", structure, put,
                     typed_.empty() || typed_.starts_with('<') ? "<" + tag + ">" : tag);
    describe(item, documentation({of.payload, of.key, of.path}));
  }

  void word_value(const std::string& word, document::Type type, std::size_t rank) {
    Snippet put = snippet();
    const bool boolean = type == document::Type::boolean;
    const std::string_view element = element_name(type);
    const bool token = json() && (boolean || type == document::Type::integer || type == document::Type::real);
    if (inside_ || token) {
      put.literal(word);
    } else if (boolean) {
      put.literal("<" + word + "/>");
    } else {
      put.open(element);
      put.literal(json() ? json_escaped(word) : xml_escaped(word));
      put.close(element);
    }
    Json& item =
        add(word, enum_member, put, inside_ ? word : filter(word, boolean ? "<" : "<" + std::string(element) + ">"));
    item["sortText"] = std::string(1, static_cast<char>('0' + std::min<std::size_t>(rank, 70)));
  }

  void string_value(const std::string& name, std::string_view label, const std::string& detail, ItemKind kind,
                    const std::string& markdown) {
    Snippet put = snippet();
    if (!inside_) put.open("string");
    put.literal(json() ? json_escaped(name) : xml_escaped(name));
    if (!inside_) put.close("string");
    // What is typed is the name, or what it stands for.
    Json& item = add(label, kind, put, inside_ ? name : filter(name, "<string>"));
    item["detail"] = detail;
    describe(item, markdown);
  }

  void types() {
    for (const schema::Payload& payload : schema::payloads())
      if (payload.is_declaration == json())
        string_value(std::string(payload.type), payload.type, std::string(payload.title), enum_member,
                     documentation({&payload, nullptr, {}}));
  }

  void references(const schema::Key& key) {
    std::vector<Target> all = targets(outline_);
    all.insert(all.end(), others_.begin(), others_.end());
    std::set<std::string> seen;
    for (const Target& target : all) {
      if (!lint::serves(target.kind, key.reference) || !seen.insert(target.name).second) continue;
      if (seen.size() > most_targets) return;
      const std::string title = target.title.empty() ? target.name : target.title;
      string_value(target.name, title == target.name ? title : title + " (" + target.name + ")", target.type, reference,
                   {});
    }
  }

  static constexpr std::size_t most_targets = 500;

  const View& view_;
  const Outline& outline_;
  const std::vector<Target>& others_;
  std::size_t offset_;
  Cursor at_;
  std::optional<Meaning> container_;
  Json range_;
  std::string_view typed_;
  bool inside_ = false;
  Json items_ = Json::array();
};

}  // namespace

Json completion(const View& view, Position position, const std::vector<Target>& others) {
  return Completer(view, position, others).run();
}

}  // namespace vpn::lsp
