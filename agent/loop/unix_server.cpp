#include "agent/loop/unix_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace vpn::agent {
namespace {

UnixPeer peer_of(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return {credentials.uid, credentials.gid, static_cast<std::uint32_t>(credentials.pid)};
}

}  // namespace

Result<std::unique_ptr<UnixListener>> UnixListener::open(Loop& loop, const std::string& path, int type,
                                                         const std::string& purpose, Accepted accepted) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(ErrorKind::usage, "the path of the socket is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int listening = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listening >= 0) ::unlink(path.c_str());
  if (listening < 0 || ::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0666) != 0 || ::listen(listening, 16) != 0) {
    auto error = fail(ErrorKind::environment, "cannot listen for " + purpose + ": " + std::strerror(errno), path);
    if (listening >= 0) ::close(listening);
    return error;
  }
  return std::unique_ptr<UnixListener>(new UnixListener(loop, listening, path, std::move(accepted)));
}

UnixListener::UnixListener(Loop& loop, int listening, std::string path, Accepted accepted)
    : listening_(listening), path_(std::move(path)), accepted_(std::move(accepted)) {
  waiting_ = loop.readable(listening_, [this] { accept(); });
}

UnixListener::~UnixListener() {
  waiting_.reset();
  ::close(listening_);
  ::unlink(path_.c_str());
}

void UnixListener::accept() {
  const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor >= 0) accepted_(descriptor, peer_of(descriptor));
}

}  // namespace vpn::agent
