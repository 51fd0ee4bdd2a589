#include "agent/tunnel/openvpn/management.h"

#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace vpn::agent::openvpn {
namespace {

constexpr std::size_t longest_news = 16384, most_parts = 32;

std::vector<std::string> by_commas(std::string_view text) {
  std::vector<std::string> out;
  while (out.size() < most_parts) {
    const auto comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

bool take(std::string_view& text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return false;
  text.remove_prefix(beginning.size());
  return true;
}

// TIME,NAME,DETAIL,LOCAL,REMOTE,PORT,…
Line state(std::string_view text) {
  std::vector<std::string> parts = by_commas(text);
  Line out;
  if (parts.size() < 2) return out;
  out.kind = Line::Kind::state;
  out.what = parts[1];
  parts.erase(parts.begin(), parts.begin() + 2);
  out.more = std::move(parts);
  return out;
}

std::string_view until(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return out;
}

// Need 'Auth' username/password SC:1,Enter the code, or: Verification Failed: 'Auth' ['CRV1:R,E:…']
Line password(std::string_view text) {
  Line out;
  out.kind = Line::Kind::password;
  out.failed = text.starts_with("Verification Failed");
  const auto begin = text.find('\'');
  if (begin == std::string_view::npos) return Line{};
  text.remove_prefix(begin + 1);
  out.what = std::string(until(text, '\''));
  if (out.failed) {
    const auto challenge = text.find("CRV1:");
    if (challenge == std::string_view::npos) return out;
    text.remove_prefix(challenge);
    if (text.ends_with("']")) text.remove_suffix(2);
    out.challenge = read_challenge(text);
  } else if (const auto fixed = text.find(" SC:"); fixed != std::string_view::npos) {
    text.remove_prefix(fixed + 4);
    Challenge challenge;
    challenge.echo = until(text, ',') == "1";
    challenge.text = std::string(text);
    out.challenge = std::move(challenge);
  }
  return out;
}

void append_base64(std::string_view text, WipedText& out) {
  // Of three bytes four characters, and a zero behind them.
  WipedText encoded((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.append(encoded, 0, static_cast<std::size_t>(std::max(size, 0)));
}

}  // namespace

Line read_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (take(text, ">STATE:")) return state(text);
  if (take(text, ">PASSWORD:")) return password(text);
  Line out;
  if (text == "END") {
    out.kind = Line::Kind::end;
  } else if (take(text, ">HOLD:")) {
    out.kind = Line::Kind::hold;
  } else if (take(text, ">FATAL:")) {
    out.kind = Line::Kind::fatal;
    out.what = std::string(text);
  } else if (take(text, "SUCCESS:")) {
    out.kind = Line::Kind::success;
  } else if (take(text, "ERROR:")) {
    out.kind = Line::Kind::error;
    out.what = std::string(text);
  } else if (!text.starts_with('>') && by_commas(text).size() >= 6) {
    return state(text);  // the answer to "state"
  }
  return out;
}

std::optional<Challenge> read_challenge(std::string_view text) {
  if (until(text, ':') != "CRV1") return std::nullopt;
  Challenge out;
  out.answered = false;
  for (std::string_view flags = until(text, ':'); !flags.empty();) {
    const std::string_view flag = until(flags, ',');
    out.echo = out.echo || flag == "E";
    out.answered = out.answered || flag == "R";
  }
  out.state = std::string(until(text, ':'));
  until(text, ':');  // the user's name again, in Base64
  out.text = std::string(text);
  return out.state.empty() ? std::nullopt : std::optional(std::move(out));
}

WipedText answer_text(const Challenge& challenge, std::string_view password, std::string_view answer) {
  WipedText out;
  out.reserve(64 + challenge.state.size() + 2 * (password.size() + answer.size()));
  if (!challenge.state.empty()) return out.append("CRV1::").append(challenge.state).append("::").append(answer);
  out.append("SCRV1:");
  append_base64(password, out);
  out.append(":");
  append_base64(answer, out);
  return out;
}

bool quote(std::string_view text, WipedText& out) {
  out += '"';
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return false;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return true;
}

Result<std::unique_ptr<Management>> Management::connect(Loop& loop, const std::string& path, Handlers handlers) {
  const auto refused = [&](const std::string& why) {
    return fail(ErrorKind::environment, "cannot speak to OpenVPN: " + why, path);
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return refused("the path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return refused(std::strerror(errno));
  // It is going to be told passwords.
  if (peer.uid != 0 && peer.uid != ::geteuid()) return refused("somebody else listens there");
  return std::make_unique<Management>(loop, std::move(socket), peer.pid, std::move(handlers));
}

Management::Management(Loop& loop, Descriptor socket, pid_t peer, Handlers handlers)
    : loop_(loop), socket_(std::move(socket)), peer_(peer), handlers_(std::move(handlers)) {
  reading_ = loop_.readable(socket_.get(), [this] { read(); });
}

void Management::send(std::string_view line) {
  out_.append(line).append("\n");
  if (writing_ == nullptr) writing_ = loop_.writable(socket_.get(), [this] { write(); });
}

void Management::write() {
  const ssize_t count = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? void() : closed(std::strerror(errno));
  out_.erase(0, static_cast<std::size_t>(count));
  if (!out_.empty()) return;
  out_ = WipedText();
  writing_.reset();
}

void Management::read() {
  std::array<char, 4096> piece{};
  const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? void() : closed(std::strerror(errno));
  if (count == 0) return closed("OpenVPN has closed its socket");
  in_.append(piece.data(), static_cast<std::size_t>(count));
  const std::shared_ptr<bool> alive = alive_;
  std::size_t begin = 0;
  while (true) {
    const auto end = in_.find('\n', begin);
    if (end == std::string::npos) break;
    const Line line = read_line(std::string_view(in_).substr(begin, end - begin));
    begin = end + 1;
    handlers_.line(line);
    if (!*alive) return;  // the handler has had enough
  }
  in_.erase(0, begin);
  if (in_.size() > longest_news) closed("OpenVPN's line does not end");
}

void Management::closed(const std::string& reason) {
  reading_.reset();
  writing_.reset();
  const auto told = handlers_.closed;
  told(reason);
}

}  // namespace vpn::agent::openvpn
