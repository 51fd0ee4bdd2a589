#include "compiler/schema/generate/yaml.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace vpn::schema::generate {

void Diagnostics::error(const Where& where, const std::string& message) {
  std::string text = where.file;
  if (where.line > 0) text += ':' + std::to_string(where.line) + ':' + std::to_string(where.column);
  text += ": error: " + message;
  // A fragment is checked wherever it is used.
  if (std::find(messages_.begin(), messages_.end(), text) == messages_.end()) messages_.push_back(std::move(text));
}

namespace {

Where place_of(const YAML::Node& node, const std::string& file) {
  const YAML::Mark mark = node.Mark();
  return {file, mark.line + 1, mark.column + 1};
}

}  // namespace

bool to_integer(const std::string& text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

std::vector<YAML::Node> load_file(const std::string& path, Diagnostics& diagnostics) {
  try {
    return YAML::LoadAllFromFile(path);
  } catch (const YAML::BadFile&) {
    diagnostics.error({path}, "cannot be read");
  } catch (const YAML::Exception& fault) {
    diagnostics.error({path, fault.mark.line + 1, fault.mark.column + 1}, fault.msg);
  }
  return {};
}

void each_member(const YAML::Node& map, const std::string& file, Diagnostics& diagnostics,
                 const std::function<void(const std::string&, const YAML::Node&, const YAML::Node&)>& each) {
  if (!map.IsMap()) {
    diagnostics.error(place_of(map, file), "a mapping is expected");
    return;
  }
  std::set<std::string> seen;
  for (const auto& member : map) {
    if (!member.first.IsScalar()) {
      diagnostics.error(place_of(member.first, file), "a name is expected");
      continue;
    }
    const std::string name = member.first.Scalar();
    if (!seen.insert(name).second) {
      diagnostics.error(place_of(member.first, file), "'" + name + "' stands here twice");
      continue;
    }
    each(name, member.first, member.second);
  }
}

Attributes::Attributes(const YAML::Node& node, std::string file, Diagnostics& diagnostics)
    : node_(node), file_(std::move(file)), diagnostics_(diagnostics) {
  each_member(node_, file_, diagnostics_,
              [this](const std::string& name, const YAML::Node&, const YAML::Node&) { names_.push_back(name); });
}

Where Attributes::place(const YAML::Node& node) const { return place_of(node, file_); }

Where Attributes::where(std::string_view name) const {
  if (node_.IsMap()) {
    for (const auto& member : node_) {
      if (member.first.Scalar() == name) return place(member.first);
    }
  }
  return where();
}

YAML::Node Attributes::take(std::string_view name) {
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) return YAML::Node(YAML::NodeType::Undefined);
  taken_.emplace_back(name);
  for (const auto& member : node_) {
    if (member.first.Scalar() == name) return member.second;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

std::string Attributes::text(std::string_view name) {
  const YAML::Node node = take(name);
  if (!node.IsDefined()) return {};
  if (!node.IsScalar() || node.Scalar().empty()) {
    diagnostics_.error(where(name), "'" + std::string(name) + "' must be text");
    return {};
  }
  return node.Scalar();
}

std::string Attributes::required_text(std::string_view name) {
  std::string value = text(name);
  if (value.empty() && where(name).line == where().line && where(name).column == where().column)
    diagnostics_.error(where(), "'" + std::string(name) + "' is missing");
  return value;
}

bool Attributes::boolean(std::string_view name, bool otherwise) {
  const std::string value = text(name);
  if (value.empty()) return otherwise;
  if (value != "true" && value != "false")
    diagnostics_.error(where(name), "'" + std::string(name) + "' must be true or false");
  else if ((value == "true") == otherwise)
    diagnostics_.error(where(name), "'" + std::string(name) + ": " + value + "' is what holds anyway");
  return value == "true";
}

std::optional<std::int64_t> Attributes::integer(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  std::int64_t number = 0;
  if (to_integer(value, number)) return number;
  diagnostics_.error(where(name), "'" + std::string(name) + "' must be an integer");
  return std::nullopt;
}

std::vector<std::string> Attributes::texts(std::string_view name) {
  const YAML::Node node = take(name);
  std::vector<std::string> list;
  if (!node.IsDefined()) return list;
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence() || node.size() == 0) {
    diagnostics_.error(where(name), "'" + std::string(name) + "' must be a list that is not empty");
    return list;
  }
  for (const YAML::Node& item : node) {
    if (!item.IsScalar()) {
      diagnostics_.error(place(item), "text is expected");
    } else if (std::find(list.begin(), list.end(), item.Scalar()) != list.end()) {
      diagnostics_.error(place(item), "'" + item.Scalar() + "' stands here twice");
    } else {
      list.push_back(item.Scalar());
    }
  }
  return list;
}

int Attributes::word(std::string_view name, const std::vector<std::string_view>& words) {
  const std::string value = text(name);
  if (value.empty()) return -1;
  const auto found = std::find(words.begin(), words.end(), value);
  if (found != words.end()) return static_cast<int>(found - words.begin());
  std::string known;
  for (const std::string_view w : words) known += (known.empty() ? "" : ", ") + std::string(w);
  diagnostics_.error(where(name), "'" + value + "' is no " + std::string(name) + "; known: " + known);
  return -1;
}

void Attributes::finish() {
  for (const std::string& name : names_) {
    if (std::find(taken_.begin(), taken_.end(), name) == taken_.end())
      diagnostics_.error(where(name), "unknown attribute '" + name + "'");
  }
}

}  // namespace vpn::schema::generate
