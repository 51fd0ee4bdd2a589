#include "policy/app_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy/types.h"
#include "tests/unit/policy/random.h"

namespace vpn::policy {
namespace {

std::vector<std::byte> build(const std::set<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  auto built = build_app_table(views);
  EXPECT_TRUE(built) << built.error().what;
  return built ? std::move(*built) : std::vector<std::byte>{};
}

TEST(AppTable, EmptyTablesFindNothing) {
  EXPECT_EQ(AppTable().find("com.example.mail"), none);
  EXPECT_EQ(AppTable().size(), 0u);
  const auto bytes = build({});
  const auto table = AppTable::open(bytes);
  ASSERT_TRUE(table) << table.error().what;
  EXPECT_EQ(table->find(""), none);
  EXPECT_EQ(table->find("com.example.mail"), none);
}

TEST(AppTable, FindsEveryNameUnderItsIndexAndNoOther) {
  test::Random random;
  for (const unsigned count : {1u, 2u, 7u, 100u, 5000u}) {
    std::set<std::string> names;
    while (names.size() < count) {
      std::string name = "com.example.";
      name.resize(random.below(13));
      for (std::uint64_t n = 1 + random.below(20); n > 0; --n) name += static_cast<char>('a' + random.below(4));
      names.insert(random.chance(2) ? name + std::string(1000, 'x') + "\xc3\xa9" : name);
    }
    const auto bytes = build(names);
    const auto table = AppTable::open(bytes);
    ASSERT_TRUE(table) << table.error().what;
    ASSERT_EQ(table->size(), names.size());
    std::uint32_t index = 0;
    for (const std::string& name : names) {
      ASSERT_EQ(table->find(name), index) << name;
      ASSERT_EQ(table->name(index), name);
      const std::string longer = name + 'a', shorter = name.substr(1);
      ASSERT_EQ(table->find(longer) != none, names.count(longer) == 1) << longer;
      ASSERT_EQ(table->find(shorter) != none, names.count(shorter) == 1) << shorter;
      ++index;
    }
    EXPECT_EQ(table->find(""), none);
    EXPECT_EQ(table->find("COM.EXAMPLE.A"), none);
  }
}

TEST(AppTable, WrongInputIsRefused) {
  const auto refused = [](std::vector<std::string_view> names) { return !build_app_table(names); };
  EXPECT_TRUE(refused({"b", "a"}));
  EXPECT_TRUE(refused({"a", "a"}));
  EXPECT_TRUE(refused({""}));
  EXPECT_TRUE(refused({"a", "b", ""}));
}

std::map<std::string, std::uint32_t> contents(const AppTable& table) {
  std::map<std::string, std::uint32_t> out;
  for (std::uint32_t i = 0; i < table.size(); ++i) out.emplace(table.name(i), table.find(table.name(i)));
  return out;
}

TEST(AppTable, DamagedBytesAreRefusedOrHarmless) {
  const std::set<std::string> names{"a", "com.example.browser", "com.example.mail", "com.example.terminal",
                                    "org.example"};
  const auto bytes = build(names);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(AppTable::open(std::span(bytes).first(size))) << size;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      auto damaged = bytes;
      damaged[at] ^= static_cast<std::byte>(flip);
      const auto table = AppTable::open(damaged);
      if (!table) continue;
      // What opens is a sound table: every name under its own index.
      std::uint32_t index = 0;
      for (const auto& [name, found] : contents(*table)) EXPECT_EQ(found, index++) << at;
      for (const std::string& name : names) table->find(name);
    }
  }
}

TEST(AppTable, RandomBytesAreRefused) {
  test::Random random;
  const auto good = build({"a", "b", "c"});
  for (int i = 0; i < 20000; ++i) {
    auto bytes = good;
    for (std::uint64_t n = 1 + random.below(8); n > 0; --n)
      bytes[random.below(bytes.size())] =
          static_cast<std::byte>(random.chance(50) ? random.bits() : 0xff * random.below(2));
    if (const auto table = AppTable::open(bytes)) {
      for (std::uint32_t k = 0; k < table->size(); ++k) EXPECT_EQ(table->find(table->name(k)), k);
    }
  }
}

}  // namespace
}  // namespace vpn::policy
