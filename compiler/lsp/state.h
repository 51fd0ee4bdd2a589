// The server's state and its messages. Internal to compiler/lsp.
#pragma once

#include <deque>
#include <set>

#include "compiler/lsp/features.h"
#include "compiler/lsp/frames.h"
#include "compiler/lsp/json.h"
#include "compiler/lsp/server.h"

namespace vpn::lsp {

/// Codes of JSON-RPC 2.0 and LSP 3.17.
enum ErrorCode : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  not_initialized = -32002,
  request_cancelled = -32800,
};

inline constexpr std::size_t largest_document = std::size_t{16} << 20;
inline constexpr std::size_t most_document_bytes = std::size_t{256} << 20;
inline constexpr std::size_t most_documents = 1000;
inline constexpr std::size_t most_waiting_bytes = std::size_t{64} << 20;
inline constexpr std::size_t most_waiting = 10'000;

class Server::State {
 public:
  State(Linter& linter, ServerOptions options) : linter_(linter), options_(std::move(options)) {}

  void receive(std::string_view bytes);
  bool step(Clock::time_point now);
  std::optional<Clock::time_point> due(Clock::time_point now) const;

  bool is_full() const { return waiting_bytes_ > most_waiting_bytes || waiting_.size() > most_waiting; }
  bool is_lost() const { return reader_.lost(); }
  std::string output;
  bool ended = false;
  bool shut_down = false;

 private:
  struct Waiting {
    Json message;
    std::size_t bytes = 0;
    bool cancelled = false;
  };

  // Messages (server.cpp)
  void take(const Frame& frame);
  void cancel(const Json& id);
  void send(Json message);
  void answer(const Json& id, Json result);
  void refuse(const Json& id, int code, std::string_view message);
  void notify(const char* method, Json params);
  void ask(const char* id, const char* method, Json params);
  void say(int type, const std::string& text);
  void handle(const Waiting& waiting, Clock::time_point now);
  void handle_request(const std::string& method, const Json& id, const Json& params, Clock::time_point now);
  void handle_response(const Json& message, Clock::time_point now);

  // Life (session.cpp)
  void initialize(const Json& id, const Json& params);
  void handle_notification(const std::string& method, const Json& params, Clock::time_point now);
  void initialized();
  void configure(const Json& settings, Clock::time_point now);
  bool read_settings(const Json& settings, Settings& out, std::string& fault) const;

  // Documents (documents.cpp)
  void open(const Json& params, Clock::time_point now);
  void change(const Json& params, Clock::time_point now);
  void save(const Json& params, Clock::time_point now);
  void close(const Json& params, Clock::time_point now);
  void changed(OpenDocument& document, Clock::time_point due);
  void judge_others(const OpenDocument& document, Clock::time_point now);
  void judge_all(Clock::time_point now);
  void judge(OpenDocument& document);
  bool is_judgeable(OpenDocument& document);
  bool judge_one(Clock::time_point now);
  bool publish_one();
  OpenDocument* find(const Json& params);
  View view(OpenDocument& document);
  Request request(const OpenDocument& document);
  std::size_t bytes_of_documents() const;

  Json code_action_answer(OpenDocument& document, const Json& params);
  std::vector<Target> other_targets(const OpenDocument& document) const;

  Linter& linter_;
  ServerOptions options_;
  FrameReader reader_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool initialized_ = false;
  Abilities client_;
  Settings settings_;
  std::string root_;  ///< folder of the workspace; empty: none
  std::map<std::string, OpenDocument> documents_;
  std::map<std::string, std::string_view> open_texts_;
};

}  // namespace vpn::lsp
