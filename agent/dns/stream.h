// One question over a stream: TCP (RFC 7766), TLS (RFC 7858) or HTTPS (RFC 8484). The connection is for this question
// alone: another question may be another app's, or about a name with another verdict.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/dns/choice.h"
#include "agent/dns/http.h"
#include "agent/dns/message.h"
#include "agent/dns/tls.h"
#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"

namespace vpn::agent::dns {

class StreamQuestion {
 public:
  /// An answer as it came; nothing: there is none to be had here. Not called within the constructor; may destroy this.
  using Done = std::function<void(std::optional<Bytes> answer)>;
  /// `socket` is on its way to be connected, to resolver.servers[server]. `trust`: not null for TLS and HTTPS.
  StreamQuestion(Loop& loop, Descriptor socket, const Resolver& resolver, const policy::Address& server,
                 const std::shared_ptr<TlsTrust>& trust, View query, Done done);

 private:
  enum class Phase : std::uint8_t { connecting, greeting, asking, hearing };
  void go_on();
  TlsSession::Outcome send_some();
  TlsSession::Outcome receive_some();
  bool take(View piece, bool ended);  ///< true: it is over
  void wait(bool writable);
  void finish(std::optional<Bytes> answer);

  Loop& loop_;
  Descriptor socket_;
  bool https_;
  std::unique_ptr<TlsSession> tls_;
  Bytes out_, in_;
  std::size_t sent_ = 0;
  HttpAnswer http_;
  Phase phase_ = Phase::connecting;
  bool waits_to_write_ = false;
  Done done_;
  std::unique_ptr<Waiting> waiting_, over_;
};

}  // namespace vpn::agent::dns
