#include "agent/loop/asio_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/support/no_descriptors.h"

namespace vpn::agent {
namespace {

using std::chrono::milliseconds;

struct Pair {
  std::array<int, 2> ends{};
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0); }
  ~Pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

TEST(AsioLoop, CallsBackForEachReadAndForWriting) {
  AsioLoop loop;
  Pair pair;
  int reads = 0, writes = 0;
  std::unique_ptr<Waiting> writing;
  const auto reading = loop.readable(pair.ends[0], [&] {
    char c = 0;
    EXPECT_EQ(::read(pair.ends[0], &c, 1), 1);
    if (++reads == 2) loop.stop();
  });
  writing = loop.writable(pair.ends[0], [&] {
    ++writes;
    writing.reset();  // a callback may end its own waiting
    EXPECT_EQ(::write(pair.ends[1], "ab", 2), 2);
  });
  loop.run();
  EXPECT_EQ(reads, 2);  // one byte was left over: called again for it
  EXPECT_EQ(writes, 1);
}

TEST(AsioLoop, TimersRunOnceAndNotAfterTheyWereDestroyed) {
  AsioLoop loop;
  int ran = 0;
  auto cancelled = loop.after(milliseconds(1), [&] { ran += 100; });
  std::unique_ptr<Waiting> first = loop.after(milliseconds(1), [&] {
    ++ran;
    cancelled.reset();  // due at the same time
    first.reset();
  });
  cancelled.reset();
  const auto last = loop.after(milliseconds(20), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(ran, 1);
}

TEST(AsioLoop, NothingIsCalledForADestroyedDescriptor) {
  AsioLoop loop;
  Pair pair;
  int reads = 0;
  auto reading = loop.readable(pair.ends[0], [&] { ++reads; });
  EXPECT_EQ(::write(pair.ends[1], "a", 1), 1);
  reading.reset();
  const auto last = loop.after(milliseconds(10), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(reads, 0);
}

TEST(AsioLoop, WaitsForADescriptorOfItsOwn) {
  AsioLoop loop;
  Pair pair;
  EXPECT_EQ(::write(pair.ends[1], "a", 1), 1);
  test::NoDescriptors none(loop);
  ASSERT_TRUE(none.is_true());
  bool read = false;
  const auto reading = loop.readable(pair.ends[0], [&] {
    read = true;
    loop.stop();
  });
  const auto there_are_again = loop.after(milliseconds(30), [&] { none.end(); });
  const auto last = loop.after(milliseconds(3000), [&] { loop.stop(); });
  loop.run();
  EXPECT_TRUE(read);
}

TEST(AsioLoop, Signals) {
  AsioLoop loop;
  int seen = 0;
  loop.on_signal({SIGUSR1}, [&](int s) {
    seen = s;
    loop.stop();
  });
  ::raise(SIGUSR1);
  loop.run();
  EXPECT_EQ(seen, SIGUSR1);
}

}  // namespace
}  // namespace vpn::agent
