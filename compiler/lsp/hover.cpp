// What a key, a value or a finding's code means.
#include <algorithm>

#include "compiler/lsp/features.h"
#include "compiler/lsp/json.h"
#include "policy/ascii.h"

namespace vpn::lsp {
namespace {

constexpr std::string_view rule = "\n---\n";

struct Said {
  std::string markdown;
  Span about;
};

void add_part(std::string& out, const std::string& part) {
  if (part.empty()) return;
  if (!out.empty()) out += rule;
  out += part;
}

std::string code_markdown(const findings::CodeInfo& info) {
  return "**" + std::string(info.id) + " " + std::string(info.name) + "** " + std::string(info.title) + "\n\n" +
         std::string(info.reason) + "\n";
}

/// The word of a comment that names a code.
Said in_comment(std::string_view text, std::size_t offset) {
  const auto is_part = [](char c) { return ascii::is_letter(c) || ascii::is_digit(c) || c == '-'; };
  std::size_t begin = offset, end = offset;
  while (begin > 0 && is_part(text[begin - 1])) --begin;
  while (end < text.size() && is_part(text[end])) ++end;
  if (end - begin > 64) return {};
  const findings::CodeInfo* const info = findings::find_code(text.substr(begin, end - begin));
  if (info == nullptr) return {};
  return {code_markdown(*info), {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)}};
}

/// What the value itself says, apart from its key.
std::string value_markdown(const Outline& outline, const Meaning& of, std::uint32_t node) {
  const std::string value = outline.string(node);
  if (value.empty()) return {};
  if (of.path == "PayloadType" || of.path == "Type") {
    const schema::Payload* const payload = schema::find_payload(value);
    return payload == nullptr ? std::string{} : schema::subject_markdown({payload, nullptr, {}});
  }
  if (of.key == nullptr) return {};
  if (of.key->reference != schema::Reference::none) {
    for (const Target& target : targets(outline))
      if (ascii::equal_without_case(target.name, value))
        return "refers to **" + (target.title.empty() ? target.name : target.title) + "** `" + target.type + "`\n";
  }
  const auto has = [&](const auto& list) { return std::find(list.begin(), list.end(), value) != list.end(); };
  if (has(of.key->obsolete_values)) return "`" + value + "` is understood, but no longer supported\n";
  return has(of.key->values) ? "`" + value + "` is one of its values\n" : std::string{};
}

/// The member or element that the place is in, tags included.
std::uint32_t node_at(const Outline& outline, std::size_t offset, const Cursor& at) {
  if (at.node != no_node && at.at != Cursor::At::element) return at.node;
  const auto holds = [&](Span span) { return span.known() && span.begin <= offset && offset < span.end; };
  for (std::uint32_t c = outline.node(at.container).first; c != no_node; c = outline.node(c).next)
    if (holds(outline.node(c).key_whole) || holds(outline.node(c).whole)) return c;
  return no_node;
}

Said about_node(const Outline& outline, std::size_t offset, std::uint32_t index) {
  const Node& node = outline.node(index);
  const Meaning of = meaning(outline, index);
  const bool on_key = node.key_whole.known() && offset <= node.key_whole.end;
  Said said;
  said.about = on_key ? node.key : node.content.known() && node.kind == NodeKind::scalar ? node.content : node.whole;
  if (!on_key) said.markdown = value_markdown(outline, of, index);
  if (of.key != nullptr && of.item != index && of.payload != nullptr) {
    add_part(said.markdown, schema::subject_markdown({of.payload, of.key, of.path}));
  } else if (of.item == index && of.payload != nullptr && !of.untyped && node.kind != NodeKind::dictionary) {
    add_part(said.markdown, schema::subject_markdown({of.payload, nullptr, {}}));
  }
  return said;
}

}  // namespace

Json hover(const View& view, Position position) {
  const std::size_t offset = view.document.text.offset(position);
  const Cursor at = cursor(view.outline, offset);
  Said said;
  if (at.at == Cursor::At::comment) {
    said = in_comment(view.outline.text(), offset);
  } else if (const std::uint32_t node = node_at(view.outline, offset, at); node != no_node) {
    said = about_node(view.outline, offset, node);
  }
  if (view.document.judged) {
    for (const findings::Finding* f : own_findings(view.document)) {
      if (!f->span.known() || offset < f->span.begin || offset > f->span.end) continue;
      if (place_of(view, *f) == Range{}) continue;
      add_part(said.markdown, code_markdown(findings::info(f->code)));
      if (!said.about.known()) said.about = f->span;
    }
  }
  if (said.markdown.empty()) return nullptr;
  Json out = {
      {"contents", {{"kind", view.client.markdown_hover ? "markdown" : "plaintext"}, {"value", said.markdown}}}};
  if (said.about.known()) out["range"] = to_json(view.document.text.range(said.about.begin, said.about.end));
  return out;
}

}  // namespace vpn::lsp
