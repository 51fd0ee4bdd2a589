// What a profile says to OpenVPN, what it tells its script, and its management lines: nothing gets in that was not
// asked for.
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/tunnel/openvpn/directives.h"
#include "agent/tunnel/openvpn/environment.h"
#include "agent/tunnel/openvpn/management.h"

namespace {

using namespace vpn::agent::openvpn;

// Outside of inline files, a line is a directive.
void check(std::string_view text) {
  std::string_view inside;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!inside.empty()) {
      if (line.starts_with("</") && line.substr(2, inside.size()) == inside) inside = {};
      continue;
    }
    if (line.starts_with('<')) {
      inside = line.substr(1, line.size() - 2);
      continue;
    }
    for (const std::string_view bad :
         {"up", "down", "plugin", "script-security", "management", "config", "log", "cd", "setenv"})
      if (line.substr(0, line.find(' ')) == bad) std::abort();
  }
  if (!inside.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto d = read_directives({{"ovpn", text}})) check(d->text);
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    if (const auto d = read_directives({{"remote", "a.example"}, {text.substr(0, colon), text.substr(colon + 1)}}))
      check(d->text);
  }
  if (const auto s = read_environment(text); s && (s->interface.empty() || s->addresses.empty())) std::abort();
  const Line line = read_line(text);
  if (line.more.size() > 32) std::abort();
  if (line.challenge && line.failed && line.challenge->state.empty()) std::abort();
  if (const auto challenge = read_challenge(text)) {
    if (!std::string_view(answer_text(*challenge, text, text)).starts_with("CRV1::")) std::abort();
  }
  vpn::agent::WipedText quoted;
  if (quote(text, quoted) && quoted.find('\n') != std::string::npos) std::abort();
  return 0;
}
