// What a resolver's server sends over HTTP/2 while two questions wait: the first byte says in what pieces it comes.
#include "agent/dns/http2.h"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent::dns;
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1u;
  const View bytes(data + 1, size - 1);
  const auto client = Http2Client::make();
  const HttpPlace place{"dns.example", "/dns-query"};
  const Bytes query{'q'};
  std::size_t open = 0;
  for (int i = 0; i < 2; ++i) open += client->ask(place, query) > 0;
  (void)client->output();
  std::size_t sent = 0;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const bool goes_on = client->take(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    for (const auto& answer : client->answers()) {
      if (open-- == 0 || (answer.message && answer.message->size() > largest_message)) std::abort();
      if (goes_on && client->ask(place, query) > 0) ++open;
    }
    sent += client->output().size();
    if (!goes_on) break;
  }
  if (client->open() != open || sent > 1000 + 100 * size) std::abort();
  return 0;
}
