// Names in the first packets of QUIC clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>

#include "compiler/simulate/quic_initial.h"
#include "compiler/simulate/simulation.h"
#include "tests/support/policy_maker.h"
#include "tests/unit/simulate/frames.h"

namespace vpn::simulate {
namespace {

using namespace test;

const Made connection_id{0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};  // of RFC 9001, appendix A

template <std::size_t size>
std::string hexadecimal(const std::array<std::uint8_t, size>& bytes) {
  std::string out;
  for (const std::uint8_t b : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

/// One Initial packet as a client sends it, its number in four bytes.
Made sealed(QuicVersion version, const Made& frames, std::uint32_t number = 2) {
  const InitialKeys keys = initial_keys(version, connection_id);
  Made packet;
  put(packet, version == QuicVersion::two ? 0xd3 : 0xc3, 1);
  put(packet, static_cast<std::uint32_t>(version), 4);
  put(packet, connection_id.size(), 1);
  put(packet, connection_id);
  put(packet, 0, 1);  // no ID of its own
  put(packet, 0, 1);  // no token
  put(packet, 0x4000 | (4 + frames.size() + 16), 2);
  const std::size_t at = packet.size();
  put(packet, number, 4);
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < 4; ++i) nonce[8 + i] ^= packet[at + i];
  Made content(frames.size()), tag(16), mask(32);
  int size = 0;
  EVP_CIPHER_CTX* cipher = ::EVP_CIPHER_CTX_new();
  ::EVP_EncryptInit_ex(cipher, ::EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data());
  ::EVP_EncryptUpdate(cipher, nullptr, &size, packet.data(), static_cast<int>(packet.size()));
  ::EVP_EncryptUpdate(cipher, content.data(), &size, frames.data(), static_cast<int>(frames.size()));
  ::EVP_EncryptFinal_ex(cipher, content.data() + size, &size);
  ::EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
  put(packet, content);
  put(packet, tag);
  ::EVP_EncryptInit_ex(cipher, ::EVP_aes_128_ecb(), nullptr, keys.header.data(), nullptr);
  ::EVP_EncryptUpdate(cipher, mask.data(), &size, packet.data() + at + 4, 16);
  ::EVP_CIPHER_CTX_free(cipher);
  packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0f));
  for (std::size_t i = 0; i < 4; ++i) packet[at + i] ^= mask[1 + i];
  return packet;
}

Made crypto(const Made& handshake, std::size_t begin, std::size_t end) {
  Made out{0, 1, 6};  // padding, a ping
  put(out, 0x4000 | begin, 2);
  put(out, 0x4000 | (end - begin), 2);
  out.insert(out.end(), handshake.begin() + static_cast<std::ptrdiff_t>(begin),
             handshake.begin() + static_cast<std::ptrdiff_t>(end));
  return out;
}

Made handshake_of(std::string_view name) {
  const Made hello = client_hello(name, 400);
  return {hello.begin() + 5, hello.end()};
}

TEST(QuicInitial, KeysOfTheRfc) {
  const InitialKeys one = initial_keys(QuicVersion::one, connection_id);
  EXPECT_EQ(hexadecimal(one.key), "1f369613dd76d5467730efcbe3b1a22d");
  EXPECT_EQ(hexadecimal(one.iv), "fa044b2f42a3fd3b46fb255c");
  EXPECT_EQ(hexadecimal(one.header), "9f50449e04a0e810283a1e9933adedd2");
  const InitialKeys two = initial_keys(QuicVersion::two, connection_id);
  EXPECT_EQ(hexadecimal(two.key), "8b1a0bc121284290a29e0971b5cd045d");
  EXPECT_EQ(hexadecimal(two.iv), "91f73e2351d8fa91660e909f");
  EXPECT_EQ(hexadecimal(two.header), "45b95e15235d6f45a6b19cbcb0294ba9");
}

TEST(QuicInitial, IsOpened) {
  const Made handshake = handshake_of("www.example.com");
  for (const QuicVersion version : {QuicVersion::one, QuicVersion::two}) {
    Made frames{2, 5, 0, 0, 0};  // an acknowledgement
    put(frames, crypto(handshake, 0, handshake.size()));
    Made datagram = sealed(version, frames);
    put(datagram, sealed(version, crypto(handshake, 0, 4), 3));
    const auto pieces = client_initial(datagram);
    ASSERT_TRUE(pieces);
    ASSERT_EQ(pieces->size(), 2u);
    EXPECT_EQ(pieces->front().bytes, handshake);
    for (std::size_t size = 0; size < 60; ++size) EXPECT_FALSE(client_initial(std::span(datagram).first(size)));
    datagram[30] ^= 1;
    EXPECT_FALSE(client_initial(datagram)) << "it does not verify";
  }
  EXPECT_FALSE(client_initial(made("\x17 some datagram that is no QUIC at all")));
}

TEST(QuicInitial, WhateverComesIsReadOrNot) {
  const Made good = sealed(QuicVersion::one, crypto(handshake_of("a.example"), 0, 40));
  std::mt19937 random(9);
  for (int i = 0; i < 5000; ++i) {
    Made datagram = good;
    for (int k = 0; k < 3; ++k) datagram[random() % 24] = static_cast<std::uint8_t>(random());
    client_initial(datagram);
  }
  for (int i = 0; i < 5000; ++i) {  // frames of any kind behind keys that fit
    Made frames(20 + random() % 40);
    for (auto& b : frames) b = static_cast<std::uint8_t>(random() % 3 == 0 ? 6 : random());
    const auto pieces = client_initial(sealed(QuicVersion::one, frames));
    ASSERT_TRUE(pieces);
    for (const CryptoPiece& p : *pieces) EXPECT_LE(p.bytes.size(), frames.size());
  }
}

TEST(QuicInitial, NamesItsFlow) {
  vpn::test::PolicyMaker maker;
  maker.device("T").include_all = true;
  const policy::Policy policy = maker.make();
  policy::DeviceState state;
  state.interfaces.emplace_back();
  state.interfaces[0].name = "wlan0";
  state.interfaces[0].addresses.emplace_back(address("192.168.1.20"), std::uint8_t{24});
  Simulation simulation(policy, constant("state", state), {}, {});
  ASSERT_TRUE(simulation.begin(Link::raw, 0));
  const Made handshake = handshake_of("WWW.Example.com");
  const Ends ends{"192.168.1.20", "203.0.113.80"};
  Moment at = 0;
  for (const auto& [from, to] : {std::pair<std::size_t, std::size_t>(200, handshake.size()), {0, 200}}) {
    const Made packet = udp(ends, sealed(QuicVersion::one, crypto(handshake, from, to)));
    simulation.take({at++, static_cast<std::uint32_t>(packet.size()), packet});
  }
  simulation.finish();
  std::string name;
  simulation.each([&](const Listed& l) { name = l.flow.hostname; });
  EXPECT_EQ(name, "www.example.com");
}

}  // namespace
}  // namespace vpn::simulate
