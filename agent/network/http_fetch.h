// One GET of a probe, past every tunnel: its socket is bound to an interface.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/network/http.h"

namespace vpn::agent {

struct HttpFetch {
  HttpUrl url;
  std::string accept = "*/*";
  std::string interface;                   ///< the socket is bound to it
  std::vector<policy::Address> addresses;  ///< tried one after the other
  std::size_t most_body = 0;               ///< bytes; 0: only the status is wanted
  std::chrono::milliseconds limit{10'000};
};

struct HttpAnswer {
  int status = 0;      ///< 0: none
  std::string fault;   ///< why there is none, for people
  bool clock = false;  ///< the server's certificate is not valid at this time of ours: the clock may be wrong
  std::string content_type, body;
};

/// TLS by OpenSSL, with the system's certificates (SSL_CERT_FILE and SSL_CERT_DIR name others). The callback is called
/// once, never from within. Destroying the result cancels.
[[nodiscard]] std::unique_ptr<Waiting> http_get(Loop& loop, HttpFetch fetch, std::function<void(HttpAnswer)> callback);

}  // namespace vpn::agent
