// A client of the server in the same process, with a clock of its own.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/cli/editor_lint.h"
#include "compiler/lsp/frames.h"
#include "compiler/lsp/server.h"
#include "compiler/lsp/text.h"

namespace vpn::lsp {

using Message = nlohmann::json;

class TestClient {
 public:
  explicit TestClient(std::chrono::milliseconds pause = std::chrono::milliseconds(100))
      : server(linter, {"1", "file:///doc/findings.md", pause}) {}

  void send(const Message& message) { server.receive(framed(message.dump())); }
  void notify(const std::string& method, Message params) {
    send({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
  }
  /// Sends a request; its answer comes with run().
  int request(const std::string& method, Message params) {
    send({{"jsonrpc", "2.0"}, {"id", ++last_id}, {"method", method}, {"params", std::move(params)}});
    return last_id;
  }
  /// Sends a request, runs the server and gives the whole answer.
  Message ask(const std::string& method, Message params) {
    const int id = request(method, std::move(params));
    run();
    for (const Message& m : heard)
      if (m.contains("id") && m["id"] == id && !m.contains("method")) return m;
    return nullptr;
  }

  /// Steps until nothing is to be done at the time of the clock.
  void run() {
    while (server.step(now)) {
    }
    FrameReader reader;
    std::vector<Frame> frames;
    reader.feed(server.take_output(), frames);
    for (const Frame& frame : frames) heard.push_back(Message::parse(frame.content));
  }
  void pass(std::chrono::milliseconds time) {
    run();
    now += time;
    run();
  }

  void start(Message capabilities = Message::object(), Message options = nullptr) {
    ask("initialize", {{"capabilities", std::move(capabilities)}, {"initializationOptions", std::move(options)}});
    notify("initialized", Message::object());
    run();
  }
  void open(const std::string& uri, const std::string& text, int version = 1) {
    notify("textDocument/didOpen",
           {{"textDocument", {{"uri", uri}, {"languageId", "xml"}, {"version", version}, {"text", text}}}});
  }
  void change(const std::string& uri, int version, Message changes) {
    notify("textDocument/didChange",
           {{"textDocument", {{"uri", uri}, {"version", version}}}, {"contentChanges", std::move(changes)}});
  }
  /// Every publication about a document so far.
  std::vector<Message> published(const std::string& uri) const {
    std::vector<Message> out;
    for (const Message& m : heard)
      if (m.value("method", "") == "textDocument/publishDiagnostics" && m["params"]["uri"] == uri)
        out.push_back(m["params"]);
    return out;
  }

  cli::EditorLint linter;
  Server server;
  Server::Clock::time_point now{};
  std::vector<Message> heard;
  int last_id = 0;
};

/// A profile around the content of one IKEv2 payload's dictionary.
inline std::string profile(const std::string& payload) {
  return R"(<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
  <key>PayloadType</key>
  <string>Configuration</string>
  <key>PayloadVersion</key>
  <integer>1</integer>
  <key>PayloadIdentifier</key>
  <string>com.example.a</string>
  <key>PayloadUUID</key>
  <string>5E2C94A6-1B55-4C6B-9D0C-6A4C1E0D7A01</string>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key>
      <string>com.apple.security.pkcs12</string>
      <key>PayloadUUID</key>
      <string>5E2C94A6-1B55-4C6B-9D0C-6A4C1E0D7A09</string>
      <key>PayloadDisplayName</key>
      <string>Device</string>
    </dict>
    <dict>
      <key>PayloadType</key>
      <string>com.apple.vpn.managed</string>
      <key>VPNType</key>
      <string>IKEv2</string>
)" + payload +
         R"(
    </dict>
  </array>
</dict>
</plist>
)";
}

/// The position of the mark "|" in a text, which is then taken out.
struct Marked {
  explicit Marked(std::string with) : text(std::move(with)) {
    const std::size_t at = text.find('|');
    text.erase(at, 1);
    const std::size_t line = text.rfind('\n', at == 0 ? 0 : at - 1);
    for (std::size_t i = 0; i < at; ++i) position.line += text[i] == '\n' ? 1U : 0U;
    position.character = static_cast<std::uint32_t>(line == std::string::npos || at == 0 ? at : at - line - 1);
  }
  std::string text;
  Position position;
  Message json() const { return {{"line", position.line}, {"character", position.character}}; }
};

}  // namespace vpn::lsp
