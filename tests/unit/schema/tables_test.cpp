// What must hold for the tables, whatever the data says.
#include <algorithm>
#include <charconv>
#include <set>

#include "compiler/schema/name_hash.h"
#include "policy/address.h"
#include "tests/unit/schema/schema_paths.h"

namespace vpn::schema {
namespace {

using document::Type;

bool contains(std::span<const std::string_view> list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

TEST(Tables, MembersAreSortedAndFound) {
  std::size_t count = 0;
  for_each_key([&](const Payload&, const Key& key, const std::string& path) {
    for (std::size_t i = 0; i < key.keys.size(); ++i) {
      ++count;
      if (i > 0) {
        EXPECT_LT(key.keys[i - 1].name, key.keys[i].name) << path;
      }
      EXPECT_EQ(key.find(key.keys[i].name), &key.keys[i]) << path;
      EXPECT_EQ(key.find(std::string(key.keys[i].name) + "X"), nullptr) << path;
    }
    EXPECT_EQ(key.find(""), nullptr) << path;
    EXPECT_EQ(key.find("No such key"), nullptr) << path;
  });
  EXPECT_GT(count, 1000U);
}

TEST(Tables, HashTablesAreAtMostHalfFull) {
  for_each_key([](const Payload&, const Key& key, const std::string& path) {
    if (key.keys.empty()) {
      EXPECT_TRUE(key.slots.empty()) << path;
      return;
    }
    EXPECT_GE(key.slots.size(), 2 * key.keys.size()) << path;
    EXPECT_EQ(key.slots.size() & (key.slots.size() - 1), 0U) << path << ": a power of two";
    std::set<std::uint16_t> used(key.slots.begin(), key.slots.end());
    used.erase(empty_slot);
    EXPECT_EQ(used.size(), key.keys.size()) << path;
  });
}

TEST(Tables, EveryKeySaysWhatItIsFor) {
  for_each_key([](const Payload&, const Key& key, const std::string& path) {
    if (!key.name.empty()) {
      EXPECT_FALSE(key.summary.empty()) << path;
    }
    EXPECT_EQ(key.summary.find("  "), std::string_view::npos) << path;
  });
}

TEST(Tables, StructureFitsTheType) {
  for_each_key([](const Payload&, const Key& key, const std::string& path) {
    EXPECT_EQ((key.types & mask(Type::array)) != 0, key.element != nullptr) << path;
    const bool dictionary = (key.types & mask(Type::dictionary)) != 0;
    EXPECT_EQ(dictionary, !key.keys.empty() || key.free_form) << path;
    if (key.flag) {
      EXPECT_EQ(key.types, mask(Type::integer)) << path;
      EXPECT_EQ(std::vector<std::int64_t>(key.integers.begin(), key.integers.end()), (std::vector<std::int64_t>{0, 1}))
          << path;
    }
    if (key.has_min && key.has_max) {
      EXPECT_LE(key.min, key.max) << path;
    }
    for (const std::string_view value : key.obsolete_values) {
      if (key.integers.empty()) {
        EXPECT_TRUE(contains(key.values, value)) << path;
      }
    }
  });
}

TEST(Tables, DefaultsAreAmongWhatIsAllowed) {
  for_each_key([](const Payload&, const Key& key, const std::string& path) {
    const std::string_view value = key.default_value;
    if (value.empty()) return;
    EXPECT_EQ(key.presence, Presence::optional) << path;
    EXPECT_FALSE(key.secret) << path;
    if (key.types == mask(Type::boolean)) {
      EXPECT_TRUE(value == "true" || value == "false") << path;
    } else if (key.types == mask(Type::integer)) {
      std::int64_t number = -1;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      EXPECT_TRUE(error == std::errc{} && end == value.data() + value.size()) << path;
      if (key.has_min) {
        EXPECT_GE(number, key.min) << path;
      }
      if (key.has_max) {
        EXPECT_LE(number, key.max) << path;
      }
      if (!key.integers.empty()) {
        EXPECT_NE(std::find(key.integers.begin(), key.integers.end(), number), key.integers.end()) << path;
      }
    } else {
      EXPECT_EQ(key.types, mask(Type::string)) << path;
      if (!key.values.empty()) {
        EXPECT_TRUE(contains(key.values, value)) << path;
      }
      EXPECT_FALSE(contains(key.obsolete_values, value)) << path;
    }
  });
}

TEST(Tables, AKeyIsNeverMoreAvailableThanItsPayload) {
  for_each_payload([](const Payload& payload) { EXPECT_EQ(payload.platforms.size(), 6U) << payload.type; });
  for_each_key([](const Payload& payload, const Key& key, const std::string& path) {
    if (key.platforms.empty()) return;
    ASSERT_EQ(key.platforms.size(), 6U) << path;
    for (std::size_t p = 0; p < 6; ++p) {
      const Availability& own = key.platforms[p];
      const Availability& whole = payload.platforms[p];
      EXPECT_TRUE(whole.available || !own.available) << path;
      if (own.available && whole.has_since) {
        EXPECT_TRUE(own.has_since && own.since >= whole.since) << path;
      }
      if (own.available && whole.supervised) {
        EXPECT_TRUE(own.supervised) << path;
      }
      if (own.has_since && own.has_deprecated) {
        EXPECT_LE(own.since, own.deprecated) << path;
      }
    }
  });
}

TEST(Tables, BlocksNameKeysAndValuesThatExist) {
  for_each_payload([](const Payload& payload) {
    EXPECT_EQ(payload.selector.empty(), payload.blocks.empty()) << payload.type;
    for (const Block& block : payload.blocks) {
      EXPECT_NE(payload.root.find(block.key), nullptr) << block.key;
      const Key* selector = payload.root.find(payload.selector);
      ASSERT_NE(selector, nullptr) << payload.type;
      for (const std::string_view value : block.values) EXPECT_TRUE(contains(selector->values, value)) << value;
      for (const std::string_view value : block.required_for) EXPECT_TRUE(block.read_by(value)) << value;
    }
  });
}

TEST(Tables, TypesAreSortedAndEitherDescribedOrForeign) {
  for (std::size_t i = 1; i < payloads().size(); ++i) EXPECT_LT(payloads()[i - 1].type, payloads()[i].type);
  for (const Payload& payload : payloads()) {
    EXPECT_EQ(find_payload(payload.type), &payload);
    EXPECT_FALSE(is_foreign_payload(payload.type)) << payload.type;
    EXPECT_EQ(payload.is_declaration, payload.root.find("ServerToken") != nullptr) << payload.type;
    EXPECT_EQ(!payload.is_declaration, payload.root.find("PayloadUUID") != nullptr) << payload.type;
  }
  EXPECT_TRUE(std::is_sorted(foreign_payloads().begin(), foreign_payloads().end()));
  for (const std::string_view type : foreign_payloads()) EXPECT_TRUE(is_foreign_payload(type)) << type;
  for (const std::string_view unknown : {"", "com.apple", "com.apple.vpn.manage", "com.apple.vpn.managedX"}) {
    EXPECT_EQ(find_payload(unknown), nullptr);
    EXPECT_FALSE(is_foreign_payload(unknown));
  }
}

TEST(Tables, ServicesAreUsable) {
  for (std::size_t i = 0; i < services().size(); ++i) {
    const ServiceSelector& s = services()[i];
    if (i > 0) {
      EXPECT_LE(services()[i - 1].service, s.service);
    }
    EXPECT_NE(s.service, policy::Service::none);
    if (!s.ports.empty()) {
      EXPECT_NE(s.protocol, 0);
    }
    for (const std::string_view prefix : s.prefixes) {
      const auto parsed = policy::Prefix::parse(prefix);
      ASSERT_TRUE(parsed) << prefix;
      EXPECT_TRUE(parsed->contains(*policy::Address::parse(prefix.substr(0, prefix.find('/'))))) << prefix;
    }
  }
}

TEST(Tables, KnownAppsAreSortedAndHaveRoles) {
  std::set<std::string_view> paths;
  for (std::size_t i = 0; i < known_apps().size(); ++i) {
    const KnownApp& app = known_apps()[i];
    if (i > 0) {
      EXPECT_LT(known_apps()[i - 1].identifier, app.identifier);
    }
    EXPECT_NE(app.roles, 0U) << app.identifier;
    EXPECT_FALSE(app.title.empty()) << app.identifier;
    for (const std::string_view path : app.paths) {
      EXPECT_EQ(path.front(), '/') << path;
      EXPECT_TRUE(paths.insert(path).second) << path << " is two apps'";
    }
  }
}

}  // namespace
}  // namespace vpn::schema
