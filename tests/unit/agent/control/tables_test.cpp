#include "agent/control/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace vpn::agent {
namespace {

using testing::ElementsAre;

Tables some() {
  Tables t;
  t.fresh = {1, 2, 3};
  t.stale = {1, 2, 4};
  t.apps = {{7, 1, 1}};
  t.pairs = {0, 1, 2, 3};
  t.spawners = 2;
  t.connected = {1, 0};
  return t;
}

TEST(Tables, PublishesAllOfThem) {
  const Tables t = some();
  const Publication p = t.publication();
  EXPECT_THAT(p.fresh, ElementsAre(1, 2, 3));
  EXPECT_THAT(p.stale, ElementsAre(1, 2, 4));
  EXPECT_THAT(p.apps, ElementsAre(AppClass{7, 1, 1}));
  EXPECT_THAT(p.pairs, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(p.spawners, 2u);
  EXPECT_THAT(p.connected, ElementsAre(1, 0));
}

TEST(TableLife, WhatIsInForceIsNotPublishedAgain) {
  TableLife life;
  EXPECT_TRUE(life.want(some()));
  life.published();
  EXPECT_FALSE(life.want(some()));
}

// An app that the map of apps has got by a reload changes nothing in the tables, but its class has to reach the kernel.
TEST(TableLife, AnyPartIsNews) {
  const std::vector<std::function<void(Tables&)>> changes{
      [](Tables& t) { t.fresh[2] = 9; },
      [](Tables& t) { t.stale[2] = 9; },
      [](Tables& t) {
        t.apps.push_back({8, 1, 0});
      },
      [](Tables& t) { t.apps[0].as_owner = 0; },
      [](Tables& t) { t.pairs[3] = 0; },
      [](Tables& t) { t.spawners = 4; },
      [](Tables& t) { t.connected[1] = 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    TableLife life;
    life.want(some());
    life.published();
    Tables other = some();
    changes[i](other);
    EXPECT_TRUE(life.want(other)) << i;
    EXPECT_EQ(*life.wanted(), other) << i;
    EXPECT_FALSE(life.current()) << i;
  }
}

TEST(TableLife, VouchesForNothingBeforeTheFirstTable) {
  TableLife life;
  EXPECT_FALSE(life.current());
  EXPECT_EQ(life.wanted(), nullptr);
  EXPECT_FALSE(life.set_tunnel(0, tunnel_down));
  life.failed();
  EXPECT_EQ(life.wanted(), nullptr);
}

TEST(TableLife, VouchesForWhatWasMeantOnly) {
  TableLife life;
  life.want(some());
  EXPECT_FALSE(life.current()) << "adopted tables are in force, or none";
  life.published();
  EXPECT_TRUE(life.current());
  Tables next = some();
  next.fresh[0] = 5;
  life.want(next);
  EXPECT_FALSE(life.current()) << "tables of a network that is gone are in force";
  life.published_blocked();
  EXPECT_TRUE(life.current()) << "they block, whatever the network is";
  EXPECT_TRUE(life.blocked());
}

TEST(TableLife, WhatCannotEvenBeBlockedGrowsStale) {
  TableLife life;
  life.want(some());
  life.published();
  life.failed();
  EXPECT_FALSE(life.current());
  EXPECT_TRUE(life.want(some())) << "what is in force is not known any more";
}

TEST(TableLife, BlockedTablesAreReplacedByTheSameThatTheyCameFrom) {
  TableLife life;
  life.want(some());
  life.published_blocked();
  EXPECT_TRUE(life.want(some()));
}

TEST(TableLife, AStoreOfATunnelsStatusIsPartOfWhatIsInForce) {
  TableLife life;
  life.want(some());
  life.published();
  EXPECT_FALSE(life.set_tunnel(2, tunnel_down));
  EXPECT_TRUE(life.set_tunnel(0, tunnel_down));
  EXPECT_TRUE(life.current());
  EXPECT_TRUE(life.want(some()));
  Tables down = some();
  down.connected[0] = 0;
  life.want(down);
  life.published();
  EXPECT_FALSE(life.want(down));
}

}  // namespace
}  // namespace vpn::agent
