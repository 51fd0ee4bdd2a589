#include "compiler/lsp/server.h"

#include <algorithm>

#include "compiler/lsp/state.h"
#include "policy/json/json.h"

namespace vpn::lsp {
namespace {

constexpr std::size_t deepest_message = 64;

bool is_id(const Json& id) { return id.is_string() || id.is_number_integer(); }

}  // namespace

Server::Server(Linter& linter, ServerOptions options) : state_(std::make_unique<State>(linter, std::move(options))) {}
Server::~Server() = default;
void Server::receive(std::string_view bytes) { state_->receive(bytes); }
bool Server::step(Clock::time_point now) { return state_->step(now); }
std::optional<Server::Clock::time_point> Server::due(Clock::time_point now) const { return state_->due(now); }
bool Server::is_full() const { return state_->is_full(); }
std::string Server::take_output() { return std::exchange(state_->output, {}); }
bool Server::ended() const { return state_->ended; }
bool Server::lost() const { return state_->is_lost(); }
int Server::exit_code() const { return state_->shut_down ? 0 : 1; }

void Server::State::receive(std::string_view bytes) {
  std::vector<Frame> frames;
  reader_.feed(bytes, frames);
  for (const Frame& frame : frames) take(frame);
  if (reader_.lost() && waiting_.empty()) ended = true;
}

void Server::State::take(const Frame& frame) {
  if (frame.kind == Frame::Kind::too_large)
    return refuse(nullptr, invalid_request, "the message is larger than 64 MiB");
  if (!policy::nests_at_most(frame.content, deepest_message))
    return refuse(nullptr, parse_error, "the message is nested too deeply");
  Json message = Json::parse(frame.content, nullptr, false);
  if (message.is_discarded()) return refuse(nullptr, parse_error, "the message is no JSON");
  if (!message.is_object()) return refuse(nullptr, invalid_request, "a message is an object");
  if (text_of(member(message, {"method"})) == "$/cancelRequest") return cancel(member(message, {"params", "id"}));
  waiting_bytes_ += frame.content.size();
  waiting_.push_back({std::move(message), frame.content.size(), false});
}

void Server::State::cancel(const Json& id) {
  for (Waiting& w : waiting_)
    if (is_id(id) && w.message.contains("method") && member(w.message, {"id"}) == id) w.cancelled = true;
}

void Server::State::send(Json message) {
  message["jsonrpc"] = "2.0";
  output += framed(message.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Server::State::answer(const Json& id, Json result) { send({{"id", id}, {"result", std::move(result)}}); }

void Server::State::refuse(const Json& id, int code, std::string_view message) {
  send({{"id", id}, {"error", {{"code", code}, {"message", message}}}});
}

void Server::State::notify(const char* method, Json params) {
  send({{"method", method}, {"params", std::move(params)}});
}

void Server::State::ask(const char* id, const char* method, Json params) {
  send({{"id", id}, {"method", method}, {"params", std::move(params)}});
}

void Server::State::say(int type, const std::string& text) {
  notify("window/showMessage", {{"type", type}, {"message", "vpnprofile: " + text}});
}

bool Server::State::step(Clock::time_point now) {
  if (ended) return false;
  if (!waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= next.bytes;
    handle(next, now);
    if (reader_.lost() && waiting_.empty()) ended = true;
    return true;
  }
  // What was judged is told only now: a change that has come meanwhile makes it void.
  return publish_one() || judge_one(now);
}

std::optional<Clock::time_point> Server::State::due(Clock::time_point now) const {
  if (ended) return std::nullopt;
  if (!waiting_.empty()) return now;
  std::optional<Clock::time_point> first;
  for (const auto& [uri, document] : documents_) {
    if (document.unpublished) return now;
    if (document.is_due && (!first || document.due < *first)) first = document.due;
  }
  return first;
}

void Server::State::handle(const Waiting& waiting, Clock::time_point now) {
  const Json& message = waiting.message;
  const Json& id = member(message, {"id"});
  const Json& method = member(message, {"method"});
  if (!method.is_string()) {
    if (is_id(id) && (message.contains("result") || message.contains("error"))) return handle_response(message, now);
    return refuse(is_id(id) ? id : Json(nullptr), invalid_request, "the message has no method");
  }
  const Json& params = member(message, {"params"});
  if (!message.contains("id")) return handle_notification(method.get<std::string>(), params, now);
  if (!is_id(id)) return refuse(nullptr, invalid_request, "an id is a number or a string");
  if (waiting.cancelled) return refuse(id, request_cancelled, "cancelled");
  handle_request(method.get<std::string>(), id, params, now);
}

void Server::State::handle_request(const std::string& method, const Json& id, const Json& params,
                                   Clock::time_point now) {
  if (shut_down) return refuse(id, invalid_request, "the server is shut down");
  if (method == "initialize") return initialize(id, params);
  if (!initialized_) return refuse(id, not_initialized, "'initialize' comes first");
  if (method == "shutdown") {
    shut_down = true;
    return answer(id, nullptr);
  }
  const bool is_hover = method == "textDocument/hover", is_completion = method == "textDocument/completion";
  const bool is_action = method == "textDocument/codeAction";
  if (!is_hover && !is_completion && !is_action)
    return refuse(id, method_not_found, "'" + method.substr(0, 100) + "' is not offered");
  OpenDocument* const document = find(params);
  if (document == nullptr) return refuse(id, invalid_params, "the document is not open");
  const auto position = position_of(member(params, {"position"}));
  if (is_action ? !range_of(member(params, {"range"})) : !position)
    return refuse(id, invalid_params, is_action ? "'range' is missing" : "'position' is missing");
  if (!is_judgeable(*document)) return answer(id, is_hover ? Json(nullptr) : Json::array());
  if (is_action) return answer(id, code_action_answer(*document, params));
  if (is_hover) return answer(id, hover(view(*document), *position));
  answer(id, completion(view(*document), *position, other_targets(*document)));
  static_cast<void>(now);
}

void Server::State::handle_response(const Json& message, Clock::time_point now) {
  if (text_of(member(message, {"id"})) != "configuration") return;
  const Json& result = member(message, {"result"});
  if (result.is_array() && !result.empty()) configure(result[0], now);
}

}  // namespace vpn::lsp
