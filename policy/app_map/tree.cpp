#include "policy/app_map/tree.h"

#include <yaml-cpp/yaml.h>

#include <set>

namespace vpn::policy {
namespace {

using nlohmann::json;

constexpr unsigned deepest = 8;  // few levels mean something; an anchor may lead back to itself

// What is read, for errors.
struct File {
  const std::string& where;
  const std::string& what;
  const std::string& help;
  tl::unexpected<Error> bad(std::string text) const { return bad_at(where, std::move(text)); }
  tl::unexpected<Error> bad_at(const std::string& place, std::string text) const {
    return fail(ErrorKind::invalid_input, std::move(text), place, help);
  }
};

// Both forms are read from one tree. Aliases would let a small file stand for a huge tree.
Result<json> convert(const YAML::Node& node, const File& file, std::size_t& budget, unsigned depth = 0) {
  if (depth > deepest) return file.bad(file.what + " is nested too deeply");
  if (budget == 0) return file.bad(file.what + " has too many values; do its anchors and aliases repeat large parts?");
  --budget;
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return json(node.Scalar());
    case YAML::NodeType::Sequence: {
      json out = json::array();
      for (const auto& item : node) {
        auto value = convert(item, file, budget, depth + 1);
        if (!value) return value;
        out.push_back(std::move(*value));
      }
      return out;
    }
    case YAML::NodeType::Map: {
      json out = json::object();
      for (const auto& entry : node) {
        if (!entry.first.IsScalar()) return file.bad("a key of " + file.what + " is no text");
        auto value = convert(entry.second, file, budget, depth + 1);
        if (!value) return value;
        if (!out.emplace(entry.first.Scalar(), std::move(*value)).second)
          return file.bad("\"" + entry.first.Scalar() + "\" is there twice");
      }
      return out;
    }
    default:
      return json();
  }
}

Result<json> parse_yaml(const File& file, std::string_view text) {
  try {
    std::size_t budget = text.size() + 1000;  // a file without aliases has fewer values than bytes
    return convert(YAML::Load(std::string(text)), file, budget);
  } catch (const YAML::ParserException& e) {
    return file.bad_at(file.where + ":" + std::to_string(e.mark.line + 1) + ":" + std::to_string(e.mark.column + 1),
                       file.what + " cannot be read: " + e.msg);
  } catch (const std::exception& e) {
    return file.bad(file.what + " cannot be read: " + e.what());
  }
}

/// Finds a key of the outermost object that is there twice: a tree has the last of them only. A callback of the parser
/// would see them, too, but takes the square of the number of keys in time.
class OuterKeys final : public nlohmann::json_sax<json> {
 public:
  const std::string& twice() const { return twice_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ == 1 && !seen_.insert(name).second) twice_ = name;
    return twice_.empty();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool enter() { return ++depth_, true; }
  bool leave() { return --depth_, true; }

  std::set<std::string> seen_;
  std::string twice_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<json> parse_tree(const std::string& where, std::string_view text, const std::string& what,
                        const std::string& help) {
  const File file{where, what, help};
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return parse_yaml(file, text);
  // JSON is YAML, too, but nlohmann's reader is much the faster one.
  json out = json::parse(text, nullptr, false);
  if (out.is_discarded()) return parse_yaml(file, text);
  OuterKeys keys;
  json::sax_parse(text, &keys);
  if (!keys.twice().empty()) return file.bad("\"" + keys.twice() + "\" is there twice");
  return out;
}

}  // namespace vpn::policy
