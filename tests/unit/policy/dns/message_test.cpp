#include "policy/dns/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <utility>

namespace vpn::dns {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Bytes name_of(std::string_view text) {
  Bytes out;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    text.remove_prefix(std::min(label.size() + 1, text.size()));
  }
  out.push_back(0);
  return out;
}

void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

Bytes question(std::string_view name, std::uint16_t type = type_a, std::uint16_t id = 0x1234) {
  Bytes out{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  append(out, name_of(name));
  append(out, {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 1});
  return out;
}

struct Record {
  std::string_view name;  // empty: a pointer to the question's
  std::uint16_t type = type_a;
  std::uint32_t seconds = 60;
  Bytes data;
};

Bytes answer(Bytes message, const std::vector<Record>& records) {
  message[2] |= 0x80;
  message[7] = static_cast<std::uint8_t>(records.size());
  for (const Record& r : records) {
    append(message, r.name.empty() ? Bytes{0xc0, 12} : name_of(r.name));
    append(message, {static_cast<std::uint8_t>(r.type >> 8), static_cast<std::uint8_t>(r.type), 0, 1,
                     static_cast<std::uint8_t>(r.seconds >> 24), static_cast<std::uint8_t>(r.seconds >> 16),
                     static_cast<std::uint8_t>(r.seconds >> 8), static_cast<std::uint8_t>(r.seconds),
                     static_cast<std::uint8_t>(r.data.size() >> 8), static_cast<std::uint8_t>(r.data.size())});
    append(message, r.data);
  }
  return message;
}

std::vector<std::pair<std::string, std::uint32_t>> addresses(const Bytes& message) {
  std::vector<std::pair<std::string, std::uint32_t>> out;
  const auto read = read_answer(message);
  if (!read) return {{"unreadable", 0}};
  for (const AddressAnswer& a : read->addresses) out.emplace_back(a.address.to_string(), a.seconds);
  return out;
}

TEST(DnsQuery, IsReadAsThePolicyHasNames) {
  const ReadQuery read = read_query(question("WWW.Example.COM", type_aaaa));
  ASSERT_TRUE(read.query);
  EXPECT_EQ(read.query->name, "www.example.com");
  EXPECT_EQ(read.query->type, type_aaaa);
  EXPECT_EQ(read.query->id, 0x1234);
  EXPECT_EQ(read.query->room, 512u);
  EXPECT_EQ(read_query(question("")).query->name, "");
  Bytes odd = question("a.b.example");
  odd[13] = '.';  // a dot within a label divides nothing
  EXPECT_EQ(read_query(odd).query->name, "_.b.example");
}

TEST(DnsQuery, TellsItsRoom) {
  Bytes message = question("example.com");
  message[11] = 1;
  append(message, {0, 0, 41, 0x10, 0x00, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(read_query(message).query->room, 4096u);
}

TEST(DnsQuery, RefusesWhatIsNoQuestion) {
  Bytes response = question("example.com");
  response[2] = 0x81;
  EXPECT_FALSE(read_query(response).query);
  EXPECT_FALSE(read_query(response).refusal) << "an answer is not answered";
  EXPECT_FALSE(read_query(Bytes(11)).refusal);
  Bytes notify = question("example.com");
  notify[2] = 0x20;
  EXPECT_EQ(read_query(notify).refusal, Rcode::not_implemented);
  Bytes two = question("example.com");
  two[5] = 2;
  EXPECT_EQ(read_query(two).refusal, Rcode::format_error);
  Bytes chaos = question("version.bind", 16);
  chaos.back() = 3;
  EXPECT_EQ(read_query(chaos).refusal, Rcode::refused);
  EXPECT_EQ(read_query(question("example.com", 252)).refusal, Rcode::refused) << "a zone transfer";
  Bytes loop = question("");
  loop.resize(12);
  append(loop, {0xc0, 12, 0, 1, 0, 1});
  EXPECT_EQ(read_query(loop).refusal, Rcode::format_error) << "a name that points to itself";
}

TEST(DnsRefusal, RepeatsTheQuestion) {
  const Bytes query = question("example.com");
  const Bytes out = refusal(query, Rcode::server_failure);
  EXPECT_TRUE(is_answer_to(query, out));
  EXPECT_EQ(read_answer(out)->rcode, Rcode::server_failure);
  EXPECT_EQ(refusal(Bytes(12, 0), Rcode::format_error).size(), header_size);
}

TEST(DnsAnswer, FitsItsQuestionOnly) {
  const Bytes query = question("Example.com"), good = answer(question("eXample.com"), {});
  EXPECT_TRUE(is_answer_to(query, good));
  EXPECT_EQ(read_answer(good)->name, "example.com");
  EXPECT_FALSE(is_answer_to(query, query));
  EXPECT_FALSE(is_answer_to(query, answer(question("example.com", type_a, 0x1235), {})));
  EXPECT_FALSE(is_answer_to(query, answer(question("example.com", type_aaaa), {})));
  EXPECT_FALSE(is_answer_to(query, answer(question("example.org"), {})));
  EXPECT_FALSE(is_answer_to(query, Bytes(good.begin(), good.begin() + 20)));
}

TEST(DnsAnswer, GivesAddressesAndTheShortestLife) {
  const Bytes message = answer(question("www.example.com"), {{"", 5, 30, name_of("cdn.example.net")},
                                                             {"cdn.example.net", type_a, 60, {192, 0, 2, 1}},
                                                             {"cdn.example.net", type_a, 10, {192, 0, 2, 2}},
                                                             {"cdn.example.net", type_a, 60, {192, 0, 2, 2}}});
  EXPECT_THAT(addresses(message), ElementsAre(std::pair("192.0.2.1", 30u), std::pair("192.0.2.2", 10u)));
  const Bytes six = answer(question("a", type_aaaa),
                           {{"", type_aaaa, 0xffffffff, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}});
  EXPECT_THAT(addresses(six), ElementsAre(std::pair("2001:db8::1", 0u))) << "RFC 2181: a life beyond 2^31 is none";
}

TEST(DnsAnswer, GivesTheHintsOfServiceBindings) {
  Bytes data{0, 1, 0};                                     // priority, the name itself
  append(data, {0, 1, 0, 3, 2, 'h', '2'});                 // alpn
  append(data, {0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2});  // ipv4hint
  append(data, {0, 6, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  EXPECT_THAT(addresses(answer(question("example.com", type_https), {{"", type_https, 60, data}})),
              ElementsAre(std::pair("192.0.2.1", 60u), std::pair("192.0.2.2", 60u), std::pair("2001:db8::1", 60u)));
}

TEST(DnsAnswer, ThatDoesNotHoldTogetherIsNone) {
  const Bytes good = answer(question("example.com"), {{"", type_a, 60, {192, 0, 2, 1}}});
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(read_answer(View(good).first(size))) << size << " bytes";
  Bytes loop = good;
  loop[29] = 0xc0, loop[30] = 29;  // the record's name points to itself
  EXPECT_FALSE(read_answer(loop));
  Bytes many = good;
  many[6] = 0xff;
  EXPECT_FALSE(read_answer(many));
  EXPECT_THAT(addresses(answer(question("example.com"), {{"", type_a, 60, {192, 0, 2}}})),
              testing::Not(testing::SizeIs(2)));
}

// Names that lead on and on cost the reader's time, without a bound of their own.
TEST(DnsAnswer, OfManyNamesThatLeadOnIsNotRead) {
  Bytes message = answer(question("a"), {{"", 0xff01, 60, {}}});
  const std::size_t start = message.size();
  append(message, {0xc0, 12});
  while (message.size() < 16000) {
    const std::size_t before = message.size() - 2;
    append(message, {static_cast<std::uint8_t>(0xc0 | before >> 8), static_cast<std::uint8_t>(before)});
  }
  const std::size_t chain = message.size() - start, last = message.size() - 2;
  message[start - 2] = static_cast<std::uint8_t>(chain >> 8);
  message[start - 1] = static_cast<std::uint8_t>(chain);
  for (int i = 0; i < 1000; ++i)
    append(message, {static_cast<std::uint8_t>(0xc0 | last >> 8), static_cast<std::uint8_t>(last), 0, 1, 0, 1, 0, 0, 0,
                     60, 0, 4, 192, 0, 2, 1});
  message[6] = 1001 >> 8;
  message[7] = 1001 & 0xff;
  EXPECT_FALSE(read_answer(message));
  std::vector<Record> many;
  for (std::uint8_t i = 0; i < 200; ++i) many.push_back({"", type_a, 60, {192, 0, 2, i}});
  EXPECT_EQ(addresses(answer(question("example.com"), many)).size(), 200u) << "an honest one is";
}

TEST(DnsAnswer, TooLongForADatagramSaysSo) {
  const Bytes query = question("example.com");
  const Bytes out = truncated(answer(query, {{"", type_a, 60, {192, 0, 2, 1}}}));
  EXPECT_EQ(out.size(), query.size());
  EXPECT_EQ(out[2] & 0x02, 0x02);
  EXPECT_TRUE(is_answer_to(query, out));
}

TEST(DnsMessage, WhateverComesIsReadOrNot) {
  std::minstd_rand random(1);
  const Bytes good = answer(question("www.example.com"),
                            {{"", 5, 30, name_of("cdn.example.net")}, {"cdn.example.net", type_a, 60, {192, 0, 2, 1}}});
  for (int i = 0; i < 20000; ++i) {
    Bytes message = good;
    for (int n = 0; n < 3; ++n) message[random() % message.size()] = static_cast<std::uint8_t>(random());
    const auto read = read_answer(message);
    EXPECT_LE(read ? read->addresses.size() : 0, 256u);
    message[2] &= 0x7f;
    const ReadQuery query = read_query(message);
    EXPECT_FALSE(query.query && query.refusal);
  }
}

}  // namespace
}  // namespace vpn::dns
