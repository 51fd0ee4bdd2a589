// One question over a stream: TCP (RFC 7766) or TLS (RFC 7858). The connection is for this question alone: another
// question may be another app's, or about a name with another verdict.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/dns/channel.h"
#include "agent/dns/message.h"
#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/tls.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::dns {

/// A socket on its way to be connected; nothing: it cannot leave for there. `prepare` says whose it is, before.
Descriptor connected_socket(const policy::Address& server, std::uint16_t port, int type,
                            const std::function<Result<void>(int socket)>& prepare);

class StreamQuestion {
 public:
  /// An answer as it came; nothing: there is none to be had here. Not called within the constructor; may destroy this.
  using Done = std::function<void(std::optional<Bytes> answer)>;
  /// `wire` is on its way to be connected.
  StreamQuestion(Loop& loop, Wire wire, View query, Done done);

 private:
  void take(View piece);
  void finish(std::optional<Bytes> answer);

  Loop& loop_;
  Bytes out_, in_;
  Done done_;
  std::unique_ptr<Waiting> over_;
  Channel channel_;
};

}  // namespace vpn::agent::dns
