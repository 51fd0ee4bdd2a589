// Reading profiles and declarations: format detection, envelopes, the value tree.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
  std::size_t file_bytes = std::size_t{256} << 20;
  std::uint32_t depth = 64;
  std::uint32_t values = 20'000'000;
  std::size_t string_bytes = std::size_t{16} << 20;
};

/// A CMS signature or encryption around the profile.
struct Envelope {
  enum class Kind : std::uint8_t { signature, encryption };
  Kind kind = Kind::signature;
  std::string signer;       ///< subject of the signing certificate, RFC 2253
  std::string issuer;
  std::int64_t not_before = 0;  ///< seconds since 1970-01-01, UTC
  std::int64_t not_after = 0;
  bool verified = false;    ///< chain ends in a certificate of ReadOptions::trust
};

struct ReadOptions {
  Limits limits;
  std::vector<std::string> trust;        ///< paths of PEM or DER certificates; empty: signatures are checked, chains are not
  std::optional<std::string> decrypt_key;  ///< path of a PEM or DER private key (or PKCS#12) that opens EncryptedPayloadContent
  bool template_mode = false;            ///< read around placeholders ({{ }}, {% %}, $VAR, %VAR%, @@VAR@@)
};

/// A file that was read. The tree and all views into it live as long as the document.
class Document {
 public:
  Document(std::unique_ptr<Source> source);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  Source& source() { return *source_; }
  const Source& source() const { return *source_; }
  const Value& root() const { return root_; }
  Format format = Format::xml;
  bool is_template = false;             ///< placeholders were seen
  std::vector<Envelope> envelopes;      ///< outermost first
  bool is_signed() const;

  // For readers:
  void set_root(const Value& v) { root_ = v; }
  void* allocate(std::size_t bytes, std::size_t alignment);  ///< from the document's arena
  std::string_view keep(std::string_view text);              ///< a copy in the arena
  void hold(std::shared_ptr<void> memory);                   ///< keeps `memory` alive with the document

 private:
  std::unique_ptr<Source> source_;
  Value root_;
  struct Arena;
  std::unique_ptr<Arena> arena_;
};

/// Detects the format from the content, opens envelopes, reads. Every fault becomes a finding; the result is null when
/// nothing usable is left (the finding says why). Never throws.
std::unique_ptr<Document> read(std::unique_ptr<Source> source, const ReadOptions& options, findings::Sink& findings);

}  // namespace vpn::document
