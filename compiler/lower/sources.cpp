#include "compiler/lower/sources.h"

#include "compiler/document/characters.h"
#include "compiler/document/document.h"

namespace vpn::lower {

Sources::Sources(flatbuffers::FlatBufferBuilder& builder, const model::Model& model)
    : builder_(builder), model_(model), numbers_(model.places.size(), policy::none) {
  sources_.reserve(model.places.size());
}

std::uint32_t Sources::file(const document::Document* document) {
  if (document == last_document_) return last_file_;
  const auto [entry, is_new] = file_numbers_.try_emplace(document, static_cast<std::uint32_t>(files_.size()));
  if (is_new) files_.push_back(builder_.CreateString(document::valid_utf8(document->source().name())));
  last_document_ = document;
  last_file_ = entry->second;
  return last_file_;
}

std::uint32_t Sources::of(model::PlaceId id) {
  if (id == policy::none) return policy::none;
  std::uint32_t& number = numbers_[id];
  if (number != policy::none) return number;
  const model::Place& place = model_.places[id];
  const std::uint32_t file_number = file(place.document);
  document::Position position;
  if (place.span.known()) position = place.document->source().position(place.span.begin);
  const auto path = builder_.CreateString(place.path == nullptr ? std::string{} : place.path->to_string());
  number = static_cast<std::uint32_t>(sources_.size());
  sources_.push_back(fb::CreateSource(builder_, file_number, position.line, position.column, path));
  return number;
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>> Sources::files() {
  return builder_.CreateVector(files_);
}

flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::Source>>> Sources::sources() {
  return builder_.CreateVector(sources_);
}

}  // namespace vpn::lower
