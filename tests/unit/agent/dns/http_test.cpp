#include "agent/dns/http.h"

#include <gtest/gtest.h>

namespace vpn::agent::dns {
namespace {

using State = HttpAnswer::State;

std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

TEST(DnsHttp, AsksByPost) {
  const Bytes query{'q', 'u', 'e'};
  Resolver resolver;
  resolver.port = 443;
  resolver.path = "/dns-query";
  const policy::Address server = *policy::Address::parse("2001:db8::1");
  EXPECT_EQ(http_place(resolver, server).authority, "[2001:db8::1]");
  resolver.name = "dns.example";
  const std::string request = http_request(http_place(resolver, server), query);
  EXPECT_TRUE(request.starts_with("POST /dns-query HTTP/1.1\r\nHost: dns.example\r\n"));
  EXPECT_NE(request.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with("\r\n\r\nque"));
  resolver.port = 8443;
  EXPECT_EQ(http_place(resolver, server).authority, "dns.example:8443");
}

TEST(DnsHttp, TakesAnAnswerInPieces) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\ncontent-length: 4\r\n\r\nABCD";
  HttpAnswer answer;
  for (std::size_t i = 0; i + 1 < whole.size(); ++i) ASSERT_EQ(answer.take(whole.substr(i, 1), false), State::more);
  EXPECT_EQ(answer.take("D", false), State::whole);
  EXPECT_EQ(text(answer.message()), "ABCD");
}

TEST(DnsHttp, TakesChunksAndWhatEndsWithTheConnection) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Type: Application/DNS-Message\r\n";
  HttpAnswer chunks;
  EXPECT_EQ(chunks.take(whole + "Transfer-Encoding: chunked\r\n\r\n3\r\nABC\r\n1;x=y\r\nD\r\n", false), State::more);
  EXPECT_EQ(chunks.take("0\r\n\r\n", false), State::whole);
  EXPECT_EQ(text(chunks.message()), "ABCD");
  HttpAnswer open;
  EXPECT_EQ(open.take(whole + "\r\nABCD", false), State::more);
  EXPECT_EQ(open.take("", true), State::whole);
  EXPECT_EQ(text(open.message()), "ABCD");
}

TEST(DnsHttp, RefusesAllElse) {
  const auto first = [](std::string_view whole, bool ended = false) { return HttpAnswer().take(whole, ended); };
  EXPECT_EQ(first("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA"), State::bad) << "of no type";
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nA"), State::bad);
  EXPECT_EQ(first("SSH-2.0\r\n\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nAB"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nABC\r\n"), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\n", true), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nAB", true), State::bad);
  EXPECT_EQ(first(std::string(20000, 'x')), State::bad);
  EXPECT_EQ(first("HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\n\r\n" + std::string(70000, 'x')),
            State::bad);
}

}  // namespace
}  // namespace vpn::agent::dns
