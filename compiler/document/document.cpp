#include "compiler/document/document.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace vpn::document {

std::string_view to_string(Format f) {
  switch (f) {
    case Format::xml:
      return "XML property list";
    case Format::binary:
      return "binary property list";
    case Format::json:
      break;
  }
  return "JSON declaration";
}

/// Blocks that only grow; what is in them is plain data.
class Document::Arena {
 public:
  ~Arena() {
    if (!wipe_) return;
    for (const Block& b : blocks_) OPENSSL_cleanse(b.bytes.get(), b.size);
  }

  void* allocate(std::size_t bytes, std::size_t alignment) {
    const std::size_t aligned = (used_ + alignment - 1) & ~(alignment - 1);
    if (aligned + bytes <= size_) {
      used_ = aligned + bytes;
      return current_ + aligned;
    }
    if (bytes > next_ / 4) return add(bytes);  // a block of its own: what is left of the current one is still used
    current_ = add(next_);
    size_ = next_;
    used_ = bytes;
    next_ = std::min(next_ * 2, largest_block);
    return current_;
  }

  void wipe_at_end() { wipe_ = true; }

 private:
  static constexpr std::size_t first_block = std::size_t{8} << 10;
  static constexpr std::size_t largest_block = std::size_t{1} << 20;

  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
  };

  std::byte* add(std::size_t bytes) {
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(bytes), bytes});
    return blocks_.back().bytes.get();
  }

  std::vector<Block> blocks_;
  std::byte* current_ = nullptr;
  std::size_t used_ = 0, size_ = 0, next_ = first_block;
  bool wipe_ = false;
};

Document::Document(std::unique_ptr<Source> source) : source_(std::move(source)), arena_(std::make_unique<Arena>()) {}
Document::~Document() = default;

bool Document::is_signed() const {
  return std::any_of(envelopes.begin(), envelopes.end(),
                     [](const Envelope& e) { return e.kind == Envelope::Kind::signature; });
}

void* Document::allocate(std::size_t bytes, std::size_t alignment) { return arena_->allocate(bytes, alignment); }

std::string_view Document::keep(std::string_view text) {
  char* const copy = allocate_array<char>(text.size());
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

void Document::wipe_at_end() { arena_->wipe_at_end(); }

}  // namespace vpn::document
