// FlatBuffers' verifier, with a bound on what it visits. Vectors of a hostile buffer may be shared: a megabyte of
// tables that all refer to one vector of a hundred thousand strings takes FlatBuffers' own verifier minutes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "flatbuffers/flatbuffers.h"

namespace vpn::policy {

/// What the generated code of policy_checked.h calls. A well-made buffer shares strings, but no vector and no table:
/// all elements together take no more than the buffer.
class BoundedVerifier {
 public:
  explicit BoundedVerifier(std::span<const std::byte> buffer)
      : begin_(reinterpret_cast<const std::uint8_t*>(buffer.data())),
        inner_(begin_, buffer.size(), options(buffer.size())),
        elements_(buffer.size() / sizeof(flatbuffers::uoffset_t)),
        text_(buffer.size() * most_shared + 4096) {}

  /// The accessors of tables take FlatBuffers' own verifier.
  operator flatbuffers::Verifier&() { return inner_; }              // NOLINT(google-explicit-constructor)
  operator const flatbuffers::Verifier&() const { return inner_; }  // NOLINT(google-explicit-constructor)

  bool EndTable() { return inner_.EndTable(); }

  template <class T>
  bool VerifyTable(const T* table) {
    return table == nullptr || table->Verify(*this);
  }

  template <class T>
  bool VerifyVector(const flatbuffers::Vector<T>* vector) const {
    return inner_.VerifyVector(vector);
  }

  /// What is read of texts later is bounded, too.
  bool VerifyString(const flatbuffers::String* text) {
    return inner_.VerifyString(text) && (text == nullptr || take(text_, text->size()));
  }

  bool VerifyVectorOfStrings(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* texts) {
    if (texts == nullptr) return true;
    if (!take(elements_, texts->size())) return false;
    for (flatbuffers::uoffset_t i = 0; i < texts->size(); ++i)
      if (!VerifyString(texts->Get(i))) return false;
    return true;
  }

  template <class T>
  bool VerifyVectorOfTables(const flatbuffers::Vector<flatbuffers::Offset<T>>* tables) {
    if (tables == nullptr) return true;
    if (!take(elements_, tables->size())) return false;
    for (flatbuffers::uoffset_t i = 0; i < tables->size(); ++i)
      if (!tables->Get(i)->Verify(*this)) return false;
    return true;
  }

  template <class T>
  bool VerifyBuffer(const char*) {
    const flatbuffers::uoffset_t root = inner_.VerifyOffset(std::size_t{0});
    return root != 0 && reinterpret_cast<const T*>(begin_ + root)->Verify(*this);
  }

  /// The generated code names it; policies have no such prefix.
  template <class T>
  bool VerifySizePrefixedBuffer(const char*) {
    return false;
  }

 private:
  static constexpr std::uint64_t most_shared = 64;  ///< times the buffer's size, in bytes of text

  static flatbuffers::Verifier::Options options(std::size_t size) {
    flatbuffers::Verifier::Options options;
    // A table takes at least eight bytes with the offset that leads to it.
    options.max_tables = static_cast<flatbuffers::uoffset_t>(size / 8 + 1);
    options.max_depth = 16;
    return options;
  }

  static bool take(std::uint64_t& budget, std::uint64_t count) {
    if (count > budget) return false;
    budget -= count;
    return true;
  }

  const std::uint8_t* begin_;
  flatbuffers::Verifier inner_;
  std::uint64_t elements_;  ///< offsets in vectors that may still be visited
  std::uint64_t text_;      ///< bytes of text that may still be referred to
};

}  // namespace vpn::policy
