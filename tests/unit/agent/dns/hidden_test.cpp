#include "agent/dns/hidden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent::dns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(HiddenServices, AreThoseOfTheHostsLine) {
  EXPECT_THAT(hidden_services("passwd: files sss\nhosts:\tfiles resolve [!UNAVAIL=return] dns sss\n"),
              ElementsAre("resolve", "sss"));
  EXPECT_THAT(hidden_services("  hosts: files mdns4_minimal [NOTFOUND=return]dns # resolve\n#hosts: resolve"),
              IsEmpty());
  EXPECT_THAT(hidden_services("hosts:resolve"), ElementsAre("resolve"));
  EXPECT_THAT(hidden_services("hosts: files [NOTFOUND=resolve"), IsEmpty());
  EXPECT_THAT(hidden_services(""), IsEmpty());
  EXPECT_THAT(hidden_services("hosts:\n\n[\n"), IsEmpty());
}

}  // namespace
}  // namespace vpn::agent::dns
