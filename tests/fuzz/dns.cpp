// What clients ask the forwarder, what resolvers answer, and what a resolver's web server says around it.
#include <algorithm>
#include <cstdlib>

#include "agent/dns/http.h"
#include "agent/dns/message.h"

namespace {

using namespace vpn::agent::dns;

void demand(bool holds) {
  if (!holds) std::abort();
}

void use_message(View message) {
  const ReadQuery read = read_query(message);
  demand(!(read.query && read.refusal));
  if (read.query) {
    demand(read.query->name.size() <= 255 && read.query->room >= 512);
    const Bytes no = refusal(message, Rcode::server_failure);
    demand(is_answer_to(message, no));
    demand(read_answer(no).has_value());
  }
  if (message.size() >= header_size) demand(truncated(message).size() <= message.size());
  if (const auto answer = read_answer(message)) {
    demand(answer->addresses.size() <= 256);
    for (const AddressAnswer& a : answer->addresses) demand(a.seconds <= 604800);
  }
}

void use_http(std::string_view text, std::size_t step) {
  HttpAnswer answer;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const auto state = answer.take(text.substr(at, step), at + step >= text.size());
    if (state == HttpAnswer::State::whole) demand(answer.message().size() <= largest_message);
    if (state != HttpAnswer::State::more) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  use_message({data, size});
  use_http({reinterpret_cast<const char*>(data) + 1, size - 1}, std::size_t{data[0]} + 1);
  return 0;
}
