#include "compiler/model/reader.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "compiler/document/coerce.h"

namespace vpn::model {
namespace {

using document::Type;

}  // namespace

std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text) {
  std::string compact;
  compact.reserve(text.size());
  std::copy_if(text.begin(), text.end(), std::back_inserter(compact),
               [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  std::optional<std::vector<std::uint8_t>> out;
  if (compact.size() % 4 == 0 && compact.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    out.emplace(compact.size() / 4 * 3);
    const int size = EVP_DecodeBlock(out->data(), reinterpret_cast<const unsigned char*>(compact.data()),
                                     static_cast<int>(compact.size()));
    // EVP_DecodeBlock counts the bytes that the padding stands for.
    const auto padding =
        std::min<std::size_t>(2, static_cast<std::size_t>(std::count(compact.begin(), compact.end(), '=')));
    if (size < static_cast<int>(padding)) {
      out.reset();
    } else {
      out->resize(static_cast<std::size_t>(size) - padding);
    }
  }
  OPENSSL_cleanse(compact.data(), compact.size());
  return out;
}

const document::Value* Reader::find(Dict dict, std::string_view key) {
  if (dict.value == nullptr) return nullptr;
  const document::Member* member = dict.value->find(key);
  return member == nullptr || member->value.faulty ? nullptr : &member->value;
}

const document::Path* Reader::child(const document::Path* parent, std::string_view key) {
  return &model_.paths.emplace_back(document::Path{parent, key, 0});
}

const document::Path* Reader::child(const document::Path* parent, std::uint32_t index) {
  return &model_.paths.emplace_back(document::Path{parent, {}, index});
}

Dict Reader::dict(Dict parent, std::string_view key) {
  const document::Value* value = find(parent, key);
  if (value == nullptr || !value->is(Type::dictionary)) return {};
  return {value, child(parent.path, key)};
}

Dict Reader::dict(List parent, std::uint32_t index) {
  const document::Value& value = parent.value->array()[index];
  if (!value.is(Type::dictionary)) return {};
  return {&value, child(parent.path, index)};
}

List Reader::list(Dict parent, std::string_view key) {
  const document::Value* value = find(parent, key);
  if (value == nullptr || !value->is(Type::array)) return {};
  return {value, child(parent.path, key)};
}

std::string_view Reader::keep(std::string text) { return model_.texts.emplace_back(std::move(text)); }

std::string_view Reader::text(Dict dict, std::string_view key, std::string_view fallback) {
  const document::Value* value = find(dict, key);
  if (value == nullptr) return fallback;
  if (value->is(Type::string)) return value->string();
  std::array<char, 32> digits{};
  std::to_chars_result end{digits.data(), std::errc{}};
  if (value->is(Type::integer)) end = std::to_chars(digits.data(), digits.data() + digits.size(), value->integer);
  if (value->is(Type::real)) end = std::to_chars(digits.data(), digits.data() + digits.size(), value->real);
  if (end.ptr == digits.data() || end.ec != std::errc{}) return fallback;
  return keep(std::string(digits.data(), end.ptr));
}

bool Reader::truth(Dict dict, std::string_view key, bool fallback) const {
  const document::Value* value = find(dict, key);
  return value == nullptr ? fallback : document::meant_flag(*value).value_or(fallback);
}

std::uint32_t Reader::number(Dict dict, std::string_view key, std::uint32_t fallback, std::uint32_t max) const {
  const document::Value* value = find(dict, key);
  if (value == nullptr) return fallback;
  const auto meant = document::meant_integer(*value);
  return meant && *meant >= 0 && *meant <= std::int64_t{max} ? static_cast<std::uint32_t>(*meant) : fallback;
}

std::optional<std::vector<std::string_view>> Reader::some_texts(Dict dict, std::string_view key) const {
  const document::Value* value = find(dict, key);
  if (value == nullptr || !value->is(Type::array)) return std::nullopt;
  std::vector<std::string_view> out;
  out.reserve(value->size);
  for (const document::Value& item : value->array()) {
    if (item.is(Type::string)) out.push_back(item.string());
  }
  return out;
}

std::vector<std::string_view> Reader::texts(Dict dict, std::string_view key) const {
  return some_texts(dict, key).value_or(std::vector<std::string_view>{});
}

SecretId Reader::secret(std::span<const std::uint8_t> bytes) {
  model_.secrets.emplace_back(bytes);
  return static_cast<SecretId>(model_.secrets.size() - 1);
}

SecretId Reader::secret(std::string_view text) {
  return secret(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

SecretId Reader::secret(Dict dict, std::string_view key) {
  const document::Value* value = find(dict, key);
  if (value == nullptr || value->size == 0) return none;
  if (value->is(Type::string)) return secret(value->string());
  if (value->is(Type::data)) return secret(value->data());
  return none;
}

SecretId Reader::encoded_secret(Dict dict, std::string_view key) {
  const document::Value* value = find(dict, key);
  if (value == nullptr || !value->is(Type::string)) return secret(dict, key);
  auto bytes = decode_base64(value->string());
  if (!bytes) return secret(dict, key);
  const SecretId id = secret(std::span<const std::uint8_t>(*bytes));
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return id;
}

PlaceId Reader::place(const document::Path* path, document::Span span) {
  model_.places.push_back({&document_, span, path});
  return static_cast<PlaceId>(model_.places.size() - 1);
}

PlaceId Reader::place(Dict dict, std::string_view key) {
  const document::Member* member = dict.value->find(key);
  return place(child(dict.path, key), member == nullptr ? dict.value->span : member->key_span);
}

PlaceId Reader::place(List list, std::uint32_t index) {
  return place(child(list.path, index), list.value->array()[index].span);
}

Flag Reader::flag(Dict dict, std::string_view key, bool fallback, PlaceId owner) {
  const document::Value* value = find(dict, key);
  const auto meant = value == nullptr ? std::nullopt : document::meant_flag(*value);
  if (!meant) return {fallback, false, owner};
  return {*meant, true, place(dict, key)};
}

DomainList Reader::domains(Dict dict, std::string_view key, std::uint8_t kind) {
  DomainList out;
  out.kind = kind;
  const document::Value* value = find(dict, key);
  if (value == nullptr || !value->is(Type::array)) return out;
  out.array = value;
  out.place = place(dict, key);
  return out;
}

}  // namespace vpn::model
