#include "agent/network/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

using State = HttpReader::State;

TEST(HttpUrl, HostPortAndTarget) {
  const auto plain = parse_http_url("HTTP://Probe.Example.com");
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, (HttpUrl{false, "probe.example.com", {}, 80, "/"}));
  const auto secure = parse_http_url("https://probe.example.com:8443/a/b?c=d#e");
  ASSERT_TRUE(secure);
  EXPECT_EQ(*secure, (HttpUrl{true, "probe.example.com", {}, 8443, "/a/b?c=d"}));
  const auto query = parse_http_url("https://probe.example.com?c");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->target, "/?c");
}

TEST(HttpUrl, Addresses) {
  const auto v4 = parse_http_url("http://192.0.2.1:8080/");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->address, policy::Address::parse("192.0.2.1"));
  const auto v6 = parse_http_url("https://[2001:DB8::1]/");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_THAT(http_request(*v6, "*/*"), testing::HasSubstr("\r\nHost: [2001:db8::1]\r\n"));
}

TEST(HttpUrl, WhatIsNone) {
  for (const char* text :
       {"", "ftp://a.example/", "https:/a.example", "https://", "https://a.example:0/", "https://a.example:70000/",
        "https://user@a.example/", "https://a.example/ b", "https://a.example/\r\nX: y", "https://[::1", "https://[a]/",
        "https://[::1]x/", "https://a..example/", "https://a.example:80x/", "https://192.0.2.1@a.example/"})
    EXPECT_FALSE(parse_http_url(text)) << text;
  EXPECT_FALSE(parse_http_url("https://a.example/" + std::string(5000, 'x')));
}

TEST(HttpRequest, IsOneGet) {
  const std::string text = http_request(*parse_http_url("http://a.example:81/x"), "application/captive+json");
  EXPECT_TRUE(text.starts_with("GET /x HTTP/1.1\r\nHost: a.example:81\r\nAccept: application/captive+json\r\n"));
  EXPECT_TRUE(text.ends_with("Connection: close\r\n\r\n"));
}

struct Read {
  State state;
  HttpReader reader;
};

// In pieces of every size, with the same result.
Read whole(std::string_view text, std::size_t most_body, std::size_t piece = 1 << 20, bool closed = true) {
  Read out{State::reading, HttpReader(most_body)};
  for (std::size_t at = 0; at < text.size() && out.state == State::reading; at += piece)
    out.state = out.reader.read(text.substr(at, piece));
  if (closed && out.state == State::reading) out.state = out.reader.end();
  return out;
}

TEST(HttpReader, TheStatusIsEnoughWhereNoBodyIsWanted) {
  const auto r = whole("HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=utf-8\r\n\r\n", 0, 1, false);
  EXPECT_EQ(r.state, State::done);
  EXPECT_EQ(r.reader.status(), 200);
  EXPECT_EQ(r.reader.content_type(), "text/html");
}

TEST(HttpReader, BodiesByLengthByChunksAndByTheEnd) {
  for (const std::string_view text :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellothere", "HTTP/1.0 200 OK\n\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}) {
    for (const std::size_t piece : {1u, 2u, 7u, 1000u}) {
      const auto r = whole(text, 100, piece);
      EXPECT_EQ(r.state, State::done) << text;
      EXPECT_EQ(r.reader.body(), "hello") << text;
    }
  }
}

TEST(HttpReader, NoMoreOfABodyThanIsWanted) {
  HttpReader reader(10);
  EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\n\r\n"), State::reading);
  EXPECT_EQ(reader.read("123456"), State::reading);
  EXPECT_EQ(reader.read(std::string(1 << 20, 'x')), State::done);
  EXPECT_EQ(reader.body(), "123456xxxx");
}

TEST(HttpReader, WhatIsNoAnswer) {
  for (const std::string_view text :
       {"", "SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"})
    EXPECT_EQ(whole(text, 100).state, State::failed) << text;
}

TEST(HttpReader, HeadsWithoutAnEndAreBounded) {
  HttpReader line(0), fields(0), more(0);
  EXPECT_EQ(line.read("HTTP/1.1 200 " + std::string(largest_http_head, 'x')), State::failed);
  std::string many = "HTTP/1.1 200 OK\r\n";
  while (many.size() <= largest_http_head) many += "A: b\r\n";
  EXPECT_EQ(fields.read(many), State::failed);
  std::string interim;
  while (interim.size() <= largest_http_head) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(more.read(interim), State::failed);
}

}  // namespace
}  // namespace vpn::agent
