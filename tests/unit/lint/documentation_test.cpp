// docs/findings.md is what the catalogue says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace vpn::lint::test {
namespace {

std::string content(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(Documentation, FindingsAreCurrent) {
  const std::string generated = content(VPN_BINARY_DIR "/generated/findings/findings.md");
  ASSERT_FALSE(generated.empty());
  EXPECT_EQ(content(VPN_SOURCE_DIR "/docs/findings.md") == generated, true)
      << "docs/findings.md is stale: build the target docs_findings";
}

}  // namespace
}  // namespace vpn::lint::test
