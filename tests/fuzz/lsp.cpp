// The language server: a session of messages, one a line, that edits documents and asks about them; or raw bytes of its
// stream.
#include "compiler/lint/lint.h"
#include "compiler/lsp/frames.h"
#include "compiler/lsp/server.h"
#include "tests/fuzz/reading.h"

namespace {

using namespace vpn;

/// Lint as the server asks for it, without a file system.
class FuzzLinter : public lsp::Linter {
 public:
  bool concerns(const lsp::Request&) override { return true; }
  lsp::Outcome lint(const lsp::Request& request) override {
    lsp::Outcome out;
    out.documents.push_back(
        document::read(std::make_unique<document::Source>(request.path, std::string(request.text)), {}, out.sink));
    lint::Options options;
    options.platforms = request.settings->platforms;
    options.now = 1'750'000'000;
    const document::Document* const documents[] = {out.documents[0].get()};
    if (out.documents[0] != nullptr) lint::lint(documents, options, out.sink);
    out.sink.sort();
    fuzz::check_findings(out.sink);
    return out;
  }
  std::optional<std::string> mend(const lsp::Request& request) override {
    return request.text.empty() ? std::nullopt
                                : std::optional(std::string(request.text.substr(request.text.size() / 2)));
  }
};

/// What the server sends is whole messages.
void check_output(lsp::Server& server, lsp::FrameReader& client) {
  std::vector<lsp::Frame> frames;
  client.feed(server.take_output(), frames);
  fuzz::require(!client.lost());
  for (const lsp::Frame& frame : frames)
    fuzz::require(frame.kind == lsp::Frame::Kind::message && frame.content.starts_with('{') &&
                  frame.content.ends_with('}'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzLinter linter;
  lsp::Server server(linter, {"1", "file:///findings.md", std::chrono::milliseconds(10)});
  lsp::FrameReader client;
  lsp::Server::Clock::time_point now{};
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const bool raw = rest.starts_with("Content-Length");
  while (!rest.empty() && !server.ended()) {
    const std::size_t end = raw ? std::min<std::size_t>(rest.size(), 17) : std::min(rest.find('\n'), rest.size());
    server.receive(raw ? std::string(rest.substr(0, end)) : lsp::framed(rest.substr(0, end)));
    rest.remove_prefix(raw ? end : std::min(end + 1, rest.size()));
    // Of two messages that come together, the second may cancel the first.
    if (rest.size() % 3 == 0) continue;
    now += std::chrono::milliseconds(7);
    while (server.step(now)) check_output(server, client);
  }
  now += std::chrono::seconds(5);
  while (server.step(now)) check_output(server, client);
  check_output(server, client);
  fuzz::require(server.ended() || !server.due(now) || *server.due(now) > now);
  return 0;
}
