// What a proxy says before it carries a flow, in pieces of any size, and what comes as its datagrams.
#include <algorithm>
#include <cstdlib>

#include "agent/proxy/handshake.h"

namespace {

using namespace vpn::agent;
using namespace vpn::agent::proxy;

void demand(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const Login> somebody() {
  auto out = std::make_shared<Login>();
  out->user = wiped("alice");
  out->password = wiped("secret");
  return out;
}

void shake(ProxyPlace::Protocol protocol, Request request, std::string_view bytes, std::size_t step) {
  static const auto login = somebody();
  Handshake h(protocol, request, {"wiki.corp.example", vpn::policy::Address::from_v4(1), 443}, login);
  std::size_t at = 0;
  while (at < bytes.size()) {
    demand(h.outgoing().size() < 1024);
    h.sent();
    std::size_t used = 0;
    const auto state = h.take(bytes.substr(at, step), used);
    demand(used <= step);
    if (state == Handshake::State::failed) demand(!h.fault().empty());
    if (state != Handshake::State::going_on) return;
    demand(used != 0);
    at += used;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1 + data[0] % 64;
  shake(ProxyPlace::Protocol::socks5, Request::connect, bytes, step);
  shake(ProxyPlace::Protocol::socks5, Request::associate, bytes, bytes.size());
  shake(ProxyPlace::Protocol::http, Request::connect, bytes, step);
  if (const auto datagram = unwrapped(bytes)) {
    demand(datagram->data.size() < bytes.size());
    if (datagram->from) {
      const std::string text = wrapped({{}, *datagram->from, datagram->port}, datagram->data);
      const auto again = unwrapped(text);
      demand(again && again->from == datagram->from && again->port == datagram->port && again->data == datagram->data);
    }
  }
  return 0;
}
