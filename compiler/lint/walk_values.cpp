// VP12xx: values by type, range and choice. What is clear although of another type is read as meant (docs/findings.md).
#include <algorithm>
#include <array>
#include <charconv>

#include "compiler/lint/checks.h"
#include "compiler/lint/edits.h"
#include "compiler/lint/formats.h"
#include "compiler/lint/lookup.h"
#include "compiler/lint/walk.h"
#include "console/similar/similar.h"
#include "policy/ascii.h"

namespace vpn::lint {
namespace {

bool accepts(const schema::Key& key, Type type) { return (key.types & schema::mask(type)) != 0; }

std::string subject(std::string_view name, const schema::Key& key) {
  if (!name.empty()) return quoted(name);
  return key.name.empty() ? "the entry" : quoted(key.name);
}

/// What stands there, unless it is secret.
std::string shown(const Value& value, const schema::Key& key) {
  if (key.secret) return type_in_words(value.type);
  switch (value.type) {
    case Type::boolean:
      return value.boolean ? "true" : "false";
    case Type::integer:
      return std::to_string(value.integer);
    case Type::string:
      return quoted(value.string(), 40);
    default:
      return type_in_words(value.type);
  }
}

std::string list_of(std::span<const std::string_view> values, std::span<const std::string_view> left_out) {
  std::string out;
  for (const std::string_view value : values) {
    if (std::find(left_out.begin(), left_out.end(), value) != left_out.end()) continue;
    out += (out.empty() ? "" : ", ") + std::string(value);
  }
  return out;
}

std::string list_of(std::span<const std::int64_t> values) {
  std::string out;
  for (const std::int64_t value : values) out += (out.empty() ? "" : ", ") + std::to_string(value);
  return out;
}

/// Algorithms that are outdated are judged with the other algorithms (VP15xx).
bool is_algorithm(std::string_view key) { return key == "EncryptionAlgorithm" || key == "IntegrityAlgorithm"; }

}  // namespace

std::string type_in_words(Type type) {
  const std::string name(document::type_name(type));
  if (type == Type::data || type == Type::null) return name;
  return (type == Type::integer || type == Type::array ? "an " : "a ") + name;
}

std::string types_in_words(schema::TypeMask types) {
  std::string out;
  for (unsigned t = 0; t <= static_cast<unsigned>(Type::dictionary); ++t) {
    if (((static_cast<unsigned>(types) >> t) & 1u) == 0) continue;
    out += (out.empty() ? "" : " or ") + type_in_words(static_cast<Type>(t));
  }
  return out;
}

void Walker::wrong_type(const Value& value, const schema::Key& key, const Path* parent, std::string_view name) {
  if (read_as_meant(value, key, parent, name)) return;
  std::string message =
      subject(name, key) + " must be " + types_in_words(key.types) + ", not " + type_in_words(value.type);
  Finding& f = context_.report(Code::wrong_type, value.span, std::move(message), parent, name);
  if (accepts(key, Type::string) && value.is(Type::integer) && !key.secret)
    fix_value(context_, f, value, Type::string, std::to_string(value.integer));
}

bool Walker::read_as_meant(const Value& value, const schema::Key& key, const Path* parent, std::string_view name) {
  if (value.is(Type::string) && accepts(key, Type::data) && key.secret) {
    Finding& f = context_.report(Code::text_instead_of_data, value.span,
                                 subject(name, key) + " must be data, not a string; its bytes are taken as they stand",
                                 parent, name);
    f.help = "put the secret into a data element, in Base64";
    return true;
  }
  const bool wants_flag = key.flag || accepts(key, Type::boolean);
  if (!wants_flag && !accepts(key, Type::integer)) return false;
  const auto truth = document::meant_flag(value);
  const auto meant = document::meant_integer(value);
  if (wants_flag ? !truth.has_value() : !meant.has_value()) return false;
  // Something that is neither 0 nor 1 is no way to write a flag.
  if (wants_flag && meant.has_value() && *meant != 0 && *meant != 1) return false;
  if (!wants_flag) {
    const bool in_range = (!key.has_min || *meant >= key.min) && (!key.has_max || *meant <= key.max);
    const bool listed =
        key.integers.empty() || std::find(key.integers.begin(), key.integers.end(), *meant) != key.integers.end();
    if (!in_range || !listed) {
      number(value, *meant, key, parent, name);
      return true;
    }
  }
  const bool writes_integer = accepts(key, Type::integer);
  const std::string as =
      writes_integer ? std::to_string(wants_flag ? (*truth ? 1 : 0) : *meant) : (*truth ? "true" : "false");
  Finding& f = context_.report(
      Code::read_as_meant, value.span,
      subject(name, key) + " should be " + types_in_words(key.types) + "; " + shown(value, key) + " is read as " + as,
      parent, name);
  const bool is_version = name == "PayloadVersion";
  if (!wants_flag && (!is_version || parent == nullptr) && !value.is(Type::real)) f.severity = Severity::warning;
  fix_value(context_, f, value, writes_integer ? Type::integer : Type::boolean, as);
  return true;
}

void Walker::number(const Value& value, std::int64_t number, const schema::Key& key, const Path* parent,
                    std::string_view name) {
  if (key.flag && number != 0 && number != 1) {
    Finding& f = context_.report(Code::value_not_allowed, value.span,
                                 subject(name, key) + " must be 0 or 1, not " + std::to_string(number), parent, name);
    f.severity = Severity::warning;
    f.help = "it is read as 1";
    return;
  }
  if (!key.integers.empty() && std::find(key.integers.begin(), key.integers.end(), number) == key.integers.end()) {
    context_
        .report(Code::value_not_allowed, value.span, subject(name, key) + " cannot be " + std::to_string(number),
                parent, name)
        .help = "it can be " + list_of(key.integers);
    return;
  }
  const bool below = key.has_min && number < key.min;
  const bool above = key.has_max && number > key.max;
  if (!below && !above) return;
  std::string message = subject(name, key) + " must be at " + (below ? "least " : "most ") +
                        std::to_string(below ? key.min : key.max) + ", not " + std::to_string(number);
  context_.report(Code::out_of_range, value.span, std::move(message), parent, name);
}

void Walker::text(const Value& value, const schema::Key& key, const Path* parent, std::string_view name) {
  if (!key.values.empty()) return choice(value, key, parent, name);
  if (key.format != schema::Format::none && key.reference == schema::Reference::none)
    check_format(context_, value, key, parent, name);
}

void Walker::choice(const Value& value, const schema::Key& key, const Path* parent, std::string_view name) {
  const std::string_view written = value.string();
  const auto is_one_of = [written](std::span<const std::string_view> list) {
    return std::find(list.begin(), list.end(), written) != list.end();
  };
  if (is_one_of(key.obsolete_values)) {
    if (is_algorithm(key.name)) return;
    Finding& f = context_.report(Code::obsolete_value, value.span,
                                 subject(name, key) + " " + quoted(written) + " is obsolete", parent, name);
    if (!key.instead.empty()) f.help = "use " + quoted(key.instead) + " instead";
    return;
  }
  if (is_one_of(key.values)) return;
  const std::string_view near = cli::nearest(written, key.values);
  std::string message = subject(name, key) + " cannot be " + shown(value, key);
  if (!near.empty()) message += "; did you mean " + quoted(near) + "?";
  Finding& f = context_.report(Code::value_not_allowed, value.span, std::move(message), parent, name);
  f.help = "it can be " + list_of(key.values, key.obsolete_values);
  if (key.name == "AuthenticationMethod" && written == "Password")
    f.help += "; for a user name and password set it to None and ExtendedAuthEnabled to 1";
  if (ascii::equal_without_case(near, written))
    fix_content(context_, f, value, near, "write it as '" + std::string(near) + "'");
}

}  // namespace vpn::lint
