#include "tests/unit/agent/dns/http2_server.h"

#include <algorithm>

namespace vpn::agent::dns::test {

struct Http2Server::Callbacks {
  static Http2Server& of(void* user) { return *static_cast<Http2Server*>(user); }
  static int header(nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    of(user).open_[f->hd.stream_id].fields[{name, name + name_size}] = {value, value + value_size};
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    Bytes& body = of(user).open_[stream].body;
    body.insert(body.end(), bytes, bytes + size);
    return 0;
  }
  static int received(nghttp2_session*, const nghttp2_frame* f, void* user) {
    Http2Server& s = of(user);
    if (f->hd.type == NGHTTP2_RST_STREAM) s.reset.push_back(f->hd.stream_id);
    if (f->hd.type == NGHTTP2_GOAWAY) s.goodbye = true;
    if (f->hd.type == NGHTTP2_SETTINGS)
      for (std::size_t i = 0; i < f->settings.niv; ++i)
        s.settings[f->settings.iv[i].settings_id] = f->settings.iv[i].value;
    const bool of_request = f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA;
    if (!of_request || (f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    s.requests.push_back(s.open_[f->hd.stream_id]);
    s.requests.back().stream = f->hd.stream_id;
    s.open_.erase(f->hd.stream_id);
    return 0;
  }
  static ssize_t body(nghttp2_session*, std::int32_t stream, std::uint8_t* room, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    Bytes& rest = static_cast<Http2Server*>(source->ptr)->bodies_[stream];
    const std::size_t count = std::min(size, rest.size());
    std::copy_n(rest.begin(), count, room);
    rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
    if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

Http2Server::Http2Server(std::uint32_t streams) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::received);
  nghttp2_session_server_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &setting, 1);
}

Http2Server::~Http2Server() { nghttp2_session_del(session_); }

bool Http2Server::take(View bytes) {
  return nghttp2_session_mem_recv(session_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

Bytes Http2Server::output() {
  Bytes out;
  const std::uint8_t* bytes = nullptr;
  for (ssize_t n = 0; (n = nghttp2_session_mem_send(session_, &bytes)) > 0;) out.insert(out.end(), bytes, bytes + n);
  return out;
}

void Http2Server::answer(std::int32_t stream, const Bytes& body, std::string_view status, std::string_view type) {
  const auto field = [](std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view t) {
      return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(t.data()));
    };
    return nghttp2_nv{bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  };
  const nghttp2_nv fields[] = {field(":status", status), field("content-type", type)};
  bodies_[stream] = body;
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = Callbacks::body;
  nghttp2_submit_response(session_, stream, fields, 2, &provider);
}

Bytes frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream, const Bytes& payload) {
  const auto byte = [](auto number, int shift) { return static_cast<std::uint8_t>(number >> shift & 0xff); };
  Bytes out{byte(payload.size(), 16), byte(payload.size(), 8), byte(payload.size(), 0), type,           flags,
            byte(stream, 24),         byte(stream, 16),        byte(stream, 8),         byte(stream, 0)};
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes literal_field(std::string_view name, std::string_view value) {
  Bytes out{0};
  for (const std::string_view text : {name, value}) {
    std::size_t size = text.size();
    if (size < 127) {
      out.push_back(static_cast<std::uint8_t>(size));
    } else {  // RFC 7541, 5.1
      out.push_back(127);
      for (size -= 127; size >= 128; size >>= 7) out.push_back(static_cast<std::uint8_t>(size % 128 + 128));
      out.push_back(static_cast<std::uint8_t>(size));
    }
    out.insert(out.end(), text.begin(), text.end());
  }
  return out;
}

}  // namespace vpn::agent::dns::test
