#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "keys.h"
#include "lowering.h"

namespace vpn::lower {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::size_t entries(const Folder& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
  return count;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(WriteFile, WritesContentAndMode) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes("one"), 0600).has_value());
  EXPECT_EQ(read_all(folder / "a"), "one");
  EXPECT_EQ(mode_of(folder / "a"), 0600u);
  ASSERT_TRUE(write_file(folder / "a", bytes("two"), 0644).has_value());
  EXPECT_EQ(read_all(folder / "a"), "two");
  EXPECT_EQ(mode_of(folder / "a"), 0644u);
  EXPECT_EQ(entries(folder), 1u);
}

TEST(WriteFile, AReaderOfTheOldFileKeepsIt) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes("old"), 0644).has_value());
  std::ifstream reader(folder / "a");
  ASSERT_TRUE(write_file(folder / "a", bytes("new"), 0644).has_value());
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "old");
}

TEST(WriteFile, LinksStayLinks) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "real", bytes("old"), 0644).has_value());
  std::filesystem::create_symlink("real", folder / "link");
  ASSERT_TRUE(write_file(folder / "link", bytes("new"), 0644).has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_all(folder / "real"), "new");
}

TEST(WriteFile, DevicesAreWrittenToNotReplaced) {
  ASSERT_TRUE(write_file("/dev/null", bytes("x"), 0600).has_value());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(WriteFile, ErrorsNameThePathAndLeaveNothing) {
  const Folder folder;
  const auto missing = write_file(folder / "no/such/a", bytes("x"), 0600);
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().where, HasSubstr("no/such/a"));
  EXPECT_EQ(write_file(folder.path(), bytes("x"), 0600).error().kind, ErrorKind::usage);
  EXPECT_EQ(entries(folder), 0u);
}

TEST(WriteFile, AFullDiskLeavesTheOldFile) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes("old"), 0644).has_value());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10, 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string large(100'000, 'x');
    ::_exit(write_file(folder / "a", bytes(large), 0644).has_value() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_all(folder / "a"), "old");
  EXPECT_EQ(entries(folder), 1u);
}

TEST(WriteFile, AKilledWriterLeavesNothingHalfWritten) {
  const Folder folder;
  const std::string large(8'000'000, 'x');
  for (int round = 0; round < 10; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) (void)write_file(folder / "a", bytes(large), 0644);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    ::kill(child, SIGINT);
    ::waitpid(child, nullptr, 0);
    EXPECT_LE(entries(folder), 1u);
    if (entries(folder) == 1) {
      EXPECT_EQ(read_all(folder / "a").size(), large.size());
    }
  }
}

}  // namespace
}  // namespace vpn::lower
