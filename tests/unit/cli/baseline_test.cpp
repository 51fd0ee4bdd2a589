#include "compiler/cli/baseline.h"

#include <gtest/gtest.h>

#include "folder.h"

namespace vpn::cli {
namespace {

using findings::Code;
using findings::Finding;

Finding about(const document::Source& source, document::Span span, std::string path) {
  Finding f;
  f.code = Code::unknown_key;
  f.source = &source;
  f.span = span;
  f.path = std::move(path);
  return f;
}

TEST(Baseline, SilencesWhatItHoldsAndNothingElse) {
  const Folder folder;
  const document::Source before(folder.path("a.plist"), "<key>Odd</key><key>Odd</key>");
  const std::vector<Finding> known{about(before, {5, 8}, "PayloadContent[0].Odd"),
                                   about(before, {19, 22}, "PayloadContent[1].Odd")};
  folder.write("base.json", Baseline::text(known, folder.path("base.json"), {}));
  auto baseline = Baseline::read(folder.path("base.json"));
  ASSERT_TRUE(baseline) << baseline.error().what;

  const document::Source after(folder.path("a.plist"), "<!-- moved -->\n<key>Odd</key>\n<key>New</key>");
  std::vector<Finding> now{about(after, {20, 23}, "PayloadContent[7].Odd"),
                           about(after, {35, 38}, "PayloadContent[7].New")};
  baseline->apply(now, {});
  ASSERT_EQ(now.size(), 1U);
  EXPECT_EQ(now[0].path, "PayloadContent[7].New");
  EXPECT_EQ(baseline->stale(), 1U);
}

TEST(Baseline, KnowsFilesRelativeToItself) {
  const Folder folder;
  const document::Source here(folder.path("p/a.plist"), "x");
  const std::string text = Baseline::text({about(here, {0, 1}, "x")}, folder.path("base.json"), {});
  EXPECT_NE(text.find("\"file\": \"p/a.plist\""), std::string::npos) << text;
}

TEST(Baseline, RefusesWhatIsNone) {
  const Folder folder;
  EXPECT_EQ(Baseline::read(folder.path("none")).error().kind, ErrorKind::unreadable);
  for (const char* text :
       {"", "[]", "{}", "{\"vpnprofile-baseline\": 2, \"findings\": []}", "{\"vpnprofile-baseline\": 1}",
        "{\"vpnprofile-baseline\": 1, \"findings\": [1]}", "{\"vpnprofile-baseline\": 1, \"findings\": [{}]}",
        "{\"vpnprofile-baseline\": 1, \"findings\": [{\"fingerprint\": 1}]}"}) {
    folder.write("base.json", text);
    const auto read = Baseline::read(folder.path("base.json"));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid_input) << text;
  }
}

}  // namespace
}  // namespace vpn::cli
