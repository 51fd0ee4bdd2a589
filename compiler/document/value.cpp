#include "compiler/document/value.h"

#include <vector>

namespace vpn::document {

std::string_view type_name(Type t) {
  switch (t) {
    case Type::null:
      return "null";
    case Type::boolean:
      return "boolean";
    case Type::integer:
      return "integer";
    case Type::real:
      return "real";
    case Type::string:
      return "string";
    case Type::data:
      return "data";
    case Type::date:
      return "date";
    case Type::array:
      return "array";
    case Type::dictionary:
      break;
  }
  return "dictionary";
}

const Member* Value::find(std::string_view key) const {
  if (type != Type::dictionary) return nullptr;
  for (const Member& m : dictionary())
    if (m.key == key) return &m;
  return nullptr;
}

std::string Path::to_string() const {
  std::vector<const Path*> chain;
  for (const Path* p = this; p != nullptr; p = p->parent) chain.push_back(p);
  std::string text;
  for (auto p = chain.rbegin(); p != chain.rend(); ++p) {
    if ((*p)->key.empty()) {
      text += '[' + std::to_string((*p)->index) + ']';
    } else {
      if (!text.empty()) text += '.';
      text += (*p)->key;
    }
  }
  return text;
}

}  // namespace vpn::document
