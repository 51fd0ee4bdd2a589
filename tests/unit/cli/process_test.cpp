#include "compiler/ci/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::ci {
namespace {

TEST(Process, CarriesMuchBothWays) {
  const std::string input(std::size_t{3} << 20, 'x');
  const auto done = run_process({"cat"}, input, input.size());
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, input);
  EXPECT_EQ(done->exit, 0);
}

TEST(Process, IsEndedWhenItSaysTooMuch) {
  const auto done = run_process({"yes"}, {}, 1000);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::invalid_input);
}

TEST(Process, ErrorsAreKeptApartAndBounded) {
  const auto done = run_process({"sh", "-c", "echo out; yes error | head -c 1000000 >&2; exit 3"}, "never read", 1000);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->out, "out\n");
  EXPECT_EQ(done->errors.size(), std::size_t{64} << 10);
  EXPECT_EQ(done->exit, 3);
}

TEST(Process, AProgramThatReadsNothingEndsNobody) {
  const auto done = run_process({"true"}, std::string(std::size_t{1} << 20, 'x'), 10);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->exit, 0);
}

TEST(Process, SignalsAndMissingPrograms) {
  EXPECT_EQ(run_process({"sh", "-c", "kill -9 $$"}, {}, 10)->exit, 137);
  const auto missing = run_process({"no-such-program-here"}, {}, 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::environment);
}

TEST(Process, LeavesVariablesOut) {
  ::setenv("VPN_TEST_LEFT_OUT", "x", 1);
  constexpr std::string_view without[] = {"VPN_TEST_LEFT_OUT"};
  EXPECT_EQ(run_process({"sh", "-c", "echo ${VPN_TEST_LEFT_OUT-none}"}, {}, 10, without)->out, "none\n");
  ::unsetenv("VPN_TEST_LEFT_OUT");
}

}  // namespace
}  // namespace vpn::ci
