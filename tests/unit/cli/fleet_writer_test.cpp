#include "compiler/cli/fleet_writer.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace vpn::cli {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;

class FleetWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "vpn-fleet-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static bool put(FleetWriter& writer, std::size_t device, const std::string& path, std::string_view text) {
    return writer.put(device, path, std::as_bytes(std::span(text)), 0600).has_value();
  }
  std::string content(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  fs::path folder_;
};

TEST_F(FleetWriterTest, EveryFileIsThereAfterTheFlush) {
  FleetWriter writer(2);
  ASSERT_TRUE(put(writer, 0, path("a"), "1"));
  EXPECT_FALSE(writer.is_full());
  ASSERT_TRUE(put(writer, 1, path("b"), "2"));
  EXPECT_THAT(writer.flush(), IsEmpty());
  EXPECT_FALSE(writer.is_full());
  EXPECT_EQ(content("a"), "1");
  EXPECT_EQ(content("b"), "2");
  EXPECT_THAT(writer.flush(), IsEmpty());
}

TEST_F(FleetWriterTest, ADeviceThatFailsHasNoFileAfterThat) {
  FleetWriter writer(8);
  ASSERT_TRUE(put(writer, 0, path("a.secrets"), "s"));
  ASSERT_TRUE(put(writer, 0, path("a"), "1"));
  ASSERT_TRUE(put(writer, 1, path("b"), "2"));
  fs::create_directory(folder_ / "a.secrets");
  const auto failed = writer.flush();
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].first, 0u);
  EXPECT_FALSE(fs::exists(path("a")));
  EXPECT_EQ(content("b"), "2");
}

TEST_F(FleetWriterTest, LinksStayLinks) {
  FleetWriter writer(8);
  fs::create_symlink("real", folder_ / "a");
  std::ofstream(path("real")) << "old";
  ASSERT_TRUE(put(writer, 0, path("a"), "1"));
  EXPECT_THAT(writer.flush(), IsEmpty());
  EXPECT_TRUE(fs::is_symlink(path("a")));
  EXPECT_EQ(content("real"), "1");
}

}  // namespace
}  // namespace vpn::cli
