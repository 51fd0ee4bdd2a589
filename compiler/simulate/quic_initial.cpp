#include "compiler/simulate/quic_initial.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace vpn::simulate {
namespace {

using QuicBytes = std::span<const std::uint8_t>;

constexpr std::size_t longest_connection_id = 20, tag_size = 16, sample_size = 16,
                      most_handshake = std::size_t{16} << 10;
constexpr unsigned most_packets = 4;  // in a datagram

constexpr std::uint8_t salt_one[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr std::uint8_t salt_two[] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                     0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

// --- Keys -----------------------------------------------------------------------------------------------------------

using Secret = std::array<std::uint8_t, 32>;

Secret hmac(QuicBytes key, QuicBytes data) {
  Secret out{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size);
  return out;
}

// HKDF-Expand-Label of RFC 8446 7.1, without context, for no more than one block.
template <std::size_t size>
std::array<std::uint8_t, size> expand(const Secret& secret, std::string_view label) {
  constexpr std::string_view prefix = "tls13 ";
  std::vector<std::uint8_t> info{0, static_cast<std::uint8_t>(size),
                                 static_cast<std::uint8_t>(prefix.size() + label.size())};
  info.insert(info.end(), prefix.begin(), prefix.end());
  info.insert(info.end(), label.begin(), label.end());
  info.push_back(0);
  info.push_back(1);
  const Secret block = hmac(secret, info);
  std::array<std::uint8_t, size> out{};
  std::copy_n(block.begin(), size, out.begin());
  return out;
}

// --- Packets --------------------------------------------------------------------------------------------------------

/// Takes what it is asked for; `good` as long as it was there.
class Reader {
 public:
  explicit Reader(QuicBytes bytes) : bytes_(bytes) {}
  QuicBytes take(std::uint64_t size) {
    if (size > bytes_.size() - at_) {
      good_ = false;
      return {};
    }
    const QuicBytes out = bytes_.subspan(at_, static_cast<std::size_t>(size));
    at_ += out.size();
    return out;
  }
  std::uint64_t number(unsigned size) {
    std::uint64_t out = 0;
    for (const std::uint8_t byte : take(size)) out = out << 8 | byte;
    return out;
  }
  std::uint64_t variable() {  // RFC 9000 16
    if (at_ == bytes_.size()) good_ = false;
    if (!good_) return 0;
    const unsigned size = 1u << (bytes_[at_] >> 6);
    return number(size) & (~std::uint64_t{0} >> (66 - 8 * size));
  }
  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == bytes_.size(); }
  bool good() const { return good_; }

 private:
  QuicBytes bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

struct InitialPacket {
  QuicVersion version = QuicVersion::one;
  QuicBytes connection_id;
  QuicBytes all;           ///< header and protected part
  std::size_t number = 0;  ///< where the packet number stands
};

bool read_header(QuicBytes datagram, InitialPacket& out) {
  Reader reader(datagram);
  const std::uint64_t first = reader.number(1);
  out.version = static_cast<QuicVersion>(reader.number(4));
  const std::uint64_t type = first >> 4 & 3;
  const bool is_initial = (first & 0xc0) == 0xc0 && ((out.version == QuicVersion::one && type == 0) ||
                                                     (out.version == QuicVersion::two && type == 1));
  if (!reader.good() || !is_initial) return false;
  out.connection_id = reader.take(reader.number(1));
  reader.take(reader.number(1));   // the source's
  reader.take(reader.variable());  // token
  const std::uint64_t length = reader.variable();
  out.number = reader.at();
  reader.take(length);
  if (!reader.good() || out.connection_id.size() > longest_connection_id || length < 4 + sample_size) return false;
  out.all = datagram.first(reader.at());
  return true;
}

bool mask_of(const InitialKeys& keys, QuicBytes sample, std::array<std::uint8_t, 32>& mask) {
  const Cipher cipher(::EVP_CIPHER_CTX_new());
  int size = 0;
  return cipher && ::EVP_EncryptInit_ex(cipher.get(), ::EVP_aes_128_ecb(), nullptr, keys.header.data(), nullptr) == 1 &&
         ::EVP_EncryptUpdate(cipher.get(), mask.data(), &size, sample.data(), static_cast<int>(sample.size())) == 1;
}

bool open_sealed(const InitialKeys& keys, const std::array<std::uint8_t, 12>& nonce, QuicBytes header, QuicBytes sealed,
                 std::vector<std::uint8_t>& out) {
  const Cipher cipher(::EVP_CIPHER_CTX_new());
  const QuicBytes content = sealed.first(sealed.size() - tag_size);
  std::array<std::uint8_t, tag_size> tag{};
  std::copy_n(sealed.end() - static_cast<std::ptrdiff_t>(tag_size), tag_size, tag.begin());
  out.resize(content.size());
  int size = 0;
  return cipher &&
         ::EVP_DecryptInit_ex(cipher.get(), ::EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data()) == 1 &&
         ::EVP_DecryptUpdate(cipher.get(), nullptr, &size, header.data(), static_cast<int>(header.size())) == 1 &&
         ::EVP_DecryptUpdate(cipher.get(), out.data(), &size, content.data(), static_cast<int>(content.size())) == 1 &&
         ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1 &&
         ::EVP_DecryptFinal_ex(cipher.get(), out.data() + size, &size) == 1;
}

// RFC 9001 5.4: the packet number and its length are hidden by what the packet's own content gives.
bool open_packet(const InitialPacket& p, std::vector<std::uint8_t>& out) {
  const InitialKeys keys = initial_keys(p.version, p.connection_id);
  std::array<std::uint8_t, 32> mask{};
  if (!mask_of(keys, p.all.subspan(p.number + 4, sample_size), mask)) return false;
  std::vector<std::uint8_t> header(p.all.begin(), p.all.begin() + static_cast<std::ptrdiff_t>(p.number + 4));
  header[0] = static_cast<std::uint8_t>(header[0] ^ (mask[0] & 0x0f));
  const std::size_t size = (header[0] & 3u) + std::size_t{1};
  header.resize(p.number + size);
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < size; ++i) {
    header[p.number + i] ^= mask[1 + i];
    nonce[12 - size + i] ^= header[p.number + i];
  }
  const QuicBytes sealed = p.all.subspan(p.number + size);
  return sealed.size() >= tag_size && open_sealed(keys, nonce, header, sealed, out);
}

// --- Frames (RFC 9000 19) -------------------------------------------------------------------------------------------

void skip_acknowledgement(Reader& reader, bool counts) {
  reader.variable();
  reader.variable();
  std::uint64_t ranges = reader.variable();
  reader.variable();
  for (; ranges > 0 && reader.good(); --ranges) {
    reader.variable();
    reader.variable();
  }
  for (int i = 0; counts && i < 3; ++i) reader.variable();
}

void read_frames(QuicBytes content, std::vector<CryptoPiece>& out) {
  Reader reader(content);
  while (!reader.at_end() && reader.good()) {
    const std::uint64_t type = reader.variable();
    if (type == 2 || type == 3) {
      skip_acknowledgement(reader, type == 3);
    } else if (type == 6) {
      const std::uint64_t offset = reader.variable();
      const QuicBytes bytes = reader.take(reader.variable());
      if (!reader.good() || offset > most_handshake) return;
      out.push_back({static_cast<std::uint32_t>(offset), {bytes.begin(), bytes.end()}});
    } else if (type > 1) {  // neither padding nor a ping: what follows has nothing to say here
      return;
    }
  }
}

}  // namespace

InitialKeys initial_keys(QuicVersion version, std::span<const std::uint8_t> connection_id) {
  const bool two = version == QuicVersion::two;
  const Secret initial = hmac(two ? QuicBytes(salt_two) : QuicBytes(salt_one), connection_id);
  const Secret client = expand<32>(initial, "client in");
  InitialKeys out;
  out.key = expand<16>(client, two ? "quicv2 key" : "quic key");
  out.iv = expand<12>(client, two ? "quicv2 iv" : "quic iv");
  out.header = expand<16>(client, two ? "quicv2 hp" : "quic hp");
  return out;
}

std::optional<std::vector<CryptoPiece>> client_initial(std::span<const std::uint8_t> datagram) {
  std::optional<std::vector<CryptoPiece>> out;
  InitialPacket packet;
  std::vector<std::uint8_t> content;
  for (unsigned i = 0; i < most_packets && read_header(datagram, packet); ++i) {
    if (!open_packet(packet, content)) break;
    if (!out) out.emplace();
    read_frames(content, *out);
    datagram = datagram.subspan(packet.all.size());
  }
  return out;
}

}  // namespace vpn::simulate
