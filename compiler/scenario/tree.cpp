#include "compiler/scenario/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"

namespace vpn::scenario {
namespace {

constexpr std::size_t largest_file = std::size_t{64} << 20;
constexpr unsigned deepest = 32;

// --- Checks that both formats share ---

/// Sees to depth, size and distinct keys while a tree is built.
class Builder {
 public:
  Builder(const std::string& file, std::size_t budget) : file_(file), budget_(budget) {}

  bool enter(Node& node, document::Position position, unsigned depth) {
    node.position = position;
    if (depth > deepest) return fault(position, "this is nested too deeply");
    if (budget_ == 0) return fault(position, "there are too many values; do aliases repeat large parts?");
    --budget_;
    return true;
  }
  bool fault(document::Position position, std::string what) {
    if (!error_) error_ = Error{ErrorKind::invalid_input, std::move(what), place(file_, position), {}};
    return false;
  }
  bool distinct(const Node& node) {
    std::vector<const Member*> sorted;
    for (const Member& m : node.members) sorted.push_back(&m);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i - 1]->key == sorted[i]->key)
        return fault(sorted[i]->position, "'" + sorted[i]->key + "' is there twice");
    return true;
  }
  Error take_error() { return std::move(*error_); }

 private:
  const std::string& file_;
  std::size_t budget_;
  std::optional<Error> error_;
};

// --- YAML ---

document::Position position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

/// The core schema of YAML 1.2 for plain scalars; what is quoted is text.
void set_scalar(const YAML::Node& from, Node& to) {
  const std::string& text = from.Scalar();
  to.kind = Node::Kind::text;
  to.text = text;
  if (from.Tag() == "!") return;
  if (text == "null" || text == "Null" || text == "NULL" || text == "~" || text.empty()) to.kind = Node::Kind::null;
  const bool yes = text == "true" || text == "True" || text == "TRUE";
  if (yes || text == "false" || text == "False" || text == "FALSE") {
    to.kind = Node::Kind::boolean;
    to.boolean = yes;
  }
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  if (begin == end) return;
  std::int64_t integer = 0;
  double real = 0;
  if (const auto r = std::from_chars(begin, end, integer); r.ec == std::errc{} && r.ptr == end) {
    to.kind = Node::Kind::integer;
    to.integer = integer;
  } else if (const auto f = std::from_chars(begin, end, real);
             f.ec == std::errc{} && f.ptr == end && text.find_first_not_of("+-.0123456789eE") == std::string::npos) {
    to.kind = Node::Kind::real;
    to.real = real;
  }
}

bool convert(const YAML::Node& from, Node& to, Builder& builder, unsigned depth) {
  if (!builder.enter(to, position(from.Mark()), depth)) return false;
  switch (from.Type()) {
    case YAML::NodeType::Scalar:
      set_scalar(from, to);
      return true;
    case YAML::NodeType::Sequence:
      to.kind = Node::Kind::list;
      for (const YAML::Node& item : from)
        if (!convert(item, to.items.emplace_back(), builder, depth + 1)) return false;
      return true;
    case YAML::NodeType::Map:
      to.kind = Node::Kind::map;
      for (const auto& entry : from) {
        if (!entry.first.IsScalar()) return builder.fault(position(entry.first.Mark()), "a key must be text");
        Member& m = to.members.emplace_back();
        m.key = entry.first.Scalar();
        m.position = position(entry.first.Mark());
        if (!convert(entry.second, m.value, builder, depth + 1)) return false;
      }
      return builder.distinct(to);
    default:
      return true;
  }
}

/// Sees where a document's value begins. LoadAll() would do, but for files such as "," of which it makes one empty
/// document after the other, without end.
class DocumentStart : public YAML::EventHandler {
 public:
  YAML::Mark mark = YAML::Mark::null_mark();

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& at, YAML::anchor_t) override { begin(at); }
  void OnAlias(const YAML::Mark& at, YAML::anchor_t) override { begin(at); }
  void OnScalar(const YAML::Mark& at, const std::string&, YAML::anchor_t, const std::string&) override { begin(at); }
  void OnSequenceStart(const YAML::Mark& at, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    begin(at);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& at, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    begin(at);
  }
  void OnMapEnd() override {}

 private:
  void begin(const YAML::Mark& at) {
    if (mark.is_null()) mark = at;
  }
};

Result<Node> read_yaml(const document::Source& source) {
  Builder builder(source.name(), source.text().size() + 1000);  // without aliases: fewer values than bytes
  Node root;
  try {
    const std::string text(source.text());
    std::istringstream input(text);
    YAML::Parser parser(input);
    DocumentStart first, second;
    if (!parser.HandleNextDocument(first)) return root;
    if (parser.HandleNextDocument(second))
      return fail(ErrorKind::invalid_input, "there must be one YAML document in the file, here are several",
                  place(source.name(), position(second.mark)));
    if (convert(YAML::Load(text), root, builder, 0)) return root;
  } catch (const YAML::Exception& e) {
    return fail(ErrorKind::invalid_input, "this is no YAML: " + e.msg, place(source.name(), position(e.mark)));
  }
  return tl::unexpected(builder.take_error());
}

// --- JSON ---

bool convert(const document::Value& from, const document::Source& source, Node& to, Builder& builder, unsigned depth) {
  using document::Type;
  if (!builder.enter(to, from.span.known() ? source.position(from.span.begin) : document::Position{}, depth))
    return false;
  switch (from.type) {
    case Type::boolean:
      to.kind = Node::Kind::boolean;
      to.boolean = from.boolean;
      return true;
    case Type::integer:
      to.kind = Node::Kind::integer;
      to.integer = from.integer;
      return true;
    case Type::real:
      to.kind = Node::Kind::real;
      to.real = from.real;
      return true;
    case Type::string:
      to.kind = Node::Kind::text;
      to.text = from.string();
      return true;
    case Type::array:
      to.kind = Node::Kind::list;
      for (const document::Value& item : from.array())
        if (!convert(item, source, to.items.emplace_back(), builder, depth + 1)) return false;
      return true;
    case Type::dictionary:
      to.kind = Node::Kind::map;
      for (const document::Member& member : from.dictionary()) {
        Member& m = to.members.emplace_back();
        m.key = member.key;
        if (member.key_span.known()) m.position = source.position(member.key_span.begin);
        if (!convert(member.value, source, m.value, builder, depth + 1)) return false;
      }
      return builder.distinct(to);
    default:
      return true;
  }
}

Result<Node> read_json(std::unique_ptr<document::Source> source) {
  findings::Sink sink;
  const std::string name = source->name();
  const auto document = document::read(std::move(source), {}, sink);
  for (const findings::Finding& f : sink.all()) {
    if (f.severity != findings::Severity::error) continue;
    const document::Position at = f.span.known() ? f.source->position(f.span.begin) : document::Position{};
    return fail(ErrorKind::invalid_input, f.message, place(name, at), f.help);
  }
  if (document == nullptr || document->format != document::Format::json)
    return fail(ErrorKind::invalid_input, "this is no JSON", name);
  Builder builder(name, document->source().text().size() + 1000);
  Node root;
  if (convert(document->root(), document->source(), root, builder, 0)) return root;
  return tl::unexpected(builder.take_error());
}

nlohmann::ordered_json json(const Node& node) {
  using Json = nlohmann::ordered_json;
  switch (node.kind) {
    case Node::Kind::null:
      return {};
    case Node::Kind::boolean:
      return node.boolean;
    case Node::Kind::integer:
      return node.integer;
    case Node::Kind::real:
      return node.real;
    case Node::Kind::text:
      return node.text;
    case Node::Kind::list: {
      Json out = Json::array();
      for (const Node& item : node.items) out.push_back(json(item));
      return out;
    }
    case Node::Kind::map:
      break;
  }
  Json out = Json::object();
  for (const Member& m : node.members) out[m.key] = json(m.value);
  return out;
}

}  // namespace

const Member* Node::find(std::string_view key) const {
  const auto it = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return it == members.end() ? nullptr : &*it;
}

Result<Node> read_tree(const std::string& path) {
  auto source = document::Source::read(path, largest_file);
  if (!source) return tl::unexpected(std::move(source.error()));
  return path.ends_with(".json") ? read_json(std::move(*source)) : read_yaml(**source);
}

std::string to_json(const Node& node) {
  return json(node).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string place(const std::string& file, document::Position position) {
  if (position.line == 0) return file;
  return file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

}  // namespace vpn::scenario
