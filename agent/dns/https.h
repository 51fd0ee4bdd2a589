// Questions over HTTPS (RFC 8484) and the connections for them. A server that speaks HTTP/2 is asked many questions
// over one connection, which is kept for a while; another one is asked each over its own, by HTTP/1.1. A connection
// belongs to one standing: another app's question, or one about a name with another verdict, is never on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "agent/dns/choice.h"
#include "agent/dns/message.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/tls.h"
#include "policy/result.h"

namespace vpn::agent::dns {

/// To whom the kernel counts a question, and by which name it judges it: those of one standing are judged alike.
struct Standing {
  std::uint32_t app = 0, spawner = 0;
  std::uint32_t name_class = 0;
  friend bool operator==(const Standing&, const Standing&) = default;
};

struct HttpsQuestion {
  Standing standing;
  Resolver resolver;
  policy::Address server;  ///< of the resolver's
  std::shared_ptr<TlsTrust> trust;
  Bytes query;
  std::function<Result<void>(int socket)> prepare;  ///< says whose the socket is, before it is connected
};

class HttpsLinks {
 public:
  static constexpr std::chrono::seconds idle_limit{30};  ///< that a connection is kept without a question
  static constexpr std::size_t most_idle = 16;

  /// The loop outlives it.
  explicit HttpsLinks(Loop& loop);
  ~HttpsLinks();
  HttpsLinks(const HttpsLinks&) = delete;
  HttpsLinks& operator=(const HttpsLinks&) = delete;

  /// The body of an answer, as it came; nothing: there is none to be had here. Not called from within; may destroy the
  /// result, and whoever destroys it waits no longer. Null: nothing can leave for there. The links outlive it.
  using Done = std::function<void(std::optional<Bytes> answer)>;
  std::unique_ptr<Waiting> ask(HttpsQuestion question, Done done);
  /// Another policy is in force, or a tunnel has gone: no connection is used any more. Open questions end.
  void clear();
  std::size_t size() const { return links_.size(); }

 private:
  class Link;
  class Asked;
  bool place(Asked& asked);
  bool open(Asked& asked, bool alone);
  void alone_from_now_on(const std::vector<Asked*>& waiting, const Resolver& resolver);
  void sweep();
  void sweep_soon();

  Loop& loop_;
  std::list<std::unique_ptr<Link>> links_;
  std::vector<Resolver> plain_;  ///< that speak HTTP/1.1 only, as far as is known
  std::unique_ptr<Waiting> sweeping_;
};

}  // namespace vpn::agent::dns
