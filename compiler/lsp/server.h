// A language server for profiles and declarations (LSP 3.17), without input and output of its own: bytes in, bytes out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/lsp/linter.h"

namespace vpn::lsp {

struct ServerOptions {
  std::string version;                   ///< of the program
  std::string documentation;             ///< address of docs/findings.md; empty: none
  std::chrono::milliseconds pause{150};  ///< without typing, before a text is judged
};

/// Everything is bounded: messages (64 MiB), documents (16 MiB each, 256 MiB and 1,000 in all), waiting messages.
/// One thread at a time. No input makes it throw but lack of memory (std::bad_alloc).
class Server {
 public:
  using Clock = std::chrono::steady_clock;
  Server(Linter& linter, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes bytes of the client.
  void receive(std::string_view bytes);
  /// Answers one message, or judges one document that is due, or tells the client what came of it. False: there is
  /// nothing to do now.
  bool step(Clock::time_point now);
  /// When step() has something to do without further bytes; nothing: not before there are some.
  std::optional<Clock::time_point> due(Clock::time_point now) const;
  /// Whether so much waits that nothing more should be read for now.
  bool is_full() const;
  /// What is to be sent.
  std::string take_output();
  /// The client said "exit", or its stream cannot be understood any more.
  bool ended() const;
  /// The client's stream cannot be understood any more: these are no messages of the protocol.
  bool lost() const;
  /// 0 after an orderly shutdown, else 1 (LSP 3.17, "Exit Notification").
  int exit_code() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace vpn::lsp
