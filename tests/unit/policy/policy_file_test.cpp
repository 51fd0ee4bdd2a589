// Opening policy files: header, digests, signature, every byte flipped, hostile bodies.
#include "policy_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>

#include "policy/policy.h"

namespace vpn::policy {
namespace {

using testing::HasSubstr;

Error refused(std::span<const std::byte> bytes, const OpenOptions& options = {}) {
  auto policy = Policy::from_bytes(bytes, options);
  EXPECT_FALSE(policy.has_value());
  return policy ? Error{} : policy.error();
}

/// Reads all that a program would read of a policy, so that a sanitizer sees what the verification let pass.
std::size_t walk(const Policy& policy) {
  std::size_t sum = policy.apps().size();
  const fb::Policy& body = policy.body();
  for (std::uint32_t i = 0; i < policy.apps().size(); ++i)
    sum += policy.apps().name(i).size() + policy.apps().find(policy.apps().name(i));
  for (const char* host : {"example.com", "a.example.com", "com", ""}) {
    for (const std::uint32_t list : policy.domains().lists(policy.domains().lookup(host)))
      sum += body.domain_lists()->Get(list)->count();
  }
  policy.domains().for_each(
      [&](std::string_view name, auto whole, auto below) { sum += name.size() + whole.size() + below.size(); });
  const auto source = [&](std::uint32_t index) {
    sum += body.files()->Get(body.sources()->Get(index)->file())->size();
  };
  if (body.tunnels() != nullptr) {
    for (const fb::Tunnel* t : *body.tunnels()) {
      source(t->source());
      sum += t->id()->size();
      if (t->dns() != nullptr && t->dns()->supplemental() != none)
        source(body.domain_lists()->Get(t->dns()->supplemental())->source());
      if (t->ike() != nullptr && t->ike()->certificate() != none)
        sum += body.identities()->Get(t->ike()->certificate())->uuid()->size();
    }
  }
  if (body.devices() != nullptr) {
    for (const fb::Device* d : *body.devices()) sum += body.tunnels()->Get(d->tunnel())->id()->size();
  }
  return sum;
}

TEST(PolicyFile, OpensWhatWasWritten) {
  const Bytes file = write_policy({}, 41);
  auto policy = Policy::from_bytes(std::span<const std::byte>(file));
  ASSERT_TRUE(policy.has_value()) << policy.error().where << ": " << policy.error().what;
  EXPECT_EQ(policy->header().serial, 41u);
  EXPECT_EQ(policy->body().tunnels()->size(), 3u);
  EXPECT_EQ(policy->apps().find("com.example.b"), 1u);
  EXPECT_NE(policy->domains().lookup("www.example.com"), 0u);
  EXPECT_GT(walk(*policy), 0u);
}

TEST(PolicyFile, EveryFlippedByteIsAnError) {
  Bytes file = write_policy({});
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const std::byte flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
      file[i] ^= flip;
      EXPECT_FALSE(Policy::from_bytes(std::span<const std::byte>(file)).has_value()) << "byte " << i;
      file[i] ^= flip;
    }
  }
}

TEST(PolicyFile, FlippedBytesWithRightDigestsNeverCrash) {
  const Bytes original = write_policy({});
  std::size_t opened = 0;
  for (std::size_t i = header_bytes; i < original.size(); ++i) {
    for (const std::byte flip : {std::byte{0x01}, std::byte{0x04}, std::byte{0x80}, std::byte{0xff}}) {
      Bytes file = Bytes::copy(original);
      file[i] ^= flip;
      seal_again(file);
      auto policy = Policy::from_bytes(std::move(file));
      if (policy && walk(*policy) > 0) ++opened;
    }
  }
  EXPECT_GT(opened, 0u);  // a changed letter in a name is fine
}

TEST(PolicyFile, RandomBodiesNeverCrash) {
  const Bytes original = write_policy({});
  std::uint64_t state = 88172645463325252u;
  const auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  };
  for (int round = 0; round < 20'000; ++round) {
    Bytes file = Bytes::copy(original);
    const std::size_t changes = 1 + random() % 8;
    for (std::size_t k = 0; k < changes; ++k) {
      const std::size_t at = header_bytes + random() % (file.size() - header_bytes - 4);
      const auto value = static_cast<std::uint32_t>(random() % 3 == 0 ? random() : random() % 64);
      std::memcpy(file.data() + at, &value, sizeof(value));
    }
    seal_again(file);
    auto policy = Policy::from_bytes(std::move(file));
    if (policy) walk(*policy);
  }
}

TEST(PolicyFile, EveryTruncationIsAnError) {
  const Bytes file = write_policy({});
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Error error = refused(std::span<const std::byte>(file).first(size));
    EXPECT_EQ(error.kind, ErrorKind::invalid_input);
    EXPECT_THAT(error.where, HasSubstr("offset"));
  }
}

TEST(PolicyFile, TrailingBytesAreAnError) {
  const Bytes file = write_policy({});
  std::vector<std::byte> longer(file.begin(), file.end());
  longer.push_back(std::byte{0});
  EXPECT_THAT(refused(longer).what, HasSubstr("1 bytes too many"));
}

/// A header with one field changed and its digest right.
Bytes with_header(const std::function<void(std::byte*)>& change) {
  Bytes file = write_policy({});
  change(file.data());
  Digest digest{};
  EXPECT_TRUE(sha256(std::span<const std::byte>(file).first(header_bytes - digest.size()), digest));
  std::memcpy(file.data() + header_bytes - digest.size(), digest.data(), digest.size());
  return file;
}

TEST(PolicyFile, UnknownVersionsAndFlagsAreRefused) {
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[0] = std::byte{'{'}; })).what, HasSubstr("not a policy"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[8] = std::byte{2}; })).what, HasSubstr("format version 2"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[10] = std::byte{9}; })).what, HasSubstr("version 9"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[10] = std::byte{0}; })).what, HasSubstr("version 0"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[12] = std::byte{2}; })).what, HasSubstr("flags"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[24] = std::byte{8}; })).what, HasSubstr("begin"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[40] = std::byte{1}; })).what, HasSubstr("reserved"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[200] = std::byte{1}; })).what, HasSubstr("reserved"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[100] = std::byte{1}; })).what,
              HasSubstr("does not say that it is signed"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[39] = std::byte{0x7f}; })).what, HasSubstr("size"));
  EXPECT_THAT(refused(with_header([](std::byte* h) { h[64] ^= std::byte{1}; })).what, HasSubstr("body's SHA-256"));
}

TEST(PolicyFile, ALowerSerialIsRefused) {
  OpenOptions options;
  options.minimum_serial = 7;
  EXPECT_THAT(refused(write_policy({}, 6), options).what, HasSubstr("serial is 6"));
  const Bytes equal = write_policy({}, 7);
  EXPECT_TRUE(Policy::from_bytes(std::span<const std::byte>(equal), options).has_value());
}

// RFC 8032, 7.1, test 1: a key pair that everybody has.
constexpr std::array<std::uint8_t, 32> private_key{0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                                                   0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                                                   0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
constexpr Digest public_key{0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                            0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                            0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

Bytes write_signed() {
  Bytes file = write_policy({});
  auto header = decode(file);
  EXPECT_TRUE(header.has_value());
  header->shown.is_signed = true;
  EXPECT_TRUE(sha256(std::as_bytes(std::span(public_key)), header->shown.key_id));
  const auto text = signed_part(*header);
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, private_key.data(), private_key.size());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = header->signature.size();
  EXPECT_EQ(EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key), 1);
  EXPECT_EQ(EVP_DigestSign(context, header->signature.data(), &size,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()),
            1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  const auto encoded = encode(*header);
  EXPECT_TRUE(encoded.has_value());
  std::memcpy(file.data(), encoded->data(), encoded->size());
  return file;
}

TEST(PolicyFile, SignaturesAreVerified) {
  const Bytes file = write_signed();
  OpenOptions options;
  EXPECT_TRUE(Policy::from_bytes(std::span<const std::byte>(file), options).has_value());
  options.public_key = public_key;
  auto policy = Policy::from_bytes(std::span<const std::byte>(file), options);
  ASSERT_TRUE(policy.has_value()) << policy.error().what;
  EXPECT_TRUE(policy->header().is_signed);
  options.public_key->front() ^= 1;
  EXPECT_THAT(refused(file, options).what, HasSubstr("another key"));
  EXPECT_THAT(refused(write_policy({}), options).what, HasSubstr("not signed"));
}

TEST(PolicyFile, AForgedSignatureIsRefused) {
  Bytes file = write_signed();
  file[16] = std::byte{99};  // the serial, so that the policy counts as newer
  Digest digest{};
  EXPECT_TRUE(sha256(std::span<const std::byte>(file).first(224), digest));
  std::memcpy(file.data() + 224, digest.data(), digest.size());
  EXPECT_TRUE(Policy::from_bytes(std::span<const std::byte>(file)).has_value());  // nobody asked whose it is
  OpenOptions options;
  options.public_key = public_key;
  EXPECT_THAT(refused(file, options).what, HasSubstr("signature"));
}

TEST(PolicyFile, EveryFlippedByteOfASignedPolicyIsAnError) {
  Bytes file = write_signed();
  for (std::size_t i = 0; i < header_bytes; ++i) {
    file[i] ^= std::byte{0x10};
    EXPECT_FALSE(Policy::from_bytes(std::span<const std::byte>(file)).has_value()) << "byte " << i;
    file[i] ^= std::byte{0x10};
  }
}

class PolicyPath : public testing::Test {
 protected:
  std::string path_ = testing::TempDir() + "policy-" + std::to_string(::getpid());
  void write(std::span<const std::byte> bytes) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void TearDown() override { ::unlink(path_.c_str()); }
};

TEST_F(PolicyPath, AFileIsMapped) {
  write(write_policy({}));
  auto policy = Policy::open(path_);
  ASSERT_TRUE(policy.has_value()) << policy.error().what;
  Policy moved = std::move(*policy);
  ::unlink(path_.c_str());  // the mapping lives on
  EXPECT_GT(walk(moved), 0u);
}

TEST_F(PolicyPath, ErrorsNameThePath) {
  auto missing = Policy::open(path_);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::unreadable);
  EXPECT_THAT(missing.error().where, HasSubstr(path_));
  write({});
  auto empty = Policy::open(path_);
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().kind, ErrorKind::invalid_input);
  EXPECT_THAT(empty.error().where, HasSubstr(path_));
}

TEST_F(PolicyPath, OnlyRegularFilesAreOpened) {
  EXPECT_EQ(Policy::open(testing::TempDir()).error().kind, ErrorKind::unreadable);
  EXPECT_EQ(Policy::open("/dev/zero").error().kind, ErrorKind::unreadable);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(Policy::open(path_).error().kind, ErrorKind::unreadable);  // and does not wait for a writer
}

TEST_F(PolicyPath, AHugeFileIsRefusedUnread) {
  write({});
  ASSERT_EQ(::truncate(path_.c_str(), off_t{1} << 40), 0);
  EXPECT_EQ(Policy::open(path_).error().kind, ErrorKind::invalid_input);
}

// A vector may be referred to from many tables: what is visited must not grow beyond the file.
TEST(SharedParts, TakeNoTime) {
  Ingredients in;
  in.shared_rules = 1;
  in.shared_names = 10;
  EXPECT_TRUE(Policy::from_bytes(write_policy(in), {}).has_value()) << "three times a short list is well within bounds";
  in.shared_rules = 20'000;
  in.shared_names = 100'000;  // some 900 KB, and six thousand million names for FlatBuffers' own verifier
  const std::clock_t begin = std::clock();
  EXPECT_THAT(refused(write_policy(in)).what, HasSubstr("well-formed"));
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 5);
}

TEST(SharedParts, LongTextsAreNotReadAgainAndAgain) {
  Ingredients in;
  in.shared_rules = 1;
  in.shared_names = 50'000;
  in.shared_name_length = 500'000;
  const std::clock_t begin = std::clock();
  EXPECT_THAT(refused(write_policy(in)).what, HasSubstr("well-formed"));
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 5);
}

}  // namespace
}  // namespace vpn::policy
