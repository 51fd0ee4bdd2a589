// A client of VICI over a Unix socket that never blocks: the loop drives it, answers come as callbacks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/strongswan/vici_packet.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

/// One connection. Callbacks run from the loop, never from within a call; each may destroy the client. After the
/// connection has failed (on_closed) nothing is called any more, and what is asked is dropped.
class ViciClient {
 public:
  /// The answer. Errors: charon said `success = no` (its errmsg), does not know the command, or the request was too
  /// long.
  using Reply = std::function<void(Result<Section>)>;
  struct Handlers {
    std::function<void(std::string_view event, const Section& message)> on_event;
    std::function<void(const std::string& reason)> on_closed;  ///< once: closed, or what came was no VICI
  };

  /// Connects to charon's socket. Errors: unreadable, nobody listens there, or somebody who is neither root nor us.
  static Result<std::unique_ptr<ViciClient>> connect(Loop& loop, const std::string& path, Handlers handlers);
  /// Over a stream socket that is connected already and does not block.
  ViciClient(Loop& loop, Descriptor socket, Handlers handlers);
  ViciClient(const ViciClient&) = delete;
  ViciClient& operator=(const ViciClient&) = delete;
  ~ViciClient();

  /// Requests are answered one after the other, in their order. One that takes longer than `limit` ends the connection.
  void request(std::string command, Section message, Reply reply,
               std::chrono::milliseconds limit = std::chrono::seconds(10));
  /// Asks for an event to be sent; charon that does not have it is an error.
  void subscribe(std::string event, Reply reply);
  /// The process that listens (SO_PEERCRED); 0 where the socket does not say.
  pid_t peer() const;

 private:
  struct Pending {
    WipedBytes bytes;
    Reply reply;
    std::chrono::milliseconds limit{0};
  };
  void enqueue(const Packet& packet, Reply reply, std::chrono::milliseconds limit);
  void send_next();
  void flush();
  void read();
  void handle(Packet packet);
  void answer(Result<Section> result);
  void close(const std::string& reason);

  Loop& loop_;
  Descriptor socket_;
  Handlers handlers_;
  PacketStream stream_;
  std::deque<Pending> queue_;
  bool under_way_ = false;  ///< the first of the queue is being sent, or waits for its answer
  std::size_t written_ = 0;
  std::unique_ptr<Waiting> readable_, writable_, limit_, soon_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vpn::agent::strongswan
