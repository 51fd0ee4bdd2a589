#include "agent/control/owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "agent/loop/asio_loop.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

namespace fs = std::filesystem;

// A policy with three apps, of which it knows what two of them are.
policy::Policy policy_of_three() {
  test::PolicyMaker maker;
  maker.device("D");
  for (const char* app : {"com.example.a", "com.example.b", "com.example.c"}) maker.app(app);
  return maker.make();
}

TEST(Owners, TheDevicesOwnAppMapWins) {
  const policy::Policy policy = policy_of_three();
  policy::MappedApp a, stranger, c;
  a.identifier = "com.example.a";
  a.paths = {"/usr/bin/a"};
  a.flatpak = "org.example.A";
  c.identifier = "com.example.c";
  c.snap = "c";
  c.cgroup = "c-*.service";
  stranger.identifier = "com.example.stranger";
  stranger.paths = {"/usr/bin/stranger"};
  const auto all = identities(policy, {a, c, stranger});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].app, 0u);
  EXPECT_THAT(all[0].cgroups, testing::ElementsAre("app-flatpak-org.example.A-*.scope"));
  EXPECT_EQ(all[1].app, 2u);
  EXPECT_THAT(all[1].cgroups, testing::ElementsAre("snap.c.*", "c-*.service"));
}

TEST(Owners, PatternsOfCgroups) {
  AppIdentity app;
  app.cgroups = {"app-flatpak-org.example.A-*.scope", "/lab/apps/*"};
  EXPECT_TRUE(is_cgroup_of(app, "/user.slice/user-1000.slice/app.slice/app-flatpak-org.example.A-77.scope"));
  EXPECT_FALSE(is_cgroup_of(app, "/app-flatpak-org.example.AB-77.scope"));
  EXPECT_TRUE(is_cgroup_of(app, "/lab/apps/x"));
  EXPECT_FALSE(is_cgroup_of(app, "/lab/apps"));
}

TEST(Owners, WhatTheKernelCanTellByACgroupsName) {
  AppIdentity a, b, stranger;
  a.app = 0;
  a.cgroups = {"app-flatpak-org.example.A-*.scope", "a.service", "a-*-x*.scope", "a-?.scope"};
  b.app = 1;
  b.cgroups = {"/lab/apps/*", "/lab/*/b-*.scope", "/lab/b.service", "*"};
  stranger.app = 2;
  stranger.cgroups = {"c"};
  const auto all = cgroup_patterns({a, b, stranger}, {{0, 70}, {1, 80}});
  std::vector<std::string> told;
  for (const CgroupPattern& p : all)
    told.push_back(std::to_string(p.app) + " '" + p.start + (p.whole ? "'" : "' '" + p.end + "'") +
                   (p.certain ? "" : "?"));
  EXPECT_THAT(told,
              testing::ElementsAre("70 'app-flatpak-org.example.A-' '.scope'", "70 'a.service'", "70 'a-' '.scope'?",
                                   "70 'a-' '.scope'?", "80 '' ''?", "80 '' '.scope'?", "80 'b.service'?", "80 '' ''"));
}

TEST(Owners, ACgroupIsWhoseTheNearestAboveIs) {
  const Owner app{.app = 7}, agent{.agent = true};
  std::map<std::uint64_t, std::string> told;
  for (const CgroupOwner& g : with_descendants({{2, app}, {5, agent}, {9, app}},
                                               {{1, 0}, {2, 1}, {3, 2}, {4, 3}, {5, 4}, {6, 5}, {7, 1}, {8, 99}}))
    EXPECT_TRUE(told.emplace(g.id, std::to_string(g.owner.app) + (g.owner.agent ? " agent" : "")).second);
  const std::map<std::uint64_t, std::string> expected{{1, "0"},       {2, "7"}, {3, "7"}, {4, "7"}, {5, "0 agent"},
                                                      {6, "0 agent"}, {7, "0"}, {8, "0"}, {9, "7"}};
  EXPECT_EQ(told, expected);
}

// Follows real files: the folder stands for cgroups, too, which are folders.
class OwnerWatchTest : public testing::Test {
 protected:
  OwnerWatchTest() : folder_(testing::TempDir() + "/owners-" + std::to_string(::getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ + "/bin");
    fs::create_directories(folder_ + "/cgroup/user.slice");
  }
  ~OwnerWatchTest() override { fs::remove_all(folder_); }
  void wait() {
    const auto enough = loop_.after(std::chrono::milliseconds(80), [this] { loop_.stop(); });
    loop_.run();
    loop_.restart();
  }
  void put(const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    fs::rename(path + ".new", path);
  }
  AsioLoop loop_;
  std::string folder_;
  int changes_ = 0;
};

TEST_F(OwnerWatchTest, FollowsExecutablesAndCgroups) {
  const std::string program = folder_ + "/bin/app";
  OwnerWatch watch(loop_, folder_ + "/cgroup", [this] { ++changes_; });
  AppIdentity app;
  app.app = 4;
  app.paths = {program, folder_ + "/later/app"};
  app.cgroups = {"app-x-*.scope"};
  watch.set({app});
  EXPECT_TRUE(watch.found().app_executables.empty());
  put(program, "one");
  wait();
  ASSERT_EQ(watch.found().app_executables.size(), 1u);
  EXPECT_EQ(watch.found().app_executables.begin()->first, executable_of(program));
  const auto before = executable_of(program);
  put(program, "two");  // an upgrade: another inode
  wait();
  ASSERT_EQ(watch.found().app_executables.size(), 1u);
  EXPECT_NE(executable_of(program), before);
  EXPECT_EQ(watch.found().app_executables.begin()->first, executable_of(program));

  fs::create_directories(folder_ + "/cgroup/user.slice/app.slice/app-x-1.scope");
  wait();
  EXPECT_THAT(watch.found().app_cgroups, testing::ElementsAre(testing::Pair(
                                             cgroup_id(folder_ + "/cgroup/user.slice/app.slice/app-x-1.scope"), 4u)));
  const auto& parents = watch.found().parents;
  EXPECT_EQ(parents.at(cgroup_id(folder_ + "/cgroup/user.slice/app.slice/app-x-1.scope")),
            cgroup_id(folder_ + "/cgroup/user.slice/app.slice"));
  EXPECT_EQ(parents.size(), 4u);
  fs::remove(folder_ + "/cgroup/user.slice/app.slice/app-x-1.scope");
  wait();
  EXPECT_TRUE(watch.found().app_cgroups.empty());

  fs::create_directory(folder_ + "/later");
  put(folder_ + "/later/app", "x");
  wait();
  EXPECT_EQ(watch.found().app_executables.size(), 2u);
  EXPECT_GE(changes_, 5);
}

TEST_F(OwnerWatchTest, AnUpgradedProgramThatStillRunsStaysTheApps) {
  const std::string program = folder_ + "/bin/sleep";
  fs::copy_file("/bin/sleep", program);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::execl(program.c_str(), "sleep", "30", static_cast<char*>(nullptr));
    ::_exit(1);
  }
  OwnerWatch watch(loop_, folder_ + "/cgroup", [] {});
  AppIdentity app;
  app.paths = {program};
  watch.set({app});
  wait();
  fs::copy_file("/bin/true", program + ".new");
  fs::rename(program + ".new", program);
  wait();
  EXPECT_EQ(watch.found().app_executables.size(), 2u);
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  put(folder_ + "/bin/other", "x");  // the next look at the folder
  wait();
  EXPECT_EQ(watch.found().app_executables.size(), 1u);
}

TEST_F(OwnerWatchTest, AWrongDigestIsNobody) {
  const std::string program = folder_ + "/bin/app";
  put(program, "one");
  OwnerWatch watch(loop_, folder_ + "/cgroup", [] {});
  AppIdentity app;
  app.paths = {program};
  app.digest.assign(32, 1);
  watch.set({app});
  EXPECT_TRUE(watch.found().app_executables.empty());
  EXPECT_THAT(watch.faults(), testing::Contains(testing::HasSubstr("digest")));
}

TEST_F(OwnerWatchTest, OneExecutableOfTwoAppsIsSaid) {
  const std::string program = folder_ + "/bin/app";
  put(program, "one");
  OwnerWatch watch(loop_, folder_ + "/cgroup", [] {});
  AppIdentity a, b;
  a.app = 1;
  b.app = 2;
  a.paths = b.paths = {program};
  watch.set({a, b});
  EXPECT_EQ(watch.found().app_executables.begin()->second, 1u);
  EXPECT_THAT(watch.faults(), testing::Contains(testing::HasSubstr("two apps")));
}

}  // namespace
}  // namespace vpn::agent
