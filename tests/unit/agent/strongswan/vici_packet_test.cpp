#include "agent/tunnel/strongswan/vici_packet.h"

#include <gtest/gtest.h>

#include <string>

namespace vpn::agent::strongswan {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

Packet request(std::string name) {
  Packet out{PacketType::command_request, std::move(name), {}};
  out.message.set("a", "b");
  return out;
}

TEST(ViciPacket, WritesLengthTypeNameAndMessage) {
  EXPECT_EQ(text_of(*encode(request("version"))), std::string_view("\0\0\0\17\0\7version\3\1a\0\1b", 19));
  Packet response{PacketType::command_response, "is not sent", {}};
  EXPECT_EQ(text_of(*encode(response)), std::string_view("\0\0\0\1\1", 5));
}

TEST(ViciPacket, ReadsItsOwn) {
  for (int type = 0; type <= 7; ++type) {
    Packet packet{static_cast<PacketType>(type), "name", {}};
    packet.message.set("key", "value");
    const auto encoded = encode(packet);
    const auto read = decode_packet(std::span(*encoded).subspan(4));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->type, packet.type);
    EXPECT_EQ(read->message.text("key"), "value");
  }
}

TEST(ViciPacket, RefusesWhatIsNone) {
  for (const std::string_view text : {std::string_view(), std::string_view("\10", 1), std::string_view("\0", 1),
                                      std::string_view("\0\5abc", 5), std::string_view("\1\3", 2)}) {
    EXPECT_FALSE(decode_packet(bytes(text))) << testing::PrintToString(text);
  }
}

TEST(ViciPacket, RefusesToWriteWhatIsTooLong) {
  EXPECT_FALSE(encode(request(std::string(256, 'n'))));
  Packet packet = request("load-conn");
  for (int i = 0; i < 9; ++i) packet.message.set("v", std::string(60'000, 'v'));
  EXPECT_FALSE(encode(packet));
}

TEST(ViciStream, CutsPacketsWhateverTheReadsAre) {
  std::string all;
  for (const char* name : {"one", "two", "three"}) all += text_of(*encode(request(name)));
  for (std::size_t step = 1; step <= all.size(); ++step) {
    PacketStream stream;
    std::vector<std::string> names;
    for (std::size_t at = 0; at < all.size(); at += step) {
      stream.append(bytes(std::string_view(all).substr(at, step)));
      for (auto packet = stream.next(); packet && *packet; packet = stream.next()) names.push_back((*packet)->name);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"one", "two", "three"})) << step;
  }
}

TEST(ViciStream, RefusesALengthThatTheProtocolDoesNotAllowBeforeItWaitsForIt) {
  PacketStream stream;
  stream.append(bytes(std::string_view("\0\10\0\1", 4)));
  EXPECT_FALSE(stream.next());
  PacketStream huge;
  huge.append(bytes(std::string_view("\377\377\377\377", 4)));
  EXPECT_FALSE(huge.next());
  PacketStream empty;
  empty.append(bytes(std::string_view("\0\0\0\0", 4)));
  EXPECT_FALSE(empty.next());
  PacketStream largest;
  largest.append(bytes(std::string_view("\0\10\0\0", 4)));
  const auto waiting = largest.next();
  ASSERT_TRUE(waiting);
  EXPECT_FALSE(waiting->has_value());
}

}  // namespace
}  // namespace vpn::agent::strongswan
