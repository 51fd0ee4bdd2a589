#include "compiler/cli/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "folder.h"

namespace vpn::cli {
namespace {

TEST(Inputs, FoldersGiveTheirProfilesByName) {
  const Folder folder;
  folder.write("b.mobileconfig", "anything");
  folder.write("a/z.plist", "<key>PayloadType</key>");
  folder.write("a/other.plist", "<key>CFBundleName</key>");
  folder.write("c.json", R"({"Type": "com.apple.configuration.network.vpn.ikev2"})");
  folder.write("package.json", R"({"name": "x", "Type": 1})");
  folder.write("d.xml", std::string("P\0a\0y\0l\0o\0a\0d\0T\0y\0p\0e\0", 22));
  folder.write("e.XML", "-----BEGIN PKCS7-----");
  folder.write(".git/x.mobileconfig", "");
  folder.write(".hidden.mobileconfig", "");
  folder.write("readme.txt", "PayloadType");
  const std::string root = folder.path("");
  const Inputs inputs = collect_inputs({root});
  EXPECT_THAT(inputs.files, testing::ElementsAre(root + "a/z.plist", root + "b.mobileconfig", root + "c.json",
                                                 root + "d.xml", root + "e.XML"));
  EXPECT_TRUE(inputs.problems.empty());
}

TEST(Inputs, NamedFilesAreTakenWhateverTheyAre) {
  const Folder folder;
  folder.write("readme.txt", "x");
  const Inputs inputs = collect_inputs({folder.path("readme.txt"), "-", folder.path("./readme.txt"), "-"});
  EXPECT_THAT(inputs.files, testing::ElementsAre(folder.path("readme.txt"), "-"));
}

TEST(Inputs, LinksInACircleEnd) {
  const Folder folder;
  folder.write("a/b.mobileconfig", "");
  std::filesystem::create_directory_symlink(folder.path(""), folder.path("a/up"));
  EXPECT_EQ(collect_inputs({folder.path("")}).files.size(), 1U);
}

TEST(Inputs, NamedPipesInFoldersAreNotOpened) {
  const Folder folder;
  folder.write("a.mobileconfig", "");
  ASSERT_EQ(::mkfifo(folder.path("b.plist").c_str(), 0600), 0);
  EXPECT_EQ(collect_inputs({folder.path("")}).files.size(), 1U);
}

TEST(Inputs, SayWhatIsNotThere) {
  const Folder folder;
  std::filesystem::create_directory(folder.path("empty"));
  const Inputs inputs = collect_inputs({folder.path("none"), folder.path("empty")});
  ASSERT_EQ(inputs.problems.size(), 2U);
  EXPECT_EQ(inputs.problems[0].kind, ErrorKind::unreadable);
  EXPECT_EQ(inputs.problems[0].where, folder.path("none"));
  EXPECT_EQ(inputs.problems[1].kind, ErrorKind::usage);
  EXPECT_EQ(inputs.problems[1].what, "there is no profile in this folder");
}

TEST(Inputs, JsonIsToldByItsFirstCharacter) {
  EXPECT_TRUE(looks_like_json("\xEF\xBB\xBF \n{"));
  EXPECT_TRUE(looks_like_json("["));
  EXPECT_FALSE(looks_like_json("<plist>"));
  EXPECT_FALSE(looks_like_json(" "));
}

}  // namespace
}  // namespace vpn::cli
