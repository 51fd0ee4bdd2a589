// Reading keys of a document into the model: values as meant, with their places. Internal to compiler/model/.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/document/value.h"
#include "compiler/model/model.h"

namespace vpn::model {

/// A dictionary that is being read, with its key path. `value` is null where the document has none: every key is absent
/// then.
struct Dict {
  const document::Value* value = nullptr;
  const document::Path* path = nullptr;
  explicit operator bool() const { return value != nullptr; }
};

/// An array likewise.
struct List {
  const document::Value* value = nullptr;
  const document::Path* path = nullptr;
  explicit operator bool() const { return value != nullptr; }
  std::uint32_t size() const { return value == nullptr ? 0 : value->size; }
};

class Reader {
 public:
  Reader(Model& model, const document::Document& document) : model_(model), document_(document) {}

  Model& model() { return model_; }
  const document::Document& document() const { return document_; }

  static const document::Value* find(Dict dict, std::string_view key);
  Dict dict(Dict parent, std::string_view key);
  Dict dict(List parent, std::uint32_t index);  ///< null unless the element is a dictionary
  List list(Dict parent, std::string_view key);

  /// Text of a string, or of a number as people write it ("1.2" for a real); `fallback` when absent or of another type.
  std::string_view text(Dict dict, std::string_view key, std::string_view fallback = {});
  bool truth(Dict dict, std::string_view key, bool fallback = false) const;
  std::uint32_t number(Dict dict, std::string_view key, std::uint32_t fallback, std::uint32_t max = 0xffffffffu) const;
  std::vector<std::string_view> texts(Dict dict, std::string_view key) const;  ///< the strings of an array
  std::optional<std::vector<std::string_view>> some_texts(Dict dict,
                                                          std::string_view key) const;  ///< absent when the key is
  std::string_view keep(std::string text);                                              ///< in the model

  /// A password or a key, from a string or from data.
  SecretId secret(Dict dict, std::string_view key);
  /// Likewise, but a string holds Base64 (JSON has no data).
  SecretId encoded_secret(Dict dict, std::string_view key);
  SecretId secret(std::string_view text);
  SecretId secret(std::span<const std::uint8_t> bytes);

  /// A flag that rules look at; where it is absent the place is that of `owner`.
  Flag flag(Dict dict, std::string_view key, bool fallback, PlaceId owner);
  DomainList domains(Dict dict, std::string_view key, std::uint8_t kind);  ///< `array` is null when the key is absent

  PlaceId place(Dict dict, std::string_view key);  ///< of a key that is there
  PlaceId place(List list, std::uint32_t index);   ///< of an element
  PlaceId place(const document::Path* path, document::Span span);

 private:
  const document::Path* child(const document::Path* parent, std::string_view key);
  const document::Path* child(const document::Path* parent, std::uint32_t index);

  Model& model_;
  const document::Document& document_;
};

/// Bytes of a Base64 text, white space aside; nothing where it is none.
std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text);

}  // namespace vpn::model
