// vpnprofile lsp: a language server on standard input and output.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "compiler/cli/commands.h"
#include "compiler/cli/editor_lint.h"
#include "compiler/lsp/features.h"
#include "compiler/lsp/server.h"

namespace vpn::cli {
namespace {

using Clock = lsp::Server::Clock;

/// What clients add to the command by themselves (LSP 3.17, "Implementation Considerations").
constexpr Option lsp_options[] = {
    {"stdio", 0, {}, "what it does anyway; editors say so", {}},
    {"clientProcessId", 0, "PID", "the editor; not needed, since its end closes standard input", {}},
};

/// docs/findings.md as it is installed, or as it stands in the tree that the program was built in.
std::string documentation_address() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (error) return {};
  for (const char* const way : {"../share/doc/vpnprofile/docs/findings.md", "../../../docs/findings.md"}) {
    const std::filesystem::path file = (program / way).lexically_normal();
    if (std::filesystem::exists(file, error)) return lsp::file_uri(file.string());
  }
  return {};
}

/// Milliseconds for poll(): -1 without end.
int patience(const lsp::Server& server) {
  const auto now = Clock::now();
  const auto due = server.due(now);
  if (!due) return -1;
  if (*due <= now) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*due - now).count());
}

bool is_readable(int timeout) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, timeout) > 0;
}

/// Takes what the client has sent; false: it has gone.
bool take_input(lsp::Server& server) {
  static std::array<char, std::size_t{64} << 10> buffer;
  const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (size <= 0) return false;
  server.receive({buffer.data(), static_cast<std::size_t>(size)});
  return true;
}

int run_lsp(const Arguments&) {
  if (::isatty(STDIN_FILENO) == 1)
    std::fputs("note: this waits for an editor on standard input; docs/editors.md says how one starts it\n", stderr);
  EditorLint linter;
  lsp::Server server(linter, {VPN_VERSION, documentation_address()});
  bool there = true;
  while (!server.ended()) {
    if (there && !server.is_full() && is_readable(patience(server))) there = take_input(server);
    const bool did = server.step(Clock::now());
    const std::string output = server.take_output();
    if (!output.empty() && !print(output)) return Exit::unreadable;
    if (!there && !did) break;  // the client has gone, and its last words are answered
  }
  if (server.lost())
    return report({ErrorKind::invalid_input,
                   "what comes on standard input are no messages of the Language Server Protocol",
                   {},
                   "an editor starts this: docs/editors.md"});
  return server.exit_code();
}

}  // namespace

const Command lsp_command{
    "lsp",  "language server for editors, on standard input and output", {}, 0, 0, lsp_options, "  vpnprofile lsp",
    run_lsp};

}  // namespace vpn::cli
