// Hostile bytes: whatever opens can be looked into and walked through without reading outside (run under ASan), and
// damage that its author did not cover up does not open.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "policy/domain_layout.h"
#include "policy/domain_table.h"
#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

const std::vector<std::string>& hosts() {
  static const std::vector<std::string> all{"com",
                                            "example.com",
                                            "www.example.com",
                                            "a.b.example.com",
                                            "host7.example.net",
                                            "x.host19.example.net",
                                            "unknown.org",
                                            "",
                                            "-",
                                            "..",
                                            std::string(253, 'a'),
                                            std::string(130, 'y') + ".long.example",
                                            std::string(126, 'z') + ".example.com"};
  return all;
}

std::vector<std::byte> sample(bool mixed) {
  std::vector<std::string> names{"example.com", "b.example.com", std::string(130, 'y') + ".long.example", "com"};
  for (int i = 0; i < 30; ++i) names.push_back("host" + std::to_string(i) + ".example.net");
  names.push_back(std::string(127, 'w') + ".tail.example.com");  // more than one digit of shared bytes behind it
  names.push_back("v" + std::string(127, 'w') + ".tail.example.com");
  DomainTableBuilder builder;
  for (std::size_t i = 0; i < names.size(); ++i)
    builder.add(names[i], mixed ? static_cast<std::uint32_t>(i % 5) : 0, mixed && i % 3 == 0);
  return std::move(*builder.finish());
}

/// Everything that a reader of an opened table does. Bytes are in an allocation of exactly their size.
void use(const DomainTable& table) {
  std::size_t lists = 0;
  const auto count = [&](std::span<const std::uint32_t> l) {
    for (const std::uint32_t list : l) lists += list + 1;
  };
  for (const std::string& host : hosts()) {
    const DomainClass c = table.lookup(host);
    EXPECT_LT(c, table.class_count());
    count(table.lists(c));
  }
  std::size_t names = 0;
  table.for_each([&](std::string_view name, auto whole, auto below) {
    EXPECT_FALSE(name.empty());
    count(whole);
    count(below);
    table.lookup(name);
    ++names;
  });
  EXPECT_EQ(names, table.size());
}

void mend_checksum(std::vector<std::byte>& bytes) {
  store_le(bytes.data() + offsetof(domain_layout::DomainHeader, checksum), domain_layout::checksum(bytes));
}

class DamagedDomainTable : public ::testing::TestWithParam<bool> {};

TEST_P(DamagedDomainTable, IsRefusedWhereverAByteIsWrong) {
  const auto good = sample(GetParam());
  ASSERT_TRUE(DomainTable::open(good));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {1u, 0x80u, 0xffu}) {
      auto bytes = good;
      bytes[at] ^= static_cast<std::byte>(flip);
      EXPECT_FALSE(DomainTable::open(bytes)) << at;
    }
  }
}

TEST_P(DamagedDomainTable, IsRefusedAtEveryOtherLength) {
  const auto good = sample(GetParam());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<std::byte> bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(DomainTable::open(bytes)) << size;
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(DomainTable::open(longer));
}

TEST_P(DamagedDomainTable, IsRefusedOrHarmlessWhenItsAuthorMendsTheChecksum) {
  const auto good = sample(GetParam());
  std::size_t opened = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const unsigned flip : {1u, 2u, 0x20u, 0x40u, 0x80u, 0xffu}) {
      auto bytes = good;
      bytes[at] ^= static_cast<std::byte>(flip);
      mend_checksum(bytes);
      if (const auto table = DomainTable::open(bytes)) {
        use(*table);
        ++opened;
      }
    }
  }
  EXPECT_GT(opened, 0u);  // a letter of a name, for one, is nobody's business
}

TEST_P(DamagedDomainTable, IsRefusedOrHarmlessUnderRandomDamage) {
  test::Random random;
  const auto good = sample(GetParam());
  for (int i = 0; i < 20000; ++i) {
    auto bytes = good;
    for (std::uint64_t n = 1 + random.below(6); n > 0; --n) {
      const std::size_t at =
          random.chance(30) ? random.below(sizeof(domain_layout::DomainHeader)) : random.below(bytes.size());
      bytes[at] = static_cast<std::byte>(random.chance(60) ? random.bits() : random.below(3));
    }
    mend_checksum(bytes);
    if (const auto table = DomainTable::open(bytes)) use(*table);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, DamagedDomainTable, ::testing::Bool(),
                         [](const auto& mixed) { return mixed.param ? "mixed" : "one"; });

TEST(DomainTable, BytesThatAreNotAlignedAreRefused) {
  const auto good = sample(false);
  std::vector<std::byte> shifted(good.size() + 1);
  std::copy(good.begin(), good.end(), shifted.begin() + 1);
  EXPECT_FALSE(DomainTable::open(std::span(shifted).subspan(1)));
}

}  // namespace
}  // namespace vpn::policy
