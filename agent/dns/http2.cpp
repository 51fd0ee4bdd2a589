#include "agent/dns/http2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "policy/ascii.h"

namespace vpn::agent::dns {
namespace {

constexpr std::size_t most_acknowledgements = 64;  // of a server that sends SETTINGS and PING and reads nothing
constexpr std::size_t field_overhead = 32;         // RFC 9113, 6.5.2
constexpr std::uint32_t answer_window = largest_message;

struct Http2Closer {
  void operator()(nghttp2_session_callbacks* p) const { nghttp2_session_callbacks_del(p); }
  void operator()(nghttp2_option* p) const { nghttp2_option_del(p); }
};

nghttp2_nv http2_field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct Http2Client::Callbacks {
  static Http2Client& client(void* user) { return *static_cast<Http2Client*>(user); }
  static Question* find(Http2Client& c, std::int32_t id) {
    const auto it = c.questions_.find(id);
    return it == c.questions_.end() ? nullptr : &it->second;
  }

  // We have told it not to push. nghttp2 holds it to that only when it has acknowledged.
  static int begins(nghttp2_session*, const nghttp2_frame_hd* head, void*) {
    return head->type == NGHTTP2_PUSH_PROMISE ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Http2Client& c = client(user);
    Question* const q = find(c, frame->hd.stream_id);
    if (q == nullptr) return 0;
    q->head += name_size + value_size + field_overhead;  // of all its heads: 1xx may come without end
    if (q->head > largest_head) {
      c.refuse(frame->hd.stream_id);
      return 0;
    }
    const std::string_view field(reinterpret_cast<const char*>(name), name_size);
    const std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (field == ":status") {
      q->media_type.clear();
      if (!ascii::read_number(text, q->status)) q->status = 0;
    } else if (field == "content-type" && q->body.empty()) {
      q->media_type = media_type(text);
    }
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    Http2Client& c = client(user);
    Question* const q = find(c, stream);
    if (q == nullptr) return 0;
    if (size > largest_message - q->body.size()) {
      c.refuse(stream);
      return 0;
    }
    q->body.insert(q->body.end(), bytes, bytes + size);
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Client& c = client(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) c.leaving_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    const Question* const q = find(c, frame->hd.stream_id);
    if (q == nullptr) return 0;
    const bool good = is_dns_answer(q->status, q->media_type);
    const bool whole = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!good && q->status >= 200)
      c.refuse(frame->hd.stream_id);
    else if (whole)
      c.end(frame->hd.stream_id, good);
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
    client(user).end(stream, false);
    return 0;
  }

  // A question that the server's GOAWAY has overtaken.
  static int not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS) client(user).end(frame->hd.stream_id, false);
    return 0;
  }

  static ssize_t body(nghttp2_session*, std::int32_t stream, std::uint8_t* room, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    Question* const q = find(*static_cast<Http2Client*>(source->ptr), stream);
    if (q == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // forgotten: the stream is reset
    const std::size_t count = std::min(size, q->query.size() - q->sent);
    std::copy_n(q->query.begin() + static_cast<std::ptrdiff_t>(q->sent), count, room);
    q->sent += count;
    if (q->sent == q->query.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

std::unique_ptr<Http2Client> Http2Client::make() {
  nghttp2_session_callbacks* made = nullptr;
  nghttp2_option* choices = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) return nullptr;
  const std::unique_ptr<nghttp2_session_callbacks, Http2Closer> callbacks(made);
  if (nghttp2_option_new(&choices) != 0) return nullptr;
  const std::unique_ptr<nghttp2_option, Http2Closer> option(choices);
  nghttp2_session_callbacks_set_on_begin_frame_callback(made, Callbacks::begins);
  nghttp2_session_callbacks_set_on_header_callback(made, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, Callbacks::frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, Callbacks::closed);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, Callbacks::not_sent);
  nghttp2_option_set_max_outbound_ack(choices, most_acknowledgements);
  nghttp2_option_set_no_closed_streams(choices, 1);
  std::unique_ptr<Http2Client> out(new Http2Client);
  if (nghttp2_session_client_new2(&out->session_, made, out.get(), choices) != 0) return nullptr;
  constexpr std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0},  // that the server might open
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, answer_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, largest_head},
  }};
  if (nghttp2_submit_settings(out->session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0) return nullptr;
  out->pump();
  return out;
}

Http2Client::~Http2Client() { nghttp2_session_del(session_); }

bool Http2Client::has_room() const {
  return !leaving_ && questions_.size() < most_open && nghttp2_session_check_request_allowed(session_) != 0;
}

std::int32_t Http2Client::ask(const HttpPlace& place, View query) {
  if (!has_room()) return 0;
  const std::string length = std::to_string(query.size());
  const std::array<nghttp2_nv, 7> fields{http2_field(":method", "POST"),
                                         http2_field(":scheme", "https"),
                                         http2_field(":authority", place.authority),
                                         http2_field(":path", place.path),
                                         http2_field("accept", dns_media_type),
                                         http2_field("content-type", dns_media_type),
                                         http2_field("content-length", length)};
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = Callbacks::body;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider, nullptr);
  if (id <= 0) {
    leaving_ = true;  // it has no numbers left
    return 0;
  }
  questions_[id].query.assign(query.begin(), query.end());
  pump();
  return id;
}

void Http2Client::forget(std::int32_t question) {
  leaving_ = true;
  if (questions_.erase(question) == 0) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, question, NGHTTP2_CANCEL);
  pump();
}

bool Http2Client::take(View bytes) {
  const auto taken = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
  pump();
  // An error that nghttp2 has told the server ends in its wish to read no more.
  return taken >= 0 && nghttp2_session_want_read(session_) != 0;
}

void Http2Client::say_goodbye() {
  leaving_ = true;
  nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
  pump();
}

void Http2Client::end(std::int32_t question, bool answered) {
  const auto it = questions_.find(question);
  if (it == questions_.end()) return;
  answers_.push_back({question, answered ? std::optional(std::move(it->second.body)) : std::nullopt});
  questions_.erase(it);
}

void Http2Client::refuse(std::int32_t question) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, question, NGHTTP2_CANCEL);
  end(question, false);
}

void Http2Client::pump() {
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    const auto count = nghttp2_session_mem_send(session_, &bytes);
    if (count <= 0) return;
    out_.insert(out_.end(), bytes, bytes + count);
  }
}

}  // namespace vpn::agent::dns
