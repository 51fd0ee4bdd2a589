#include "compiler/cli/fix.h"

#include <gtest/gtest.h>

namespace vpn::cli {
namespace {

using document::Span;
using findings::Finding;

Finding with_edits(const document::Source& source, std::vector<findings::Edit> edits) {
  Finding f;
  f.code = findings::Code::unknown_key;
  f.source = &source;
  f.edits = std::move(edits);
  return f;
}

TEST(Fix, ReplacesAndKeepsEveryOtherByte) {
  const document::Source source("a", "one two\r\n\tthree");
  const Fixed fixed =
      apply_fixes(source, {with_edits(source, {{Span{4, 7}, "2"}}), with_edits(source, {{Span{0, 0}, ">"}})});
  EXPECT_EQ(fixed.text, ">one 2\r\n\tthree");
  EXPECT_EQ(fixed.applied, 2U);
  EXPECT_EQ(fixed.deferred, 0U);
}

TEST(Fix, AppliesAllEditsOfAFindingOrNone) {
  const document::Source source("a", "abcdef");
  const Fixed fixed = apply_fixes(
      source, {with_edits(source, {{Span{2, 4}, "X"}}), with_edits(source, {{Span{0, 1}, "Y"}, {Span{3, 5}, "Z"}})});
  EXPECT_EQ(fixed.text, "abXef");
  EXPECT_EQ(fixed.applied, 1U);
  EXPECT_EQ(fixed.deferred, 1U);
}

TEST(Fix, EditsThatTouchWaitForAnotherRound) {
  const document::Source source("a", "abcdef");
  EXPECT_EQ(
      apply_fixes(source, {with_edits(source, {{Span{2, 2}, "X"}}), with_edits(source, {{Span{2, 2}, "Y"}})}).text,
      "abXcdef");
  EXPECT_EQ(
      apply_fixes(source, {with_edits(source, {{Span{1, 3}, "X"}}), with_edits(source, {{Span{3, 3}, "Y"}})}).text,
      "aXdef");
  EXPECT_EQ(
      apply_fixes(source, {with_edits(source, {{Span{3, 3}, "Y"}}), with_edits(source, {{Span{1, 3}, "X"}})}).text,
      "abcYdef");
  EXPECT_EQ(
      apply_fixes(source, {with_edits(source, {{Span{0, 6}, "X"}}), with_edits(source, {{Span{2, 3}, "Y"}})}).text,
      "X");
}

TEST(Fix, RefusesEditsOutsideTheText) {
  const document::Source source("a", "abc");
  EXPECT_EQ(apply_fixes(source, {with_edits(source, {{Span{2, 9}, "X"}})}).applied, 0U);
  EXPECT_EQ(apply_fixes(source, {with_edits(source, {{Span{2, 1}, "X"}})}).applied, 0U);
  EXPECT_EQ(apply_fixes(source, {with_edits(source, {{Span{}, "X"}})}).applied, 0U);
}

TEST(Fix, LeavesOtherFilesAlone) {
  const document::Source source("a", "abc"), other("b", "abc");
  EXPECT_EQ(apply_fixes(source, {with_edits(other, {{Span{0, 1}, "X"}})}).text, "abc");
}

TEST(Diff, IsEmptyForEqualTexts) { EXPECT_EQ(unified_diff("a", "x\n", "x\n"), ""); }

TEST(Diff, ShowsChangesWithContext) {
  EXPECT_EQ(unified_diff("p/a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5x\n6\n7\n8\n9\n"),
            "--- a/p/a\n+++ b/p/a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+5x\n 6\n 7\n 8\n");
}

TEST(Diff, InsertionsAndDeletions) {
  EXPECT_EQ(unified_diff("a", "", "x\n"), "--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(unified_diff("a", "x\n", ""), "--- a/a\n+++ b/a\n@@ -1 +0,0 @@\n-x\n");
  EXPECT_EQ(unified_diff("/abs", "x\ny\n", "x\nz\ny\n"), "--- /abs\n+++ /abs\n@@ -1,2 +1,3 @@\n x\n+z\n y\n");
}

TEST(Diff, NamesAMissingLineEnd) {
  EXPECT_EQ(
      unified_diff("a", "x\ny", "x\nz"),
      "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n");
}

TEST(Diff, DistantChangesGetHunksOfTheirOwn) {
  std::string before, after;
  for (int i = 0; i < 40; ++i) {
    before += std::to_string(i) + "\n";
    after += std::to_string(i) + (i == 5 || i == 30 ? "x\n" : "\n");
  }
  const std::string diff = unified_diff("a", before, after);
  EXPECT_NE(diff.find("@@ -3,7 +3,7 @@"), std::string::npos);
  EXPECT_NE(diff.find("@@ -28,7 +28,7 @@"), std::string::npos);
}

TEST(Diff, ManyChangesAreOneReplacement) {
  std::string before, after;
  for (int i = 0; i < 6000; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  const std::string diff = unified_diff("a", before, after);
  EXPECT_NE(diff.find("@@ -1,6000 +1,6000 @@"), std::string::npos);
}

}  // namespace
}  // namespace vpn::cli
