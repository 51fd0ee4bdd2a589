// Reading profiles and declarations: format detection, envelopes, the value tree.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "compiler/document/source.h"
#include "compiler/document/value.h"

namespace vpn::findings {
class Sink;
}

namespace vpn::document {

enum class Format : std::uint8_t { xml, binary, json };
std::string_view to_string(Format f);  ///< "XML property list" …

/// Limits of the readers; beyond one, the file is refused with a finding that names it.
struct Limits {
  std::size_t file_bytes = std::size_t{160} << 20;
  std::uint32_t depth = 64;
  /// Keys count too: a million dictionaries of two keys, and the worst file stays below 1 GB of memory. Half as many in
  /// a binary list, for libplist's tree takes more than twice as much for each.
  std::uint32_t values = 5'200'000;
  std::size_t string_bytes = std::size_t{16} << 20;
};

/// A CMS signature or encryption around the profile.
struct Envelope {
  enum class Kind : std::uint8_t { signature, encryption };
  Kind kind = Kind::signature;
  std::string signer;  ///< subject of the signing certificate, RFC 2253
  std::string issuer;
  std::int64_t not_before = 0;  ///< seconds since 1970-01-01, UTC
  std::int64_t not_after = 0;
  bool verified = false;  ///< chain ends in a certificate of ReadOptions::trust
};

struct ReadOptions {
  Limits limits;
  std::vector<std::string> trust;  ///< paths of PEM or DER certificates; empty: signatures are checked, chains are not
  std::optional<std::string>
      decrypt_key;             ///< path of a PEM or DER private key (or PKCS#12) that opens EncryptedPayloadContent
  std::int64_t now = 0;        ///< seconds since 1970-01-01 UTC, for the validity of signers; 0: the clock
  bool template_mode = false;  ///< read around placeholders ({{ }}, {% %}, $VAR, %VAR%, @@VAR@@)
};

/// Whether the certificates and the key that the options name can be read: to be asked once, before a file that needs
/// them. Errors: unreadable; invalid_input where a file holds none.
Result<void> check_key_material(const ReadOptions& options);

/// A comment of an XML property list, with its markers; where "vpnprofile-ignore: VP1203" may stand.
struct Comment {
  Span text;
};

/// A file that was read. The tree and all views into it live as long as the document.
class Document {
 public:
  explicit Document(std::unique_ptr<Source> source);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  Source& source() { return *source_; }
  const Source& source() const { return *source_; }
  const Value& root() const { return root_; }
  Format format = Format::xml;
  bool is_template = false;         ///< placeholders were seen
  std::vector<Envelope> envelopes;  ///< outermost first
  std::vector<Comment> comments;    ///< in order; none but in XML
  bool is_signed() const;

  // For readers:
  std::unique_ptr<Source> release_source() { return std::move(source_); }
  void set_root(const Value& v) { root_ = v; }
  /// From the document's arena; uninitialised. Alignment up to that of std::max_align_t.
  void* allocate(std::size_t bytes, std::size_t alignment);
  template <class T>
  T* allocate_array(std::size_t count);
  std::string_view keep(std::string_view text);  ///< a copy in the arena
  /// From now on the arena holds decrypted secrets: it is overwritten before it is freed.
  void wipe_at_end();

 private:
  std::unique_ptr<Source> source_;
  Value root_;
  class Arena;
  std::unique_ptr<Arena> arena_;
};

template <class T>
T* Document::allocate_array(std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  T* const first = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  std::uninitialized_default_construct_n(first, count);
  return first;
}

/// Detects the format from the content, opens envelopes, reads. Every fault becomes a finding; the result is null when
/// nothing usable is left (the finding says why; `findings` then owns the source). Throws
/// std::bad_alloc and nothing else.
std::unique_ptr<Document> read(std::unique_ptr<Source> source, const ReadOptions& options, findings::Sink& findings);

}  // namespace vpn::document
