#include <openssl/bio.h>
#include <openssl/pem.h>

#include <memory>

#include "compiler/model/parts.h"
#include "policy/ascii.h"

namespace vpn::model {
namespace {

using document::Type;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

bool holds_certificate(std::string_view type) {
  return type == "root" || type == "pkcs1" || type == "pem" || type == "certificate";
}

// Whether the bytes are one DER SEQUENCE (X.690) from the first to the last. Lint has parsed what is inside.
bool is_sequence(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 2 || bytes[0] != 0x30) return false;
  std::size_t header = 2;
  std::size_t length = bytes[1];
  if (length >= 0x80) {
    const std::size_t octets = length & 0x7f;
    if (octets == 0 || octets > 4 || bytes.size() < 2 + octets) return false;
    length = 0;
    for (std::size_t i = 0; i < octets; ++i) length = length << 8 | bytes[2 + i];
    header += octets;
  }
  return bytes.size() - header == length;
}

// The first certificate of a PEM text as DER. PEM inside a payload of another type is common, too.
std::vector<std::uint8_t> from_pem(std::span<const std::uint8_t> text) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), 1u << 30))));
  std::vector<std::uint8_t> out;
  while (bio && out.empty()) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) break;
    const std::string_view kind(name);
    if ((kind == "CERTIFICATE" || kind == "X509 CERTIFICATE" || kind == "TRUSTED CERTIFICATE") && size > 0)
      out.assign(data, data + size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  return out;
}

std::vector<std::uint8_t> certificate(std::span<const std::uint8_t> bytes) {
  if (is_sequence(bytes)) return {bytes.begin(), bytes.end()};
  return from_pem(bytes);
}

std::vector<std::uint8_t> certificate(const document::Value* value) {
  if (value == nullptr) return {};
  if (value->is(Type::data)) return certificate(value->data());
  if (!value->is(Type::string)) return {};
  const auto bytes = decode_base64(value->string());
  return bytes ? certificate(std::span<const std::uint8_t>(*bytes)) : std::vector<std::uint8_t>{};
}

bool is_common_key(std::string_view key) { return key.starts_with("Payload"); }

}  // namespace

void Identities::add_payload(const document::Document& document, Dict payload, std::string_view type) {
  const document::Value* uuid = Reader::find(payload, "PayloadUUID");
  std::string name = uuid != nullptr && uuid->is(Type::string) ? ascii::upper_case(uuid->string()) : std::string{};
  payloads_.try_emplace({&document, name}, entries_.size());
  entries_.push_back({&document, payload, type, std::move(name), false, none});
}

void Identities::add_asset(const document::Document& document, Dict declaration, std::string_view type) {
  const document::Value* identifier = Reader::find(declaration, "Identifier");
  if (identifier == nullptr || !identifier->is(Type::string)) return;
  std::string name(identifier->string());
  assets_.try_emplace(name, entries_.size());
  entries_.push_back({&document, declaration, type, std::move(name), true, none});
}

std::uint32_t Identities::payload(Reader& reader, Dict dict, std::string_view key) {
  const document::Value* uuid = Reader::find(dict, key);
  if (uuid == nullptr || !uuid->is(Type::string) || uuid->size == 0) return none;
  const auto found = payloads_.find({&reader.document(), ascii::upper_case(uuid->string())});
  return found == payloads_.end() ? none : materialise(entries_[found->second]);
}

Identities::Entry* Identities::asset_entry(Dict dict, std::string_view key) {
  const document::Value* identifier = Reader::find(dict, key);
  if (identifier == nullptr || !identifier->is(Type::string)) return nullptr;
  const auto found = assets_.find(identifier->string());
  return found == assets_.end() ? nullptr : &entries_[found->second];
}

std::uint32_t Identities::asset(Reader&, Dict dict, std::string_view key) {
  Entry* entry = asset_entry(dict, key);
  return entry == nullptr ? none : materialise(*entry);
}

Identities::Credentials Identities::credentials(Reader&, Dict dict, std::string_view key) {
  Entry* entry = asset_entry(dict, key);
  if (entry == nullptr) return {};
  Reader reader(model_, *entry->document);
  const Dict content = reader.dict(entry->dict, "Payload");
  Credentials out;
  out.user = reader.text(content, "UserName");
  out.password = reader.secret(content, "Password");
  if (out.password == none) out.asset = materialise(*entry);
  return out;
}

std::uint32_t Identities::materialise(Entry& entry) {
  if (entry.index != none) return entry.index;
  entry.index = static_cast<std::uint32_t>(model_.identities.size());
  Reader reader(model_, *entry.document);
  Identity identity;
  identity.uuid = entry.name;
  identity.kind = std::string(entry.type);
  identity.place = reader.place(entry.dict.path, entry.dict.value->span);
  if (entry.is_asset) {
    const Dict content = reader.dict(entry.dict, "Payload");
    identity.certificate = certificate(Reader::find(content, "Certificate"));
    identity.container = reader.encoded_secret(content, "Identity");
    identity.password = reader.secret(content, "Password");
    identity.settings = flatten(reader, content);
    std::erase_if(identity.settings, [](const Setting& s) {
      return s.key == "Certificate" || s.key == "Identity" || s.key == "Password";
    });
  } else if (entry.type == "pkcs12") {
    identity.container = reader.encoded_secret(entry.dict, "PayloadContent");
    identity.password = reader.secret(entry.dict, "Password");
  } else if (entry.type == "scep") {
    identity.settings = flatten(reader, reader.dict(entry.dict, "PayloadContent"));
  } else if (entry.type == "acme") {
    identity.settings = flatten(reader, entry.dict);
    std::erase_if(identity.settings, [](const Setting& s) { return is_common_key(s.key); });
  } else {
    identity.certificate = certificate(Reader::find(entry.dict, "PayloadContent"));
  }
  model_.identities.push_back(std::move(identity));
  return entry.index;
}

void Identities::add_certificates(const document::Document& document) {
  for (Entry& entry : entries_) {
    if (!entry.is_asset && entry.document == &document && holds_certificate(entry.type)) materialise(entry);
  }
}

}  // namespace vpn::model
