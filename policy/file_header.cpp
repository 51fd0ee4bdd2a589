#include "policy/file_header.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace vpn::policy {
namespace {

// The first byte is no ASCII and the line ends follow the name, so that a transfer "as text" is noticed (the idea of
// PNG's magic).
constexpr std::array<std::uint8_t, 8> file_magic{0x89, 'V', 'P', 'N', 'P', '\r', '\n', 0x1a};
constexpr std::uint32_t flag_signed = 1;

// Offsets of the fields; docs/policy-format.md has the same table.
enum Offset : std::size_t {
  at_magic = 0,
  at_format = 8,
  at_reader = 10,
  at_flags = 12,
  at_serial = 16,
  at_body_offset = 24,
  at_body_size = 32,
  at_reserved = 40,
  at_body_sha256 = 64,
  at_key_id = 96,
  at_signature = 128,
  at_padding = 192,
  at_sha256 = 224,
};
static_assert(at_sha256 + std::tuple_size_v<Digest> == header_bytes);
static_assert(at_signature == signed_bytes);

template <class T>
void put(std::byte* base, std::size_t offset, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) base[offset + i] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
}

template <class T>
T get(const std::byte* base, std::size_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::to_integer<std::uint64_t>(base[offset + i]) << (8 * i);
  return static_cast<T>(value);
}

template <class Array>
Array get_bytes(const std::byte* base, std::size_t offset) {
  Array out;
  std::memcpy(out.data(), base + offset, out.size());
  return out;
}

bool all_zero(const std::byte* base, std::size_t begin, std::size_t end) {
  return std::all_of(base + begin, base + end, [](std::byte b) { return b == std::byte{0}; });
}

std::string at(std::size_t offset) { return "offset " + std::to_string(offset); }

tl::unexpected<Error> bad(std::string what, std::size_t offset, std::string help = {}) {
  return fail(ErrorKind::invalid_input, std::move(what), at(offset), std::move(help));
}

tl::unexpected<Error> no_sha256() {
  return fail(ErrorKind::environment, "OpenSSL offers no SHA-256 here", {}, "check OpenSSL's configuration");
}

constexpr const char* refetch = "fetch the file again or compile it anew";
constexpr const char* newer = "use a newer vpnprofile, or compile the policy with this one";

Result<void> check_versions(const std::byte* base) {
  if (std::memcmp(base, file_magic.data(), file_magic.size()) != 0) {
    return bad("this is not a policy file: its first bytes are not those of one", at_magic,
               "`vpnprofile compile` writes policy files");
  }
  const auto format = get<std::uint16_t>(base, at_format);
  if (format != format_version) {
    return bad("the policy has format version " + std::to_string(format) + ", this reader knows version " +
                   std::to_string(format_version),
               at_format, newer);
  }
  const auto reader = get<std::uint16_t>(base, at_reader);
  if (reader > reader_version || reader == 0) {
    return bad("the policy asks for a reader of version " + std::to_string(reader) + ", this one has version " +
                   std::to_string(reader_version),
               at_reader, newer);
  }
  if ((get<std::uint32_t>(base, at_flags) & ~flag_signed) != 0)
    return bad("the policy sets flags that this reader does not know", at_flags, newer);
  return {};
}

Result<void> check_sizes(const std::byte* base, std::size_t file_size) {
  if (get<std::uint64_t>(base, at_body_offset) != header_bytes) {
    return bad("the body does not begin right behind the header", at_body_offset, refetch);
  }
  const auto body = get<std::uint64_t>(base, at_body_size);
  if (body == 0 || body > largest_body) return bad("the body's size is not a legal one", at_body_size, refetch);
  const std::uint64_t present = file_size - header_bytes;
  if (body > present) {
    return bad("the file is cut short: " + std::to_string(body - present) + " bytes are missing", file_size, refetch);
  }
  if (body < present) {
    return bad("the file goes on behind its body: " + std::to_string(present - body) + " bytes too many",
               static_cast<std::size_t>(header_bytes + body), refetch);
  }
  return {};
}

Result<void> check_reserved(const std::byte* base, bool is_signed) {
  if (!all_zero(base, at_reserved, at_body_sha256)) return bad("reserved bytes are not zero", at_reserved, refetch);
  if (!all_zero(base, at_padding, at_sha256)) return bad("reserved bytes are not zero", at_padding, refetch);
  if (!is_signed && !all_zero(base, at_key_id, at_padding)) {
    return bad("a key or a signature is there, but the policy does not say that it is signed", at_key_id, refetch);
  }
  return {};
}

}  // namespace

std::array<std::byte, signed_bytes> signed_part(const FileHeader& header) {
  std::array<std::byte, signed_bytes> out{};
  std::byte* base = out.data();
  std::memcpy(base, file_magic.data(), file_magic.size());
  put(base, at_format, header.shown.format_version);
  put(base, at_reader, header.shown.minimum_reader);
  put(base, at_flags, header.shown.is_signed ? flag_signed : std::uint32_t{0});
  put(base, at_serial, header.shown.serial);
  put(base, at_body_offset, std::uint64_t{header_bytes});
  put(base, at_body_size, header.body_size);
  std::memcpy(base + at_body_sha256, header.body_sha256.data(), header.body_sha256.size());
  std::memcpy(base + at_key_id, header.shown.key_id.data(), header.shown.key_id.size());
  return out;
}

Result<std::array<std::byte, header_bytes>> encode(FileHeader& header) {
  std::array<std::byte, header_bytes> out{};
  const auto front = signed_part(header);
  std::memcpy(out.data(), front.data(), front.size());
  std::memcpy(out.data() + at_signature, header.signature.data(), header.signature.size());
  if (!sha256(std::span(out).first(at_sha256), header.shown.sha256)) return no_sha256();
  std::memcpy(out.data() + at_sha256, header.shown.sha256.data(), header.shown.sha256.size());
  return out;
}

bool is_policy_file(std::span<const std::byte> beginning) {
  return beginning.size() >= file_magic.size() &&
         std::memcmp(beginning.data(), file_magic.data(), file_magic.size()) == 0;
}

Result<FileHeader> decode(std::span<const std::byte> file) {
  if (file.size() < header_bytes) {
    return bad(file.empty() ? "the file is empty" : "the file is too short for a policy", file.size(),
               "`vpnprofile compile` writes policy files");
  }
  const std::byte* base = file.data();
  if (auto ok = check_versions(base); !ok) return tl::unexpected(std::move(ok.error()));
  if (auto ok = check_sizes(base, file.size()); !ok) return tl::unexpected(std::move(ok.error()));
  FileHeader header;
  header.shown.format_version = get<std::uint16_t>(base, at_format);
  header.shown.minimum_reader = get<std::uint16_t>(base, at_reader);
  header.shown.serial = get<std::uint64_t>(base, at_serial);
  header.shown.is_signed = (get<std::uint32_t>(base, at_flags) & flag_signed) != 0;
  header.shown.key_id = get_bytes<Digest>(base, at_key_id);
  header.shown.sha256 = get_bytes<Digest>(base, at_sha256);
  header.body_size = get<std::uint64_t>(base, at_body_size);
  header.body_sha256 = get_bytes<Digest>(base, at_body_sha256);
  header.signature = get_bytes<Signature>(base, at_signature);
  if (auto ok = check_reserved(base, header.shown.is_signed); !ok) return tl::unexpected(std::move(ok.error()));
  Digest digest{};
  if (!sha256(file.first(at_sha256), digest)) return no_sha256();
  if (digest != header.shown.sha256) {
    return bad("the header's SHA-256 does not match: the file was damaged or changed", at_sha256, refetch);
  }
  return header;
}

Result<void> check_body_digest(const FileHeader& header, std::span<const std::byte> body) {
  Digest digest{};
  if (!sha256(body, digest)) return no_sha256();
  if (digest != header.body_sha256) {
    return bad("the body's SHA-256 does not match: the file was damaged or changed", at_body_sha256, refetch);
  }
  return {};
}

}  // namespace vpn::policy
