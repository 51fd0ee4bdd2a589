// The parts that a simulation is made of: packets, names in TLS, beginnings of streams, moments, flows, the device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "compiler/simulate/apps.h"
#include "compiler/simulate/client_hello.h"
#include "compiler/simulate/device.h"
#include "compiler/simulate/flow_table.h"
#include "compiler/simulate/moment.h"
#include "compiler/simulate/names.h"
#include "compiler/simulate/packet.h"
#include "compiler/simulate/stream_heads.h"
#include "compiler/simulate/timeline.h"
#include "tests/unit/simulate/frames.h"

namespace vpn::simulate {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Found = ServerName::Found;

constexpr std::string_view device_address = "192.168.1.20", server_address = "203.0.113.80";
const Ends request{device_address, server_address};

Packet read(const Made& bytes, Link link = Link::raw) {
  Packet out;
  decode(link, bytes, out);
  return out;
}

// --- Packets --------------------------------------------------------------------------------------------------------

TEST(Packet, ReadsPortsAndPayload) {
  const Made bytes = tcp(request, made("hello"), 77);
  const Packet p = read(bytes);
  EXPECT_EQ(p.kind, Packet::Kind::ip);
  EXPECT_EQ(p.source, address(device_address));
  EXPECT_EQ(p.destination, address(server_address));
  EXPECT_TRUE(p.has_ports);
  EXPECT_EQ(p.source_port, 50000);
  EXPECT_EQ(p.destination_port, 443);
  EXPECT_EQ(p.sequence, 77u);
  EXPECT_EQ(std::string(p.payload.begin(), p.payload.end()), "hello");
}

TEST(Packet, LeavesPaddingOut) {
  Made bytes = udp(request, made("x"));
  bytes.resize(bytes.size() + 20);
  EXPECT_THAT(read(bytes).payload, SizeIs(1));
  Made offloaded = udp(request, made("xyz"));
  offloaded[2] = offloaded[3] = 0;  // no length yet
  EXPECT_THAT(read(offloaded).payload, SizeIs(3));
}

TEST(Packet, IsMalformedOrShort) {
  Made bytes = udp(request);
  Made header = bytes;
  header[0] = 0x44;
  EXPECT_EQ(read(header).kind, Packet::Kind::malformed);
  header[0] = 0x75;
  EXPECT_EQ(read(header).kind, Packet::Kind::malformed);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Packet p = read(Made(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(p.kind, size < 20 ? Packet::Kind::malformed : Packet::Kind::ip) << size;
    EXPECT_EQ(p.has_ports, size >= 24) << size;
  }
}

TEST(Packet, FamilyMustFitTheFrame) {
  Made frame(12);
  put(frame, 0x86dd, 2);
  put(frame, udp(request));
  EXPECT_EQ(read(frame, Link::ethernet).kind, Packet::Kind::malformed);
  frame[12] = 0x08;
  frame[13] = 0x00;
  EXPECT_EQ(read(frame, Link::ethernet).kind, Packet::Kind::ip);
}

TEST(Packet, RandomBytesAreRead) {
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    Made bytes(random() % 120);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    if (!bytes.empty()) bytes[0] = static_cast<std::uint8_t>(random() % 2 == 0 ? 0x45 : 0x60);
    for (const Link link : {Link::raw, Link::ethernet, Link::cooked, Link::cooked2, Link::loopback}) {
      const Packet p = read(bytes, link);
      if (!p.payload.empty()) {
        EXPECT_GE(p.payload.data(), bytes.data());
        EXPECT_LE(p.payload.data() + p.payload.size(), bytes.data() + bytes.size());
      }
    }
  }
}

// --- Names in TLS ---------------------------------------------------------------------------------------------------

TEST(ClientHello, HasAName) {
  const Made hello = client_hello("www.example.com", 300);
  const ServerName found = server_name(hello);
  EXPECT_EQ(found.found, Found::name);
  EXPECT_EQ(found.name, "www.example.com");
  for (std::size_t size = 0; size < hello.size(); ++size)
    EXPECT_EQ(server_name(std::span(hello).first(size)).found, Found::more) << size;
}

TEST(ClientHello, InSeveralRecords) {
  const Made hello = client_hello("www.example.com");
  Made cut(hello.begin(), hello.begin() + 5);
  cut[3] = 0;
  cut[4] = 10;
  cut.insert(cut.end(), hello.begin() + 5, hello.begin() + 15);
  put(cut, 0x160301, 3);
  put(cut, hello.size() - 15, 2);
  cut.insert(cut.end(), hello.begin() + 15, hello.end());
  EXPECT_EQ(server_name(cut).name, "www.example.com");
}

TEST(ClientHello, IsNone) {
  EXPECT_EQ(server_name(made("GET / HTTP/1.1")).found, Found::nothing);
  Made answer = client_hello("a");
  answer[5] = 2;  // a ServerHello
  EXPECT_EQ(server_name(answer).found, Found::nothing);
  Made huge = client_hello("a");
  huge[6] = 0x7f;
  EXPECT_EQ(server_name(huge).found, Found::nothing);
  EXPECT_EQ(server_name(client_hello(std::string(300, 'a'))).found, Found::nothing);
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    Made hello = client_hello("www.example.com");
    for (int k = 0; k < 4; ++k) hello[random() % hello.size()] = static_cast<std::uint8_t>(random());
    EXPECT_LE(server_name(hello).name.size(), 255u);
  }
}

// --- Streams --------------------------------------------------------------------------------------------------------

std::string text(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

TEST(StreamHeads, JoinsWhateverTheOrder) {
  StreamHeads heads;
  EXPECT_EQ(text(heads.add(1, 0xfffffffe, made("ab"))), "ab") << "sequence numbers go round";
  EXPECT_EQ(text(heads.add(1, 4, made("gh"))), "ab");
  EXPECT_EQ(text(heads.add(1, 2, made("ef"))), "ab");
  EXPECT_EQ(text(heads.add(1, 0, made("cd"))), "abcdefgh");
  EXPECT_EQ(text(heads.add(1, 1, made("dx"))), "abcdefgh") << "what came first counts";
  heads.consume(1, 3);
  EXPECT_EQ(text(heads.add(1, 6, made("ij"))), "defghij");
  heads.forget(1);
  EXPECT_FALSE(heads.knows(1));
}

TEST(StreamHeads, IsBounded) {
  StreamHeads heads;
  for (std::uint32_t flow = 0; flow <= StreamHeads::most_streams; ++flow) heads.add(flow, 0, made("x"));
  EXPECT_FALSE(heads.knows(0));
  EXPECT_TRUE(heads.knows(1));
  const Made block(4096);
  for (std::uint32_t at = 1; at < 200000; at += 4096) heads.add(1, at, block);
  EXPECT_EQ(heads.add(1, 0, made("x")).size(), StreamHeads::most_bytes);
}

// --- Moments --------------------------------------------------------------------------------------------------------

TEST(Moment, Rfc3339) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2026-11-23T17:00:00.25+01:00"), parse_rfc3339("2026-11-23t16:00:00.250000000z"));
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-02-28T23:59:59.000000001Z")), "2026-02-28T23:59:59.000000001Z");
  for (const char* wrong : {"", "2026-11-23", "2026-11-23T17:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                            "2026-11-23T24:00:00Z", "2026-11-23T17:00:00.Z", "2026-11-23T17:00:00+1:00",
                            "1969-12-31T23:59:59Z", "2026-11-23T17:00:00Zx", "9999-01-01T00:00:00Z"})
    EXPECT_EQ(parse_rfc3339(wrong), std::nullopt) << wrong;
  EXPECT_EQ(to_seconds(12 * second + 5), "12.000000005");
  EXPECT_EQ(to_seconds(-second / 2), "-0.500000000");
}

// --- Flows ----------------------------------------------------------------------------------------------------------

TEST(FlowTable, FindsWhatItHas) {
  FlowTable table(99, 5000);
  bool fresh = false;
  FlowKey key;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    key.a_low = std::uint64_t{i} * 7919;
    EXPECT_EQ(table.known(key), policy::none);
    EXPECT_EQ(table.find(key, table.hash(key), fresh), i);
    EXPECT_TRUE(fresh);
  }
  key.a_low = 1;
  EXPECT_EQ(table.find(key, table.hash(key), fresh), policy::none) << "no more than it may have";
  for (std::uint32_t i = 0; i < 5000; ++i) {
    key.a_low = std::uint64_t{i} * 7919;
    EXPECT_EQ(table.find(key, table.hash(key), fresh), i);
    EXPECT_FALSE(fresh);
  }
  key.quote = 1;
  EXPECT_EQ(table.known(key), policy::none);
}

// --- The device -----------------------------------------------------------------------------------------------------

TEST(Device, IsAssumedFromTheFirstPrivateAddress) {
  Device device({}, {});
  EXPECT_EQ(device.side(read(udp({"224.0.0.1", "224.0.0.2"}))), Side::incoming) << "nothing is learnt from groups";
  EXPECT_EQ(device.basis(), Basis::none);
  EXPECT_EQ(device.side(read(tcp(request.back()))), Side::incoming);
  EXPECT_EQ(device.basis(), Basis::assumed);
  EXPECT_EQ(device.side(read(tcp(request))), Side::outgoing);
  EXPECT_EQ(device.side(read(tcp({"192.168.1.21", server_address}))), Side::forwarded);
  EXPECT_EQ(device.side(read(tcp({"127.0.0.1", "127.0.0.1"}))), Side::outgoing);
  Device public_only({}, {});
  EXPECT_EQ(public_only.side(read(tcp({"198.51.100.7", server_address}))), Side::outgoing);
}

TEST(Device, GivenAddressesCount) {
  policy::DeviceState state;
  state.interfaces.emplace_back();
  state.interfaces[0].addresses.emplace_back(address("192.168.1.20"), std::uint8_t{24});
  Device device({&state}, {*policy::Prefix::parse("2001:db8::/64")});
  EXPECT_EQ(device.basis(), Basis::given);
  EXPECT_EQ(device.side(read(udp({"2001:db8::7", "2001:db8:1::1"}))), Side::outgoing);
  EXPECT_EQ(device.side(read(udp({"192.168.1.9", "192.168.1.255"}))), Side::incoming) << "the network's broadcast";
  EXPECT_EQ(device.side(read(udp({"192.168.1.9", "192.168.1.8"}))), Side::forwarded);
}

TEST(Device, SendsFromLinkLocalAddresses) {
  const auto ethernet = [](std::uint64_t sender, const Made& packet) {
    Made frame(6, 2);
    put(frame, sender, 6);
    put(frame, packet[0] >> 4 == 4 ? 0x0800 : 0x86dd, 2);
    put(frame, packet);
    return read(frame, Link::ethernet);
  };
  Device device({}, {*policy::Prefix::parse("192.168.1.20")});
  EXPECT_EQ(device.side(ethernet(7, tcp(request))), Side::outgoing);
  EXPECT_EQ(device.side(ethernet(8, udp({"fe80::8", "ff02::fb"}))), Side::incoming);
  EXPECT_EQ(device.side(ethernet(7, udp({"fe80::7", "ff02::fb"}))), Side::outgoing);
  EXPECT_EQ(device.side(ethernet(8, udp({"fe80::8", "fe80::7"}))), Side::incoming);
  EXPECT_EQ(device.side(ethernet(7, udp({"10.0.3.7", server_address}))), Side::forwarded) << "a container's";
}

// --- Names ----------------------------------------------------------------------------------------------------------

TEST(Names, LiveAsLongAsTheirAnswer) {
  const policy::DomainTable table;
  Names names(table, 1);
  const dns::AddressAnswer answers[] = {{address(server_address), 10}};
  EXPECT_FALSE(names.add("a.example", 0, answers, 0)) << "no list has it: no verdict can change";
  EXPECT_TRUE(names.add("b.example", 0, answers, 5 * second) == false);
  const auto ties = names.of(address(server_address));
  ASSERT_THAT(ties, SizeIs(1));
  EXPECT_EQ(names.text(ties[0].name), "b.example") << "of a class the newest";
  EXPECT_EQ(ties[0].until, 16 * second);
  EXPECT_THAT(names.of(address("203.0.113.81")), IsEmpty());
  EXPECT_FALSE(names.add("", 0, answers, 0));
  EXPECT_EQ(names.refused(), 1u);
}

TEST(Names, AreBounded) {
  const policy::DomainTable table;
  Names names(table, 1);
  for (std::uint32_t i = 0; i < Names::most_addresses; ++i) {
    const dns::AddressAnswer one[] = {{policy::Address::from_v4(i), 10}};
    names.add("a.example", 0, one, 0);
  }
  const dns::AddressAnswer more[] = {{policy::Address::from_v6(1, 1), 10}};
  names.add("a.example", 0, more, second);
  EXPECT_EQ(names.refused(), 1u);
  names.add("a.example", 0, more, 20 * second);
  EXPECT_EQ(names.size(), 1u) << "what has run out made room";
}

// --- Timelines and apps ---------------------------------------------------------------------------------------------

struct TextFile {
  explicit TextFile(const std::string& content) {
    char name[] = "/tmp/vpn-simulate-XXXXXX";
    ::close(::mkstemp(name));
    path = name;
    std::ofstream(path) << content;
  }
  ~TextFile() { ::unlink(path.c_str()); }
  std::string path;
};

TEST(Timeline, MovesBothWays) {
  const TextFile file("states: {a: {}, b: {captive: true}}\ntimeline: [{at: 1, state: a}, {at: 2.5, state: b}]");
  const TimelineReading reading = read_timeline(file.path);
  ASSERT_THAT(reading.problems, IsEmpty());
  auto clock = Clock::make(reading.timeline, 100 * second);
  ASSERT_TRUE(clock);
  EXPECT_EQ(clock->state(), 0u);
  EXPECT_TRUE(clock->move(103 * second));
  EXPECT_EQ(reading.timeline.states[clock->state()].name, "b");
  EXPECT_FALSE(clock->move(102 * second + second / 2));
  EXPECT_TRUE(clock->move(101 * second));
  EXPECT_EQ(reading.timeline.states[clock->state()].name, "a");
  EXPECT_TRUE(clock->move(0));
  EXPECT_EQ(clock->state(), 0u);
}

TEST(AppMap, TheFirstThatFitsInTime) {
  const TextFile file(
      "flows: [{app: first, local_port: 50000, until: 10}, {app: second, local_port: 50000-50001, from: 5}, "
      "{spawned_by: third, remote: 203.0.113.0/24}]");
  AppMapReading reading = read_app_map(file.path);
  ASSERT_THAT(reading.problems, IsEmpty());
  const Attribution apps(std::move(reading.map), 0);
  const FlowEnds flow{address(device_address), address(server_address), 50000, 443, 6};
  EXPECT_EQ(apps.ask(flow, 0).as->flow.app, "first");
  EXPECT_EQ(apps.ask(flow, 0).until, 5 * second) << "then another one could fit";
  EXPECT_EQ(apps.ask(flow, 7 * second).as->flow.app, "first");
  EXPECT_EQ(apps.ask(flow, 7 * second).until, 10 * second);
  EXPECT_EQ(apps.ask(flow, 10 * second).as->flow.app, "second");
  EXPECT_EQ(apps.ask(flow, 10 * second).until, never);
  FlowEnds other = flow;
  other.local_port = 4;
  EXPECT_EQ(apps.ask(other, 0).as->flow.spawned_by, "third");
  other.remote = address("198.51.100.7");
  EXPECT_EQ(apps.ask(other, 0).as, nullptr);
}

}  // namespace
}  // namespace vpn::simulate
