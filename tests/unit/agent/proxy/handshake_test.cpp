#include "agent/proxy/handshake.h"

#include <gtest/gtest.h>

#include <random>

namespace vpn::agent::proxy {
namespace {

using State = Handshake::State;
using namespace std::string_literals;

const Destination by_name{"wiki.corp.example", policy::Address::from_v4(0xc0000250), 443};
const Destination by_address{{}, *policy::Address::parse("2001:db8::80"), 7};

std::shared_ptr<const Login> alice() {
  auto out = std::make_shared<Login>();
  out->user = wiped("alice");
  out->password = wiped("secret");
  return out;
}

std::string said(Handshake& h) {
  std::string out(text_of(h.outgoing()));
  h.sent();
  return out;
}

State hear(Handshake& h, std::string_view bytes, std::size_t* rest = nullptr) {
  std::size_t used = 0;
  const State state = h.take(bytes, used);
  if (rest != nullptr) *rest = bytes.size() - used;
  return state;
}

TEST(Handshake, Socks5AsksForTheName) {
  Handshake h(ProxyPlace::Protocol::socks5, Request::connect, by_name, nullptr);
  EXPECT_EQ(said(h), "\5\1\0"s);
  EXPECT_EQ(hear(h, "\5\0"s), State::going_on);
  EXPECT_EQ(said(h), "\5\1\0\3\x11wiki.corp.example\1\xbb"s);
  std::size_t rest = 0;
  EXPECT_EQ(hear(h, "\5\0\0\1\x7f\0\0\1\4\x38hello"s, &rest), State::done);
  EXPECT_EQ(rest, 5u) << "what follows is the flow's";
  EXPECT_EQ(h.bound()->second, 1080);
}

TEST(Handshake, Socks5ByAddressAndInPieces) {
  Handshake h(ProxyPlace::Protocol::socks5, Request::associate, by_address, alice());
  EXPECT_EQ(said(h), "\5\2\0\2"s);
  EXPECT_EQ(hear(h, "\5"s), State::going_on);
  EXPECT_EQ(said(h), "");
  EXPECT_EQ(hear(h, "\2"s), State::going_on);
  EXPECT_EQ(said(h), "\1\5alice\6secret"s);
  EXPECT_EQ(hear(h, "\1\0"s), State::going_on);
  EXPECT_EQ(said(h), "\5\3\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x80\0\7"s);
  const std::string reply = "\5\0\0\4"s + std::string(16, '\0') + "\x30\x39"s;
  for (std::size_t i = 0; i + 1 < reply.size(); ++i) EXPECT_EQ(hear(h, reply.substr(i, 1)), State::going_on) << i;
  EXPECT_EQ(hear(h, reply.substr(reply.size() - 1)), State::done);
  EXPECT_EQ(h.bound()->second, 12345);
}

TEST(Handshake, Socks5Refuses) {
  const auto after = [](std::string_view bytes, std::shared_ptr<const Login> login = nullptr) {
    auto h = std::make_unique<Handshake>(ProxyPlace::Protocol::socks5, Request::connect, by_name, std::move(login));
    EXPECT_EQ(hear(*h, bytes), State::failed);
    EXPECT_FALSE(h->fault().empty());
    return h->refused();
  };
  EXPECT_FALSE(after("\5\xff"s)) << "it does not know us";
  EXPECT_FALSE(after("\5\2"s)) << "what was not offered";
  EXPECT_FALSE(after("\5\2\1\1"s, alice())) << "a wrong password";
  EXPECT_FALSE(after("HTTP/1.1 400"s));
  EXPECT_TRUE(after("\5\0\5\5\0\1\0\0\0\0\0\0"s)) << "the destination's fault";
  EXPECT_FALSE(after("\5\0\5\0\0\7\0\0\0\0\0\0"s)) << "no kind of address";
}

TEST(Handshake, HttpConnects) {
  Handshake h(ProxyPlace::Protocol::http, Request::connect, by_name, alice());
  EXPECT_EQ(said(h),
            "CONNECT wiki.corp.example:443 HTTP/1.1\r\nHost: wiki.corp.example:443\r\n"
            "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n");
  std::size_t rest = 0;
  EXPECT_EQ(hear(h, "HTTP/1.0 200 OK\r\nVia: x\r\n"), State::going_on);
  EXPECT_EQ(hear(h, "\r\n\x16\3\1", &rest), State::done);
  EXPECT_EQ(rest, 3u);
  Handshake v6(ProxyPlace::Protocol::http, Request::connect, by_address, nullptr);
  EXPECT_EQ(said(v6), "CONNECT [2001:db8::80]:7 HTTP/1.1\r\nHost: [2001:db8::80]:7\r\n\r\n");
  EXPECT_EQ(hear(v6, "HTTP/1.1 407 Who?\r\n\r\n"), State::failed);
  EXPECT_FALSE(v6.refused());
  Handshake no(ProxyPlace::Protocol::http, Request::connect, by_address, nullptr);
  EXPECT_EQ(hear(no, "HTTP/1.1 403 No\r\n\r\n"), State::failed);
  EXPECT_TRUE(no.refused());
}

TEST(Handshake, WhateverAProxySays) {
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same bytes in every run
  for (int round = 0; round < 20'000; ++round) {
    const bool http = round % 2 == 0;
    Handshake h(http ? ProxyPlace::Protocol::http : ProxyPlace::Protocol::socks5, Request::connect, by_name, alice());
    std::string bytes = http ? "HTTP/1.1 " : "\5\2\1\0\5\0\0";
    for (int i = 0; i < 40; ++i) bytes += static_cast<char>(random() % (round % 3 == 0 ? 256 : 6));
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t used = 0;
      if (h.take(std::string_view(bytes).substr(at, 1 + random() % 7), used) != State::going_on) break;
      ASSERT_GT(used, 0u);
      at += used;
    }
  }
  Handshake endless(ProxyPlace::Protocol::http, Request::connect, by_name, nullptr);
  EXPECT_EQ(hear(endless, "HTTP/1.1 200 " + std::string(100'000, 'x')), State::failed);
}

TEST(Datagrams, AreWrapped) {
  const std::string one = wrapped(by_address, "data");
  EXPECT_EQ(one.substr(0, 4), "\0\0\0\4"s);
  const auto back = unwrapped(one);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back->from, by_address.address);
  EXPECT_EQ(back->port, 7);
  EXPECT_EQ(back->data, "data");
  EXPECT_FALSE(unwrapped(wrapped(by_name, ""))->from) << "a name";
  EXPECT_FALSE(unwrapped("\0\0\1\1\1\2\3\4\0\7x"s)) << "a fragment";
  for (std::size_t size = 0; size < one.size() - 4; ++size) EXPECT_FALSE(unwrapped(one.substr(0, size))) << size;
}

}  // namespace
}  // namespace vpn::agent::proxy
