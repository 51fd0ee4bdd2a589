// The policy's table of sources: files and places, each once. Internal to compiler/lower/.
#pragma once

#include <unordered_map>
#include <vector>

#include "compiler/model/model.h"
#include "policy_generated.h"

namespace vpn::lower {

namespace fb = policy::fb;

class Sources {
 public:
  Sources(flatbuffers::FlatBufferBuilder& builder, const model::Model& model);

  /// Number of the place in the policy's sources; `none` for `none`.
  std::uint32_t of(model::PlaceId place);

  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>> files();
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::Source>>> sources();

 private:
  std::uint32_t file(const document::Document* document);

  flatbuffers::FlatBufferBuilder& builder_;
  const model::Model& model_;
  std::vector<std::uint32_t> numbers_;  ///< by PlaceId
  std::vector<flatbuffers::Offset<fb::Source>> sources_;
  std::vector<flatbuffers::Offset<flatbuffers::String>> files_;
  std::unordered_map<const document::Document*, std::uint32_t> file_numbers_;
  const document::Document* last_document_ = nullptr;
  std::uint32_t last_file_ = 0;
};

}  // namespace vpn::lower
