// The forwarder of lookups: what governed apps ask any resolver comes here (agent/datapath/bpf/lookups.h), goes to the
// resolver that the verdict for the app and the name asks for, and comes back once its addresses are tied to the name.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "agent/datapath/datapath.h"
#include "agent/dns/choice.h"
#include "agent/dns/https.h"
#include "agent/dns/listeners.h"
#include "agent/dns/lookup_gate.h"
#include "agent/dns/message.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/tls.h"
#include "policy/result.h"

namespace vpn::agent::dns {

/// What the rules and the kernel have to do with a lookup. All of it is asked on the loop's thread.
class LookupRules {
 public:
  virtual ~LookupRules() = default;
  virtual std::optional<Asker> asker(std::uint8_t protocol, const policy::Address& address, std::uint16_t port) = 0;
  virtual void questions_read(std::chrono::nanoseconds before) = 0;
  virtual Choice choose(const Asker& asker, const Query& query) = 0;
  /// An address that stands for the name; nothing: there is none left.
  virtual std::optional<policy::Address> invent(const Query& query) = 0;
  /// Questions of the same are judged alike in the kernel.
  virtual Standing standing(const Asker& asker, const Query& query) = 0;
  /// The socket is judged as the asker's, for the name.
  virtual Result<void> ask_for(int socket, const Asker& asker, const Query& query) = 0;
  /// Ties the addresses to the name, in force when this returns. False: the app must not get them.
  virtual bool tie(const Asker& asker, const Query& query, std::span<const AddressAnswer> addresses) = 0;
  /// The rules refuse it; for people.
  virtual void refused(const Asker& asker, const Query& query, const Choice& choice) = 0;
  virtual LookupAsked describe(const Asker& asker, const Query& query, const Choice& choice) = 0;
  virtual LookupGate* gate() = 0;  ///< null: nobody has a say
  /// For TLS and HTTPS. Null: they cannot be had as the profile wants them.
  virtual std::shared_ptr<TlsTrust> trust(const Resolver& resolver) = 0;

 protected:
  LookupRules() = default;
};

struct ForwarderCounts {
  std::uint64_t asked = 0;     ///< questions that could be read
  std::uint64_t answered = 0;  ///< by a resolver
  std::uint64_t refused = 0;   ///< by the rules, without a packet
  std::uint64_t failed = 0;    ///< nobody answered, or what was answered cannot be handed on
};

class Forwarder {
 public:
  static constexpr std::size_t most_pending = 1024, most_of_one = 256;  ///< questions; of one app

  /// The loop and the rules outlive it.
  static Result<std::unique_ptr<Forwarder>> open(Loop& loop, std::span<const ForwarderPlace> places,
                                                 LookupRules& rules);
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  ~Forwarder();

  const ForwarderPlace& place() const { return listeners_->place(); }
  const ForwarderCounts& counts() const { return counts_; }
  std::size_t pending() const { return pending_.size(); }
  /// Another policy is in force, or a tunnel has gone: whatever is on its way was decided by what does not hold any
  /// more, and fails. Clients ask again. Connections that were kept are closed.
  void cancel_all();

 private:
  struct Question;
  Forwarder(Loop& loop, LookupRules& rules);
  void asked(const Asker& asker, View query, bool stream, Reply reply);
  void go_on(std::uint64_t number);
  void answered(std::uint64_t number, std::optional<Bytes> answer);
  void hold(Question& question);
  LookupGate::Proceed go_on_later(std::uint64_t number);
  void end(std::uint64_t number, const Bytes& answer);
  void fail(std::uint64_t number, Rcode rcode);

  Loop& loop_;
  LookupRules& rules_;
  std::shared_ptr<Forwarder*> self_;  ///< for those who call back when it may be gone
  HttpsLinks links_;
  std::map<std::uint64_t, std::unique_ptr<Question>> pending_;
  std::uint64_t last_ = 0;
  ForwarderCounts counts_;
  std::unique_ptr<Listeners> listeners_;
};

}  // namespace vpn::agent::dns
