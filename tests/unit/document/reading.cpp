#include "reading.h"

#include <cmath>
#include <cstdio>

namespace vpn::document {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out = "<";
  for (const auto b : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(b));
    out += digits;
  }
  return out + ">";
}

}  // namespace

std::string tree_of(const Value& value) {
  const std::string flaw = std::string(value.faulty ? "!" : "") + (value.placeholder ? "?" : "");
  std::string out;
  switch (value.type) {
    case Type::null:
      return flaw + "null";
    case Type::boolean:
      return flaw + (value.boolean ? "true" : "false");
    case Type::integer:
      return flaw + std::to_string(value.integer);
    case Type::real:
      return flaw + number(value.real) + "r";
    case Type::string:
      return flaw + '"' + std::string(value.string()) + '"';
    case Type::data:
      return flaw + hex(value.data());
    case Type::date:
      return flaw + std::string(value.string());
    case Type::array:
      for (const Value& item : value.array()) out += (out.empty() ? "" : ", ") + tree_of(item);
      return "[" + out + "]";
    case Type::dictionary:
      for (const Member& m : value.dictionary())
        out += (out.empty() ? "" : ", ") + std::string(m.key) + ": " + tree_of(m.value);
      return "{" + out + "}";
  }
  return "?";
}

std::vector<std::string> Reading::findings() const {
  std::vector<std::string> out;
  for (const findings::Finding& f : sink.all()) {
    std::string line(findings::info(f.code).id);
    if (f.span.known()) {
      const Position p = f.source->position(f.span.begin);
      line += " " + std::to_string(p.line) + ":" + std::to_string(p.column) + " '" +
              std::string(f.source->text().substr(f.span.begin, f.span.end - f.span.begin)) + "'";
    }
    line += " " + f.message;
    if (!f.path.empty()) line += " [" + f.path + "]";
    out.push_back(line);
  }
  return out;
}

std::string Reading::tree() const { return document ? tree_of(document->root()) : "none"; }

const Value* Reading::at(std::string_view path) const {
  if (!document) return nullptr;
  const Value* value = &document->root();
  while (!path.empty() && value != nullptr) {
    const std::size_t stop = std::min(path.find('/'), path.size());
    const std::string step(path.substr(0, stop));
    path.remove_prefix(std::min(stop + 1, path.size()));
    if (value->is(Type::array)) {
      value = &value->array()[std::stoul(step)];
    } else {
      const Member* const member = value->find(step);
      value = member == nullptr ? nullptr : &member->value;
    }
  }
  return value;
}

std::string Reading::source_of(std::string_view path) const {
  const Value* const value = at(path);
  if (value == nullptr || !value->span.known()) return "none";
  return std::string(document->source().text().substr(value->span.begin, value->span.end - value->span.begin));
}

Reading read_text(std::string text, const ReadOptions& options) {
  Reading reading;
  reading.document = read(std::make_unique<Source>("test.mobileconfig", std::move(text)), options, reading.sink);
  return reading;
}

std::string plist(std::string_view body) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n" + std::string(body) + "\n</plist>\n";
}

Reading read_plist(std::string_view body, const ReadOptions& options) { return read_text(plist(body), options); }

}  // namespace vpn::document
