// The client of HTTP/2 against a real server session in memory, and against frames that no real server sends.
#include "agent/dns/http2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/agent/dns/http2_server.h"

namespace vpn::agent::dns {
namespace {

using test::frame;
using test::Http2Server;
using test::literal_field;
using testing::ElementsAre;

constexpr std::uint8_t data_type = 0, headers_type = 1, reset_type = 3, settings_type = 4, push_type = 5, ping_type = 6,
                       away_type = 7, continuation_type = 9;
constexpr std::uint8_t end_stream = 1, end_headers = 4, acknowledges = 1;
const HttpPlace place{"dns.example", "/dns-query"};

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes good_head() { return literal_field(":status", "200") + literal_field("content-type", "application/dns-message"); }

class Http2 : public testing::Test {
 protected:
  // Until nobody has anything to say.
  bool talk(Http2Server& server) {
    for (;;) {
      const Bytes there = client->output();
      EXPECT_TRUE(there.empty() || server.take(there));
      const Bytes back = server.output();
      if (there.empty() && back.empty()) return true;
      if (!back.empty() && !client->take(back)) return false;
    }
  }
  // Of a server that is not one: its settings first.
  bool hostile(const Bytes& frames) {
    if (!client->take(frame(settings_type, 0, 0, {}))) return false;
    return client->take(frames);
  }
  // What came of the only question.
  bool failed() {
    const auto answers = client->answers();
    return answers.size() == 1 && !answers[0].message;
  }
  const std::unique_ptr<Http2Client> client = Http2Client::make();
  const Bytes query{'q', 'u', 'e', 'r', 'y'};
};

TEST_F(Http2, AsksByPostAndTakesTheAnswer) {
  Http2Server server;
  const std::int32_t id = client->ask(place, query);
  ASSERT_GT(id, 0);
  ASSERT_TRUE(talk(server));
  ASSERT_EQ(server.requests.size(), 1u);
  const auto& fields = server.requests[0].fields;
  EXPECT_EQ(fields.at(":method"), "POST");
  EXPECT_EQ(fields.at(":scheme"), "https");
  EXPECT_EQ(fields.at(":authority"), "dns.example");
  EXPECT_EQ(fields.at(":path"), "/dns-query");
  EXPECT_EQ(fields.at("accept"), "application/dns-message");
  EXPECT_EQ(fields.at("content-type"), "application/dns-message");
  EXPECT_EQ(fields.at("content-length"), "5");
  EXPECT_EQ(server.requests[0].body, query);
  EXPECT_EQ(server.settings.at(NGHTTP2_SETTINGS_ENABLE_PUSH), 0u);
  EXPECT_TRUE(client->answers().empty());
  server.answer(server.requests[0].stream, {'A', 'B'}, "200", "Application/DNS-Message; x=y");
  ASSERT_TRUE(talk(server));
  const auto answers = client->answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].question, id);
  EXPECT_EQ(answers[0].message, (Bytes{'A', 'B'}));
  EXPECT_EQ(client->open(), 0u);
  client->say_goodbye();
  EXPECT_FALSE(client->has_room());
  talk(server);
  EXPECT_TRUE(server.goodbye);
}

TEST_F(Http2, AsksManyAtATimeAndTakesTheirAnswersInAnyOrder) {
  Http2Server server(8);  // at a time; the others wait
  ASSERT_TRUE(talk(server));
  std::map<std::int32_t, std::uint8_t> asked;
  for (std::uint8_t i = 0; i < Http2Client::most_open; ++i) asked[client->ask(place, {&i, 1})] = i;
  EXPECT_EQ(asked.size(), Http2Client::most_open);
  EXPECT_FALSE(client->has_room());
  EXPECT_EQ(client->ask(place, query), 0);
  std::size_t came = 0, most = 0;
  while (came < asked.size()) {
    ASSERT_TRUE(talk(server));
    most = std::max(most, server.requests.size());
    ASSERT_FALSE(server.requests.empty());
    const auto request = server.requests.back();
    server.requests.pop_back();
    server.answer(request.stream, {request.body[0], '!'});
    ASSERT_TRUE(talk(server));
    for (const auto& answer : client->answers()) {
      EXPECT_EQ(answer.message, (Bytes{asked.at(answer.question), '!'}));
      ++came;
    }
  }
  EXPECT_GT(most, 1u);
  EXPECT_TRUE(client->has_room());
}

TEST_F(Http2, LongQuestionsAndAnswersPassTheWindows) {
  Http2Server server;
  Bytes query_of_full_size(largest_message, 'q'), answer(largest_message, 'a');
  for (int i = 0; i < 3; ++i) ASSERT_GT(client->ask(place, query_of_full_size), 0);
  ASSERT_TRUE(talk(server));
  ASSERT_EQ(server.requests.size(), 3u);
  for (const auto& request : server.requests) {
    EXPECT_EQ(request.body, query_of_full_size);
    server.answer(request.stream, answer);
  }
  ASSERT_TRUE(talk(server));
  const auto answers = client->answers();
  ASSERT_EQ(answers.size(), 3u);
  for (const auto& a : answers) EXPECT_EQ(a.message, answer);
}

TEST_F(Http2, TakesNothingButDnsMessages) {
  Http2Server server;
  const auto answered = [&](const Bytes& body, std::string_view status, std::string_view type) {
    client->ask(place, query);
    EXPECT_TRUE(talk(server));
    server.answer(server.requests.back().stream, body, status, type);
    EXPECT_TRUE(talk(server)) << "the connection is of use to others";
    const auto answers = client->answers();
    EXPECT_EQ(answers.size(), 1u);
    return answers.size() == 1 && answers[0].message;
  };
  const std::string good(dns_media_type);
  EXPECT_TRUE(answered({'A'}, "200", good));
  EXPECT_FALSE(answered({'A'}, "200", "text/html"));
  EXPECT_FALSE(answered({'A'}, "200", "application/dns-message-x"));
  EXPECT_FALSE(answered({'A'}, "204", good));
  EXPECT_FALSE(answered({'A'}, "302", good));
  EXPECT_FALSE(answered({'A'}, "503", good));
  EXPECT_FALSE(answered(Bytes(largest_message + 1, 'A'), "200", good));
  EXPECT_TRUE(answered(Bytes(largest_message, 'A'), "200", good));
}

TEST_F(Http2, OneStreamThatIsResetIsNotTheOthers) {
  Http2Server server;
  const std::int32_t first = client->ask(place, query), second = client->ask(place, query);
  ASSERT_TRUE(talk(server));
  nghttp2_submit_rst_stream(server.session(), 0, first, NGHTTP2_INTERNAL_ERROR);
  server.answer(second, {'A'});
  ASSERT_TRUE(talk(server));
  const auto answers = client->answers();
  ASSERT_EQ(answers.size(), 2u);
  for (const auto& a : answers) EXPECT_EQ(a.message.has_value(), a.question == second);
  EXPECT_TRUE(client->has_room());
}

TEST_F(Http2, WhatTheServerHasNotTakenWhenItGoesAwayFails) {
  Http2Server server;
  const std::int32_t first = client->ask(place, query);
  ASSERT_TRUE(talk(server));
  const std::int32_t second = client->ask(place, query);
  nghttp2_submit_goaway(server.session(), 0, first, NGHTTP2_NO_ERROR, nullptr, 0);
  ASSERT_TRUE(client->take(server.output()));
  EXPECT_FALSE(client->has_room());
  auto answers = client->answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].question, second);
  EXPECT_FALSE(answers[0].message);
  server.answer(first, {'A'});
  EXPECT_FALSE(client->take(server.output())) << "nothing is left to wait for";
  answers = client->answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].message, Bytes{'A'});
}

TEST_F(Http2, WhatTheServerDoesNotAllowYetWaitsUntilItGoesAway) {
  Http2Server server(0);
  ASSERT_TRUE(talk(server));
  ASSERT_GT(client->ask(place, query), 0);
  ASSERT_TRUE(talk(server));
  EXPECT_TRUE(server.requests.empty());
  EXPECT_EQ(client->open(), 1u);
  nghttp2_submit_goaway(server.session(), 0, 0, NGHTTP2_NO_ERROR, nullptr, 0);
  EXPECT_FALSE(client->take(server.output())) << "it will not";
}

TEST_F(Http2, ForgetsAQuestionAndAsksSuchAServerNoMore) {
  Http2Server server;
  const std::int32_t first = client->ask(place, query), second = client->ask(place, query);
  ASSERT_TRUE(talk(server));
  client->forget(first);
  EXPECT_FALSE(client->has_room());
  ASSERT_TRUE(talk(server));
  EXPECT_THAT(server.reset, ElementsAre(first));
  server.answer(second, {'A'});
  ASSERT_TRUE(talk(server));
  EXPECT_EQ(client->answers().size(), 1u);
}

TEST_F(Http2, AnswersPings) {
  ASSERT_TRUE(hostile(frame(ping_type, 0, 0, Bytes(8, 'p'))));
  const Bytes out = client->output(), pong = frame(ping_type, acknowledges, 0, Bytes(8, 'p'));
  EXPECT_NE(std::search(out.begin(), out.end(), pong.begin(), pong.end()), out.end());
}

TEST_F(Http2, TakesAnAnswerByteByByteAndOneWithInformationBefore) {
  const std::int32_t id = client->ask(place, query);
  const Bytes all = frame(settings_type, 0, 0, {}) +
                    frame(headers_type, end_headers, id, literal_field(":status", "103")) +
                    frame(headers_type, end_headers, id, good_head()) + frame(data_type, 0, id, {'A'}) +
                    frame(data_type, end_stream, id, {'B'});
  for (const std::uint8_t& byte : all) ASSERT_TRUE(client->take({&byte, 1}));
  const auto answers = client->answers();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].message, (Bytes{'A', 'B'}));
}

TEST_F(Http2, ANotWholeAnswerIsNone) {
  const std::int32_t id = client->ask(place, query);
  ASSERT_TRUE(hostile(frame(headers_type, end_headers, id, good_head()) + frame(data_type, 0, id, {'A'})));
  EXPECT_TRUE(client->answers().empty());
  EXPECT_TRUE(client->take(frame(reset_type, 0, id, {0, 0, 0, 0})));
  EXPECT_TRUE(failed());
}

TEST_F(Http2, AnAnswerMustHaveTheLengthThatItSays) {
  const std::int32_t id = client->ask(place, query);
  hostile(frame(headers_type, end_headers, id, good_head() + literal_field("content-length", "9")) +
          frame(data_type, end_stream, id, {'A'}));
  EXPECT_TRUE(failed());
}

TEST_F(Http2, HeadsHaveABound) {
  const auto head_of = [&](std::size_t size) {
    const std::int32_t id = client->ask(place, query);
    Bytes head = good_head();
    for (std::size_t i = 0; i * 1000 < size; ++i) head = head + literal_field("x", std::string(1000, 'x'));
    Bytes frames;
    constexpr std::size_t piece = 16000;
    for (std::size_t at = 0; at < head.size(); at += piece) {
      const Bytes part(head.begin() + static_cast<std::ptrdiff_t>(at),
                       head.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, head.size())));
      frames = frames + frame(at == 0 ? headers_type : continuation_type,
                              at + piece >= head.size() ? end_headers : std::uint8_t{0}, id, part);
    }
    return frames + frame(data_type, end_stream, id, {'A'});
  };
  ASSERT_TRUE(hostile(head_of(8000)));
  EXPECT_TRUE(client->answers()[0].message);
  ASSERT_TRUE(client->take(head_of(40000))) << "others on the connection may still be answered";
  EXPECT_TRUE(failed());
}

TEST_F(Http2, InformationWithoutEndIsAHeadTooLarge) {
  const std::int32_t id = client->ask(place, query);
  ASSERT_TRUE(hostile({}));
  int count = 0;
  for (; client->open() == 1 && count < 1000; ++count)
    client->take(frame(headers_type, end_headers, id,
                       literal_field(":status", "103") + literal_field("x", std::string(100, 'x'))));
  EXPECT_LT(count, 100);
  EXPECT_TRUE(failed());
}

TEST_F(Http2, ContinuationsWithoutEndEndTheConnection) {
  const std::int32_t id = client->ask(place, query);
  ASSERT_TRUE(hostile(frame(headers_type, 0, id, good_head())));
  int count = 0;
  while (count < 1000 && client->take(frame(continuation_type, 0, id, {}))) ++count;
  EXPECT_LE(count, 10);
}

TEST_F(Http2, WhoAsksForAcknowledgementsAndReadsNothingIsHeldToABound) {
  ASSERT_TRUE(hostile({}));
  Bytes many;
  for (int i = 0; i < 1000; ++i) many = many + frame(ping_type, 0, 0, Bytes(8, 'p'));
  EXPECT_FALSE(client->take(many));
  EXPECT_LT(client->output().size(), 64u * 1024);
}

TEST_F(Http2, WhatIsNoHttp2EndsTheConnection) {
  const auto refuses = [](const Bytes& bytes) {
    const auto fresh = Http2Client::make();
    const std::int32_t id = fresh->ask(place, Bytes{'q'});
    EXPECT_EQ(id, 1);
    return !fresh->take(bytes);
  };
  const std::string plain = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const Bytes begins = frame(settings_type, 0, 0, {});
  EXPECT_TRUE(refuses(Bytes(plain.begin(), plain.end())));
  EXPECT_TRUE(refuses(frame(ping_type, 0, 0, Bytes(8, 0)))) << "settings come first";
  EXPECT_TRUE(refuses(begins + frame(ping_type, 0, 0, Bytes(7, 0))));
  EXPECT_TRUE(refuses(begins + frame(settings_type, 0, 0, Bytes(5, 0))));
  EXPECT_TRUE(refuses(begins + frame(data_type, 0, 0, {'A'})));
  EXPECT_TRUE(refuses(begins + frame(headers_type, end_headers, 1, Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})));
  EXPECT_TRUE(refuses(begins + frame(continuation_type, end_headers, 1, good_head())));
  EXPECT_TRUE(refuses(begins + frame(headers_type, end_headers, 2, good_head()))) << "a stream that the server opens";
  EXPECT_TRUE(refuses(begins + frame(push_type, end_headers, 1, Bytes{0, 0, 0, 2} + good_head())));
  EXPECT_TRUE(refuses(begins + Bytes{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1})) << "a frame of 16 MiB";
  EXPECT_TRUE(refuses(begins + frame(away_type, 0, 0, Bytes(3, 0))));
}

TEST_F(Http2, FramesThatAreCutOffAreWaitedFor) {
  const std::int32_t id = client->ask(place, query);
  Bytes cut = frame(headers_type, end_headers, id, good_head());
  cut.resize(cut.size() - 3);
  EXPECT_TRUE(hostile(cut));
  EXPECT_TRUE(client->answers().empty());
  EXPECT_EQ(client->open(), 1u);
}

}  // namespace
}  // namespace vpn::agent::dns
