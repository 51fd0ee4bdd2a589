#include "compiler/lower/pending_file.h"

#include <sys/stat.h>

#include "compiler/lower/signals_held.h"
#include "keys.h"
#include "lowering.h"

namespace vpn::lower {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::size_t entries(const Folder& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
  return count;
}

/// Skips where the file system of the temporary folder has no nameless files.
#define PENDING(name, path, text, mode)                      \
  auto name##_result = PendingFile::write(path, text, mode); \
  ASSERT_TRUE(name##_result.has_value());                    \
  if (!*name##_result) GTEST_SKIP() << "no nameless files";  \
  PendingFile& name = **name##_result /* NOLINT(bugprone-macro-parentheses): GCC refuses them in a declaration */

TEST(PendingFile, IsNotSeenBeforeItIsPublished) {
  const Folder folder;
  PENDING(file, folder / "a", bytes("one"), 0640);
  EXPECT_EQ(entries(folder), 0u);
  ASSERT_TRUE(file.sync().has_value());
  EXPECT_EQ(entries(folder), 0u);
  ASSERT_TRUE(file.publish().has_value());
  ASSERT_TRUE(sync_folder_of(folder / "a").has_value());
  EXPECT_EQ(entries(folder), 1u);
  EXPECT_EQ(read_all(folder / "a"), "one");
  struct stat info {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0640u);
}

TEST(PendingFile, ReplacesTheFileThatHadTheName) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder / "a", bytes("old"), 0600).has_value());
  PENDING(file, folder / "a", bytes("new"), 0600);
  EXPECT_EQ(read_all(folder / "a"), "old");
  ASSERT_TRUE(file.sync_file_system().has_value());
  ASSERT_TRUE(file.publish().has_value());
  EXPECT_EQ(read_all(folder / "a"), "new");
  EXPECT_EQ(entries(folder), 1u);
}

TEST(PendingFile, NothingStaysOfOneThatIsDropped) {
  const Folder folder;
  {
    const auto dropped = PendingFile::write(folder / "a", bytes("one"), 0600);
    ASSERT_TRUE(dropped.has_value());
  }
  EXPECT_EQ(entries(folder), 0u);
}

TEST(PendingFile, AFolderInTheWayIsAnError) {
  const Folder folder;
  PENDING(file, folder / "a", bytes("one"), 0600);
  std::filesystem::create_directory(folder / "a");
  EXPECT_FALSE(file.publish().has_value());
  EXPECT_EQ(entries(folder), 1u);
}

TEST(PendingFile, LeavesWhatIsNoRegularFileToOthers) {
  const Folder folder;
  std::filesystem::create_symlink("elsewhere", folder / "link");
  for (const std::string& path : {std::string("/dev/null"), folder.path(), folder / "link"}) {
    const auto pending = PendingFile::write(path, bytes("x"), 0600);
    ASSERT_TRUE(pending.has_value()) << path;
    EXPECT_FALSE(pending->has_value()) << path;
  }
}

TEST(SignalsHeld, AHeldSignalWaits) {
  EXPECT_FALSE(SignalsHeld::waiting());
  const auto before = ::signal(SIGHUP, SIG_IGN);
  {
    const SignalsHeld held;
    ::signal(SIGHUP, [](int) {});
    ::raise(SIGHUP);
    EXPECT_TRUE(SignalsHeld::waiting());
  }
  EXPECT_FALSE(SignalsHeld::waiting());
  ::signal(SIGHUP, before);
}

}  // namespace
}  // namespace vpn::lower
