// What a server answers to a probe: the first byte says in what pieces it comes.
#include "agent/network/http.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/network/captive_portal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1u;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)vpn::agent::parse_http_url(bytes);
  vpn::agent::HttpReader reader(vpn::agent::largest_portal_answer);
  auto state = vpn::agent::HttpReader::State::reading;
  for (std::size_t at = 0; at < bytes.size() && state == vpn::agent::HttpReader::State::reading; at += piece)
    state = reader.read(bytes.substr(at, piece));
  if (state == vpn::agent::HttpReader::State::reading) reader.end();
  if (reader.body().size() > vpn::agent::largest_portal_answer) std::abort();
  vpn::agent::HttpAnswer answer;
  answer.status = reader.status();
  answer.content_type = reader.content_type();
  answer.body = reader.body();
  (void)vpn::agent::read_portal_api(answer);
  return 0;
}
