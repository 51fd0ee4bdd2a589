#include "agent/control/journal.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "agent/files/descriptor.h"

namespace vpn::agent {
namespace {

TEST(Journal, AnEntryHasAFieldOnEachLine) {
  EXPECT_EQ(
      journal_entry("tunnel A: connected", false, {{"VPN_TUNNEL", "A"}, {"VPN_STATUS", "connected"}}),
      "MESSAGE=tunnel A: connected\nPRIORITY=6\nSYSLOG_IDENTIFIER=vpnagentd\nVPN_TUNNEL=A\nVPN_STATUS=connected\n");
  EXPECT_EQ(journal_entry("", true, {}), "MESSAGE=\nPRIORITY=4\nSYSLOG_IDENTIFIER=vpnagentd\n");
}

TEST(Journal, AValueWithLineEndsForgesNoField) {
  const std::string value = "x\nPRIORITY=0";
  EXPECT_EQ(journal_entry("m", false, {{"VPN_TUNNEL", value}}),
            "MESSAGE=m\nPRIORITY=6\nSYSLOG_IDENTIFIER=vpnagentd\nVPN_TUNNEL\n" + std::string("\x0c\0\0\0\0\0\0\0", 8) +
                value + "\n");
}

TEST(Journal, IsWhatTheEnvironmentSaysItIs) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Descriptor in(ends[0]), out(ends[1]);
  struct stat info {};
  ASSERT_EQ(::fstat(out.get(), &info), 0);
  ::setenv("JOURNAL_STREAM", (std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino)).c_str(), 1);
  EXPECT_TRUE(is_journal(out.get()));
  EXPECT_FALSE(is_journal(-1));
  ::setenv("JOURNAL_STREAM", "1:2", 1);
  EXPECT_FALSE(is_journal(out.get())) << "standard error was sent elsewhere since";
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(is_journal(out.get()));
}

TEST(Journal, SendsOneDatagramOrSaysThatNobodyTakesIt) {
  const std::string path = testing::TempDir() + "journal-" + std::to_string(::getpid());
  EXPECT_FALSE(send_to_journal("MESSAGE=x\n", path));
  EXPECT_FALSE(send_to_journal("MESSAGE=x\n", std::string(200, 'x')));
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(send_to_journal("MESSAGE=x\n", path));
  std::array<char, 64> heard{};
  EXPECT_EQ(::recv(socket.get(), heard.data(), heard.size(), 0), 10);
  EXPECT_STREQ(heard.data(), "MESSAGE=x\n");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace vpn::agent
