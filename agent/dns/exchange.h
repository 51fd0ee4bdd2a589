// A question put to resolvers until one of them answers, or none will: over sockets that are judged as if the app had
// made them.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/dns/choice.h"
#include "agent/dns/https.h"
#include "agent/dns/message.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/tls.h"
#include "policy/result.h"

namespace vpn::agent::dns {

struct ExchangeRequest {
  Bytes query;          ///< as the client sent it; its number goes to nobody
  bool stream = false;  ///< the client came by a stream, and can take a long answer
  Resolver resolver;
  std::shared_ptr<TlsTrust> trust;                  ///< not null for TLS and HTTPS
  HttpsLinks* links = nullptr;                      ///< for HTTPS; outlives the exchange
  Standing standing;                                ///< likewise
  std::function<Result<void>(int socket)> prepare;  ///< says whose the socket is, before it is connected
};

/// The answer has the query's own number. Nothing: nobody answers; at once where nothing may leave. The callback comes
/// from the loop and may destroy the result.
std::unique_ptr<Waiting> exchange(Loop& loop, ExchangeRequest request,
                                  std::function<void(std::optional<Bytes> answer)> answered);

}  // namespace vpn::agent::dns
