// Whose a socket is, by the programs' search, on real processes.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/datapath/bpf/maps.h"
#include "guarded.h"

namespace vpn::agent::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* peer = "10.77.0.1";

ExecutableOwner executable(const std::string& path, const Owner& owner) {
  struct stat s {};
  EXPECT_EQ(::stat(path.c_str(), &s), 0) << path;
  return {s.st_dev, s.st_ino, owner};
}

std::uint64_t id_of(const std::string& folder) {
  struct stat s {};
  return ::stat(folder.c_str(), &s) == 0 ? s.st_ino : 0;
}

/// A process, killed at the end.
class Child {
 public:
  template <class Body>
  explicit Child(Body body) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    if (!waited_) ::waitpid(pid_, nullptr, 0);
  }
  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    waited_ = true;
    return WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
  bool waited_ = false;
};

/// A shell that does what it is told by its input, line by line, and answers each line.
class Shell {
 public:
  explicit Shell(const std::string& program) {
    std::array<int, 2> in{}, out{};
    if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0) return;
    child_ = std::make_unique<Child>([&] {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
      ::execl(program.c_str(), program.c_str(), static_cast<char*>(nullptr));
      ::_exit(1);
    });
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_ = out[0];
    say("echo ready");
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() {
    ::close(in_);
    ::close(out_);
  }
  std::uint32_t pid() const { return child_->pid(); }
  /// What the line printed; it has to print something.
  std::string say(const std::string& line) const {
    const std::string text = line + "\n";
    if (::write(in_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return "not written";
    std::array<char, 256> answer{};
    const ssize_t n = ::read(out_, answer.data(), answer.size());
    return n <= 0 ? "no answer" : std::string(answer.data(), static_cast<std::size_t>(n - 1));
  }
  /// Whether a datagram of its own leaves.
  bool sends() const { return say("(echo text > /dev/udp/10.77.0.1/9) 2>/dev/null && echo yes || echo no") == "yes"; }

 private:
  std::unique_ptr<Child> child_;
  int in_ = -1, out_ = -1;
};

class Owners : public GuardedTest {
 protected:
  void SetUp() override {
    GuardedTest::SetUp();
    if (!room_) return;
    folder_ = testing::TempDir() + "/owners-" + std::to_string(::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!room_) return;
    for (auto name = groups_.rbegin(); name != groups_.rend(); ++name)
      for (int tries = 0; tries < 50 && ::rmdir(name->c_str()) != 0 && errno == EBUSY; ++tries) ::usleep(10000);
    fs::remove_all(folder_);
  }
  /// Two apps, the second of which may send; others may when `others`, unattributed sockets never.
  Datapath open_with_apps(bool others = false) {
    Datapath d = open();
    know_interfaces(d);
    const auto numbers = d.numbers(std::vector<std::string_view>{"com.example.held", "com.example.free"});
    held_ = numbers->at(0);
    free_ = numbers->at(1);
    apps_ = {{held_, 1, 0}, {free_, 2, 0}};
    pairs_ = {VPN_OTHER, VPN_FIRST_APP, VPN_FIRST_APP + 1};
    publish(d, {drop_cell, drop_cell, others ? system_cell : drop_cell, drop_cell, system_cell});
    return d;
  }
  std::string make_group(const std::string& name) {
    const std::string path = room_->cgroup() + "/" + name;
    EXPECT_EQ(::mkdir(path.c_str(), 0755), 0) << path << ": " << std::strerror(errno);
    groups_.push_back(path);
    return path;
  }
  /// What becomes of the first datagram of a process that enters a cgroup.
  static int first_in(const std::string& group) {
    Child child([&] {
      std::ofstream(group + "/cgroup.procs") << "0" << std::flush;
      ::_exit(Socket(AF_INET, SOCK_DGRAM).send_to(peer, 9, "first"));
    });
    return child.wait();
  }
  std::string copy(const char* program, const std::string& name) const {
    const std::string path = folder_ + "/" + name;
    fs::copy_file(program, path + ".new");
    fs::rename(path + ".new", path);
    return path;
  }

  std::string folder_;
  std::vector<std::string> groups_;
  Number held_ = 0, free_ = 0;
};

TEST_F(Owners, AnAppOfAPolicyToComeIsUnattributed) {
  Datapath d = open_with_apps(true);
  EXPECT_EQ(Socket(AF_INET, SOCK_DGRAM).send_to(peer, 9, "other"), 0);
  const Number to_come = d.number("com.example.to-come").value();
  const CgroupOwner group{room_->cgroup_id(), {.app = to_come}};
  ASSERT_TRUE(d.add_owners({&group, 1}, {}));
  const Socket early(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(early.send_to(peer, 9, "early"), EPERM) << "the table in force knows nothing of it";
  publish(d, {drop_cell, drop_cell, system_cell, drop_cell, drop_cell});
  EXPECT_EQ(early.send_to(peer, 9, "other"), 0) << "the policy that came does not treat it specially";
  apps_.push_back({to_come, 1, 0});
  publish(d, {drop_cell, drop_cell, system_cell, drop_cell, drop_cell});
  EXPECT_EQ(early.send_to(peer, 9, "held"), EPERM);
}

TEST_F(Owners, NobodyIsTakenForAnotherWhileAPolicyFollowsAnother) {
  Datapath d = open_with_apps(true);
  const CgroupOwner old_group{room_->cgroup_id(), {.app = held_}};
  ASSERT_TRUE(d.set_owners({&old_group, 1}, {}));
  const Socket held(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(held.send_to(peer, 9, "held"), EPERM);
  // The policy that follows knows the cgroup as another app's; until it is in force, it is neither's.
  const CgroupOwner new_group{room_->cgroup_id(), {.app = free_}};
  ASSERT_TRUE(d.add_owners({&new_group, 1}, {}));
  ASSERT_TRUE(d.attribute_existing());
  const Socket between(AF_INET, SOCK_DGRAM);
  EXPECT_EQ(held.send_to(peer, 9, "between"), EPERM);
  EXPECT_EQ(between.send_to(peer, 9, "between"), EPERM);
  // One that follows without the app: its owners stay until then.
  ASSERT_TRUE(d.set_owners({&old_group, 1}, {}));
  ASSERT_TRUE(d.add_owners({}, {}));
  EXPECT_EQ(Socket(AF_INET, SOCK_DGRAM).send_to(peer, 9, "held"), EPERM);
  ASSERT_TRUE(d.set_owners({&new_group, 1}, {}));
  ASSERT_TRUE(d.attribute_existing());
  EXPECT_EQ(held.send_to(peer, 9, "free"), 0) << "its process is another's now";
  EXPECT_EQ(between.send_to(peer, 9, "free"), 0);
  ASSERT_TRUE(d.set_owners({}, {}));
  EXPECT_EQ(Socket(AF_INET, SOCK_DGRAM).send_to(peer, 9, "other"), 0);
}

TEST_F(Owners, ASocketFollowsTheProcessThatMadeItAndNoOther) {
  Datapath d = open_with_apps();
  const std::string app = make_group("app");
  const CgroupOwner group{id_of(app), {.app = free_}};
  ASSERT_TRUE(d.set_owners({&group, 1}, {}));
  const Socket given(AF_INET, SOCK_DGRAM);
  Child child([&] {  // has both, made one
    const Socket own(AF_INET, SOCK_DGRAM);
    std::ofstream(app + "/cgroup.procs") << "0" << std::flush;
    const int before = own.send_to(peer, 9, "before");
    const bool done = d.attribute_existing().has_value();
    ::_exit(before == EPERM && done && own.send_to(peer, 9, "moved") == 0 && given.send_to(peer, 9, "given") == EPERM
                ? 0
                : 1);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Owners, ANewCgroupIsKnownByItsName) {
  Datapath d = open_with_apps();
  const std::string long_start = "app-" + std::string(80, 'l') + "-";
  std::vector<CgroupPattern> patterns{{"app-free-held-", ".scope", false, true, held_},
                                      {"app-free-", ".scope", false, true, free_},
                                      {"free.service", "", true, true, free_},
                                      {long_start, "", false, true, free_},
                                      {std::string(120, 'x'), ".scope", false, true, free_},
                                      {"app-unsure-", ".scope", false, false, free_}};
  ASSERT_TRUE(d.set_owners({}, {}, patterns));
  const std::vector<std::pair<std::string, int>> expected{
      {"app-free-1.scope", 0},
      {"app-free-held-1.scope", EPERM},
      {"app-free-1.slice", EPERM},
      {"app-free-.scope", 0},
      {"app-free.scope", EPERM},
      {"free.service", 0},
      {"free.service2", EPERM},
      {long_start + std::string(100, 'n'), 0},
      {std::string(120, 'x') + "1.scope", EPERM},  // longer than the kernel looks: not certain
      {"app-free-1.scope/below", 0},
      {"app-unsure-1.scope", EPERM},
      {"else.scope", EPERM}};
  for (const auto& [name, error] : expected) EXPECT_EQ(first_in(make_group(name)), error) << name;
}

TEST_F(Owners, WhatANameDoesNotTellWaitsUntilItIsTold) {
  Datapath d = open_with_apps(true);
  const std::array patterns{CgroupPattern{"", "x", false, false, held_}};
  ASSERT_TRUE(d.set_owners({}, {}, patterns));
  EXPECT_EQ(first_in(make_group("else")), 0);
  const std::string group = make_group("perhaps-x");
  EXPECT_EQ(first_in(group), EPERM);
  std::array<int, 2> done{};
  ASSERT_EQ(::pipe(done.data()), 0);
  Child child([&] {
    std::ofstream(group + "/cgroup.procs") << "0" << std::flush;
    const Socket udp(AF_INET, SOCK_DGRAM);
    const int before = udp.send_to(peer, 9, "waits");
    const CgroupOwner nobody{id_of(group), {}};
    const bool told = d.set_owners({&nobody, 1}, {}, patterns) && d.attribute_existing();
    ::_exit(before == EPERM && told && udp.send_to(peer, 9, "told") == 0 ? 0 : 1);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(first_in(group), 0);
}

TEST_F(Owners, PatternsOfTooManyShapesAreNotCertain) {
  Datapath d = open_with_apps(true);
  std::vector<CgroupPattern> patterns;
  for (std::size_t i = 1; i <= VPN_SHAPES; ++i) patterns.push_back({std::string(i, 'a'), "", true, true, free_});
  ASSERT_TRUE(d.set_owners({}, {}, patterns));
  EXPECT_EQ(first_in(make_group("b")), EPERM) << "it may be one of those for which there was no room";
  patterns.pop_back();
  ASSERT_TRUE(d.set_owners({}, {}, patterns));
  EXPECT_EQ(first_in(make_group("c")), 0);
}

TEST_F(Owners, TheKernelTellsWhoseAProcessIs) {
  Datapath d = open_with_apps();
  const std::string program = copy("/bin/bash", "app");
  const std::string group = make_group("app");
  const std::array executables{executable(program, {.app = free_})};
  const std::array groups{CgroupOwner{id_of(group), {.app = held_}}};
  ASSERT_TRUE(d.set_owners(groups, executables));
  const auto join = [&](const Shell& shell, const std::string& to) {
    EXPECT_EQ(shell.say("echo 0 > " + to + "/cgroup.procs && echo in"), "in");
  };

  const Shell app(program), other("/bin/bash");
  Owner owner = d.owner_of(app.pid()).value();
  EXPECT_EQ(owner.app, free_) << "by executable";
  EXPECT_EQ(owner.spawner, 0u);
  EXPECT_TRUE(app.sends());
  EXPECT_EQ(d.owner_of(other.pid()).value().app, 0u);
  EXPECT_FALSE(other.sends());

  join(app, group);
  join(other, group);
  owner = d.owner_of(app.pid()).value();
  EXPECT_EQ(owner.app, free_) << "the executable before the cgroup";
  EXPECT_EQ(owner.spawner, held_) << "whose helper it is then";
  owner = d.owner_of(other.pid()).value();
  EXPECT_EQ(owner.app, held_) << "by cgroup";
  EXPECT_FALSE(other.sends());

  // A helper: what an app starts; neither its executable nor its cgroup says so.
  join(app, room_->cgroup());
  const auto helper = static_cast<std::uint32_t>(std::stoul(app.say("sleep 60 & echo $!")));
  for (int tries = 0; tries < 100 && fs::read_symlink("/proc/" + std::to_string(helper) + "/exe") == program; ++tries)
    ::usleep(10000);
  owner = d.owner_of(helper).value();
  EXPECT_EQ(owner.app, 0u);
  EXPECT_EQ(owner.spawner, free_);
  EXPECT_EQ(app.say("kill %1; echo done"), "done");

  // An upgrade replaces the file; the old one counts as long as it is told of.
  copy("/bin/bash", "app");
  const std::array both{executables[0], executable(program, {.app = free_})};
  ASSERT_TRUE(d.set_owners(groups, both));
  const Shell upgraded(program);
  for (const Shell* shell : {&app, &upgraded}) {
    EXPECT_EQ(d.owner_of(shell->pid()).value().app, free_);
    EXPECT_TRUE(shell->sends());
  }
  EXPECT_EQ(d.owner_of(0x3fffffff).has_value() ? d.owner_of(0x3fffffff).value().app : 0u, 0u) << "no such process";
}

}  // namespace
}  // namespace vpn::agent::test
