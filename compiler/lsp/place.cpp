#include "compiler/lsp/place.h"

#include <algorithm>

#include "policy/ascii.h"

namespace vpn::lsp {
namespace {

/// Looked back so far for what has been typed of a word or tag.
constexpr std::size_t longest_token = 256;

/// Of an item without a type: what every payload has, or every declaration.
const schema::Key& common_root(bool is_declaration) {
  for (const schema::Payload& payload : schema::payloads())
    if (payload.is_declaration == is_declaration) return payload.root;
  return schema::top_level().root;
}

bool is_common(std::string_view key, bool is_declaration) {
  return is_declaration ? key == "Type" || key == "Identifier" || key == "ServerToken" || key == "Payload"
                        : key.starts_with("Payload");
}

void enter_item(const Outline& outline, std::uint32_t node, bool is_declaration, Meaning& out) {
  out = {};
  out.item = node;
  const std::uint32_t type = outline.find(node, is_declaration ? "Type" : "PayloadType");
  out.payload = schema::find_payload(outline.string(type));
  if (out.payload != nullptr && out.payload->is_declaration != is_declaration) out.payload = nullptr;
  out.untyped = out.payload == nullptr;
  out.key = out.payload != nullptr ? &out.payload->root : &common_root(is_declaration);
}

void enter_root(const Outline& outline, std::uint32_t node, Meaning& out) {
  const bool declaration = outline.find(node, "Type") != no_node || outline.find(node, "Payload") != no_node;
  if (outline.is_json() || declaration) return enter_item(outline, node, true, out);
  out = {};
  out.payload = &schema::top_level();
  out.key = &out.payload->root;
  out.item = node;
}

void enter_member(const Outline& outline, const Node& node, Meaning& out) {
  const std::string name(outline.text(node.key).substr(0, longest_token));
  const bool hidden = out.untyped && !is_common(name, outline.is_json());
  const bool untyped = out.untyped;
  out.key = out.key == nullptr || hidden ? nullptr : out.key->find(name);
  if (untyped && out.key != nullptr && !out.key->keys.empty()) out.key = nullptr;  // what is in it depends on the type
  out.untyped = false;
  out.path.append(out.path.empty() ? "" : ".").append(name);
}

void enter_element(const Outline& outline, std::uint32_t node, Meaning& out) {
  if (out.payload == &schema::top_level() && out.path == "PayloadContent") return enter_item(outline, node, false, out);
  out.key = out.key == nullptr ? nullptr : out.key->element;
  out.untyped = false;
  out.path += "[]";
}

bool is_word(char c) { return ascii::is_letter(c) || ascii::is_digit(c) || c == '_' || c == '-' || c == '.'; }

/// What is typed of a tag or a word before the place.
Span typed(const Outline& outline, std::size_t offset) {
  const std::string_view text = outline.text();
  const std::size_t limit = offset - std::min(offset, longest_token);
  if (!outline.is_json()) {
    for (std::size_t at = offset; at > limit; --at) {
      const char c = text[at - 1];
      if (c == '<') return {static_cast<std::uint32_t>(at - 1), static_cast<std::uint32_t>(offset)};
      if (c == '>' || c == '\n' || c == '\r') break;
    }
  }
  std::size_t begin = offset;
  while (begin > limit && is_word(text[begin - 1])) --begin;
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(offset)};
}

bool holds(Span span, std::size_t offset) { return span.known() && span.begin <= offset && offset <= span.end; }

bool is_inside(Span whole, std::size_t offset) { return whole.known() && whole.begin < offset && offset < whole.end; }

/// What of a child the place is in; false: behind or before it.
bool in_child(const Node& node, std::uint32_t index, std::size_t offset, Cursor& out) {
  if (holds(node.key, offset)) {
    out.at = Cursor::At::key;
    out.replaced = node.key;
  } else if (node.kind == NodeKind::scalar && holds(node.content, offset)) {
    out.at = Cursor::At::value;
    out.replaced = node.content;
  } else if (is_inside(node.key_whole, offset) || (node.kind == NodeKind::scalar && is_inside(node.whole, offset))) {
    out.at = Cursor::At::nothing;
  } else {
    return false;
  }
  out.node = index;
  return true;
}

}  // namespace

Meaning meaning(const Outline& outline, std::uint32_t node) {
  std::vector<std::uint32_t> way;
  for (std::uint32_t at = node; at != Outline::top && at != no_node; at = outline.node(at).parent) way.push_back(at);
  Meaning out;
  for (auto at = way.rbegin(); at != way.rend(); ++at) {
    const Node& here = outline.node(*at);
    if (at == way.rbegin()) {
      enter_root(outline, *at, out);
    } else if (here.key.known()) {
      enter_member(outline, here, out);
    } else {
      enter_element(outline, *at, out);
    }
  }
  return out;
}

std::string selector(const Outline& outline, const Meaning& meaning) {
  if (meaning.payload == nullptr || meaning.payload->selector.empty() || meaning.item == no_node) return {};
  const std::string written = outline.string(outline.find(meaning.item, meaning.payload->selector));
  const schema::Key* const key = meaning.payload->root.find(meaning.payload->selector);
  if (key == nullptr) return {};
  for (const auto& list : {key->values, key->obsolete_values})
    for (const std::string_view value : list)
      if (ascii::equal_without_case(value, written)) return std::string(value);
  return {};
}

bool is_read(const schema::Payload& payload, std::string_view key, std::string_view selector) {
  const schema::Block* const block = payload.find_block(key);
  return block == nullptr || selector.empty() || block->read_by(selector);
}

Cursor cursor(const Outline& outline, std::size_t offset) {
  Cursor out;
  for (const Span comment : outline.comments()) {
    if (!is_inside(comment, offset)) continue;
    out.at = Cursor::At::comment;
    return out;
  }
  out.container = outline.innermost(offset);
  const Node& container = outline.node(out.container);
  std::uint32_t before = no_node;
  for (std::uint32_t c = container.first; c != no_node; c = outline.node(c).next) {
    const Node& child = outline.node(c);
    if (in_child(child, c, offset, out)) return out;
    const Span begins = child.key_whole.known() ? child.key_whole : child.whole;
    if (begins.begin < offset) before = c;
  }
  out.replaced = typed(outline, offset);
  const bool waits = before != no_node && outline.node(before).kind == NodeKind::missing;
  // Behind a key's tag its value is due; in JSON, behind its colon.
  const auto colon = [&] {
    const std::string_view between = outline.text().substr(outline.node(before).key_whole.end);
    return between.substr(0, offset - outline.node(before).key_whole.end).find(':') != std::string_view::npos;
  };
  if (out.container == Outline::top) {
    out.at = Cursor::At::nothing;
  } else if (container.kind == NodeKind::array) {
    out.at = Cursor::At::element;
  } else if (waits && (!outline.is_json() || colon())) {
    out.at = Cursor::At::element;
    out.node = before;
  } else {
    out.at = Cursor::At::member;
  }
  return out;
}

std::vector<Target> targets(const Outline& outline) {
  std::vector<Target> out;
  const std::uint32_t root = outline.root();
  if (root == no_node) return out;
  const auto add = [&](std::uint32_t item, std::string_view type_key, std::string_view name_key,
                       std::string_view title_key) {
    Target target;
    target.type = outline.string(outline.find(item, type_key));
    target.kind = lint::item_kind(target.type);
    target.name = outline.string(outline.find(item, name_key));
    target.title = outline.string(outline.find(item, title_key));
    target.node = item;
    if (target.kind != lint::ItemKind::other && !target.name.empty()) out.push_back(std::move(target));
  };
  if (outline.is_json()) {
    add(root, "Type", "Identifier", "Identifier");
    return out;
  }
  const std::uint32_t content = outline.find(root, "PayloadContent");
  if (content == no_node) return out;
  for (std::uint32_t item = outline.node(content).first; item != no_node; item = outline.node(item).next) {
    const std::string type = outline.string(outline.find(item, "PayloadType"));
    const bool per_app = lint::item_kind(type) == lint::ItemKind::per_app_vpn;
    add(item, "PayloadType", per_app ? "VPNUUID" : "PayloadUUID", "PayloadDisplayName");
  }
  return out;
}

}  // namespace vpn::lsp
