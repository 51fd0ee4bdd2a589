#include "compiler/lower/lower.h"

#include <cstring>
#include <new>

#include "compiler/document/document.h"
#include "compiler/lower/buffer.h"
#include "compiler/lower/crypto.h"
#include "compiler/lower/writer.h"
#include "policy/file_header.h"

namespace vpn::lower {
namespace {

// FlatBuffers cannot fail: what would not fit is refused before. Texts of the policy are no longer than the documents
// they come from, but for the key paths and the tables around them.
Result<void> check_size(const model::Model& model) {
  std::size_t text = 0;
  const document::Document* last = nullptr;
  for (const model::Place& place : model.places) {
    if (place.document != last && place.document != nullptr) text += place.document->source().text().size();
    last = place.document;
  }
  if (text > std::size_t{1} << 30) {
    return fail(ErrorKind::invalid_input, "the profiles are too large for one policy", {},
                "split them: one policy is for one device");
  }
  return {};
}

// A first guess that saves most policies a growing buffer.
std::size_t expected_bytes(const model::Model& model) {
  std::size_t size = 4096 + model.places.size() * 96 + model.tunnels.size() * 1024 + model.apps.size() * 128;
  for (const model::Device& vpn : model.devices) size += vpn.on_demand.rules.size() * 96;
  for (const model::PerApp& vpn : model.per_app) {
    size += vpn.on_demand.rules.size() * 96;
    for (const model::DomainList& list : vpn.lists)
      size += list.array == nullptr ? 0 : std::size_t{list.array->size} * 14;
  }
  return size;
}

Result<std::vector<std::byte>> sealed_secrets(const model::Model& model, const Options& options) {
  if (!options.encrypt_to || model.secrets.empty()) return std::vector<std::byte>{};
  return seal(secrets_json(model.secrets, nullptr), *options.encrypt_to);
}

Result<Output> write(const model::Model& model, const Options& options) {
  if (auto ok = check_size(model); !ok) return tl::unexpected(std::move(ok.error()));
  auto sealed = sealed_secrets(model, options);
  if (!sealed) return tl::unexpected(std::move(sealed.error()));

  AlignedAllocator allocator;
  flatbuffers::FlatBufferBuilder builder(expected_bytes(model), &allocator, false, policy::file_alignment);
  Writer writer(builder, model);
  if (auto ok = writer.write(*sealed, options.shared_app_map); !ok) return tl::unexpected(std::move(ok.error()));

  policy::FileHeader header;
  header.shown.format_version = policy::format_version;
  header.shown.minimum_reader = policy::reader_version;
  header.shown.serial = options.serial;
  header.body_size = builder.GetSize();
  if (header.body_size > policy::largest_body)
    return fail(ErrorKind::invalid_input, "the policy would be larger than a reader accepts");
  // The builder grows downwards: the header goes in front of the body, into the same block.
  const std::array<std::uint8_t, policy::header_bytes> room{};
  builder.PushBytes(room.data(), room.size());
  Output output;
  output.policy = release(builder);

  if (!policy::sha256(std::span<const std::byte>(output.policy).subspan(policy::header_bytes), header.body_sha256)) {
    return fail(ErrorKind::environment, "OpenSSL offers no SHA-256 here", {}, "check OpenSSL's configuration");
  }
  if (options.sign_key) {
    if (auto ok = sign(header, *options.sign_key); !ok) return tl::unexpected(std::move(ok.error()));
  }
  const auto encoded = policy::encode(header);
  if (!encoded) return tl::unexpected(encoded.error());
  std::memcpy(output.policy.data(), encoded->data(), encoded->size());
  if (!model.secrets.empty() && !options.encrypt_to) output.secrets = secrets_json(model.secrets, &header.shown.sha256);
  return output;
}

}  // namespace

Result<Output> lower(const model::Model& model, const Options& options) {
  try {
    return write(model, options);
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::environment, "there is not enough memory for the policy");
  }
}

}  // namespace vpn::lower
