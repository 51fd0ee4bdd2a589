// What the scans of both formats share: putting values under their keys. Internal to compiler/lsp.
#pragma once

#include "compiler/lsp/outline.h"

namespace vpn::lsp {

/// Builds the tree; `open` is the stack of containers that are not closed yet.
class OutlineBuilder {
 public:
  OutlineBuilder(std::vector<Node>& nodes, std::size_t end) : nodes_(nodes), end_(end) {
    Node top;
    top.kind = NodeKind::array;
    top.whole = top.content = span(0, end);
    nodes_.push_back(top);
    open_.push_back(0);
  }

  static Span span(std::size_t begin, std::size_t end) {
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }

  Node& at() { return nodes_[open_.back()]; }
  bool in_dictionary() { return at().kind == NodeKind::dictionary; }
  bool full() const { return nodes_.size() >= Outline::most_nodes; }
  /// The last key has no value yet.
  bool wants_value() { return at().last != no_node && nodes_[at().last].kind == NodeKind::missing; }

  void key(Span name, Span whole, bool closed) {
    Node& node = add();
    node.key = name;
    node.key_whole = whole;
    node.key_closed = closed;
  }

  Node& value(NodeKind kind, std::string_view element, Span whole, Span content) {
    Node& node = in_dictionary() && wants_value() ? nodes_[at().last] : add();
    node.kind = kind;
    node.element = element;
    node.whole = whole;
    node.content = content;
    return node;
  }

  /// A container that begins here; too deep a one is passed over, and its members with it count as its parent's.
  void enter(NodeKind kind, std::string_view element, std::size_t begin, std::size_t content) {
    value(kind, element, span(begin, end_), span(content, end_));
    if (open_.size() < Outline::deepest) open_.push_back(at().last);
  }

  /// Closes the innermost open container of this kind, and with it what was left open inside.
  void leave(NodeKind kind, std::size_t begin, std::size_t end) {
    std::size_t depth = open_.size();
    while (depth > 1 && nodes_[open_[depth - 1]].kind != kind) --depth;
    if (depth <= 1) return;
    while (open_.size() > depth) close(begin, begin);
    close(begin, end);
  }

 private:
  Node& add() {
    const auto index = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    nodes_.back().parent = open_.back();
    if (at().last == no_node) {
      at().first = index;
    } else {
      nodes_[at().last].next = index;
    }
    at().last = index;
    return nodes_.back();
  }

  void close(std::size_t content_end, std::size_t end) {
    at().content.end = static_cast<std::uint32_t>(content_end);
    at().whole.end = static_cast<std::uint32_t>(end);
    open_.pop_back();
  }

  std::vector<Node>& nodes_;
  std::vector<std::uint32_t> open_;
  std::size_t end_;
};

}  // namespace vpn::lsp
