#include "agent/dns/hidden_socket.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace vpn::agent {
namespace {

bool is_socket(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

}  // namespace

HiddenSocket::HiddenSocket(Loop& loop, std::string path, Failed failed)
    : loop_(loop), path_(std::move(path)), failed_(std::move(failed)) {}

void HiddenSocket::hide() {
  if (std::exchange(hidden_, true)) return;
  look();
}

void HiddenSocket::look() {
  if (!hidden_) return;
  if (waiting_ == nullptr) watch();  // first: what is made after this is heard of
  take_away();
}

void HiddenSocket::watch() {
  const std::string folder = path_.substr(0, path_.rfind('/'));
  Descriptor watcher(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watcher || ::inotify_add_watch(watcher.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
    return;  // no such service here, or not yet
  watcher_ = std::move(watcher);
  waiting_ = loop_.readable(watcher_.get(), [this] { news(); });
}

void HiddenSocket::news() {
  alignas(inotify_event) std::array<char, 4096> buffer{};
  bool gone = false;
  ssize_t size = 0;
  while ((size = ::read(watcher_.get(), buffer.data(), buffer.size())) > 0) {
    for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      gone = gone || (event.mask & IN_IGNORED) != 0;  // with the folder
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  take_away();
  if (!gone) return;
  waiting_.reset();
  watcher_ = Descriptor();
}

void HiddenSocket::take_away() {
  if (!hidden_ || !is_socket(path_)) return;
  if (::rename(path_.c_str(), hidden_path().c_str()) == 0 || errno == ENOENT) return;
  failed_({ErrorKind::environment, std::string("cannot be hidden: ") + std::strerror(errno), path_,
           "apps that ask over it are not known by name: take 'resolve' out of 'hosts' in /etc/nsswitch.conf"});
}

void HiddenSocket::show() {
  waiting_.reset();
  watcher_ = Descriptor();
  hidden_ = false;
  if (!is_socket(hidden_path())) return;
  // Its service may have made another one since, which counts.
  const bool done =
      is_socket(path_) ? ::unlink(hidden_path().c_str()) == 0 : ::rename(hidden_path().c_str(), path_.c_str()) == 0;
  if (!done && errno != ENOENT)
    failed_({ErrorKind::environment, std::string("cannot be put back: ") + std::strerror(errno), path_,
             "systemctl restart systemd-resolved"});
}

}  // namespace vpn::agent
