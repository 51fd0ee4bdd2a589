// Texts of FlatBuffers, of which an absent one is a null pointer.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <string>
#include <string_view>

namespace vpn::policy {

/// The text; empty when it is absent.
inline std::string_view view(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : text->string_view();
}

inline std::string copy(const flatbuffers::String* text) { return std::string(view(text)); }

}  // namespace vpn::policy
