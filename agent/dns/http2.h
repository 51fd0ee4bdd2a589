// The client's side of HTTP/2 (RFC 9113) for DNS over HTTPS (RFC 8484): many questions over one connection. Bytes in,
// bytes out; no socket. Whatever a server sends, memory stays within fixed bounds. nghttp2 does the protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/dns/http.h"
#include "agent/dns/message.h"

struct nghttp2_session;

namespace vpn::agent::dns {

class Http2Client {
 public:
  static constexpr std::size_t most_open = 64;        ///< questions at a time
  static constexpr std::size_t largest_head = 16384;  ///< bytes of an answer's fields, as RFC 9113 6.5.2 counts them
  /// Null: no memory.
  static std::unique_ptr<Http2Client> make();
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  /// Another question may be asked, now or as soon as the server allows it.
  bool has_room() const;
  /// The question's number; 0: none.
  std::int32_t ask(const HttpPlace& place, View query);
  /// Nobody waits for this answer any more. Who lets one wait too long is asked no more.
  void forget(std::int32_t question);
  std::size_t open() const { return questions_.size(); }

  /// What the server sends. False: it does not keep to the protocol, and no answer will follow.
  bool take(View bytes);
  struct Answer {
    std::int32_t question = 0;
    std::optional<Bytes> message;  ///< nothing: the server does not answer it
  };
  /// Those that have come since the last call.
  std::vector<Answer> answers() { return std::exchange(answers_, {}); }
  /// What has to be sent to the server, after each call of the others.
  Bytes output() { return std::exchange(out_, {}); }
  /// The last that is sent.
  void say_goodbye();

 private:
  struct Callbacks;  // nghttp2's
  struct Question {
    Bytes query;
    std::size_t sent = 0;
    std::size_t head = 0;  ///< bytes of its fields
    int status = 0;
    std::string media_type;
    Bytes body;
  };
  Http2Client() = default;
  void end(std::int32_t question, bool answered);
  void refuse(std::int32_t question);
  void pump();

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Question> questions_;
  std::vector<Answer> answers_;
  Bytes out_;
  bool leaving_ = false;  ///< no more questions
};

}  // namespace vpn::agent::dns
