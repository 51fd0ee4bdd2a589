#include <gtest/gtest.h>

#include "compiler/schema/schema.h"

namespace vpn::schema {
namespace {

TEST(Version, ParsesOneToThreeNumbers) {
  Version v;
  ASSERT_TRUE(Version::parse("10.15.4", v));
  EXPECT_EQ(v, (Version{10, 15, 4}));
  EXPECT_EQ(v.to_string(), "10.15.4");
  ASSERT_TRUE(Version::parse("27", v));
  EXPECT_EQ(v, (Version{27, 0, 0}));
  EXPECT_EQ(v.to_string(), "27.0");
  ASSERT_TRUE(Version::parse("14.2", v));
  EXPECT_EQ(v.to_string(), "14.2");
}

TEST(Version, RefusesEverythingElse) {
  for (const char* text : {"", ".", "1.", ".1", "1..2", "1.2.3.4", "1.2.3.", "a", "1a", "1.b", "-1", "+1", " 1", "1 ",
                           "65536", "1.99999999999999999999", "0x1", "n/a"}) {
    Version v{7, 7, 7};
    EXPECT_FALSE(Version::parse(text, v)) << text;
    EXPECT_EQ(v, (Version{7, 7, 7})) << text << ": left alone";
  }
}

TEST(Version, Orders) {
  EXPECT_LT((Version{9, 3, 0}), (Version{10, 0, 0}));
  EXPECT_LT((Version{10, 15, 0}), (Version{10, 15, 4}));
  EXPECT_LT((Version{13, 4, 0}), (Version{13, 10, 0}));
}

}  // namespace
}  // namespace vpn::schema
