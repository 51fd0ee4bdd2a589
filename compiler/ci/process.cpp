#include "compiler/ci/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace vpn::ci {
namespace {

constexpr std::size_t most_errors = std::size_t{64} << 10;

/// Both ends of a pipe, closed when nobody wants them any more.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) ends_ = {-1, -1};
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool is_open() const { return ends_[0] >= 0; }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_end(std::size_t which) {
    if (ends_[which] >= 0) ::close(ends_[which]);
    ends_[which] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// A reader that goes early must not end us.
class PipeSignalHeld {
 public:
  PipeSignalHeld() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before_);
  }
  ~PipeSignalHeld() { ::sigaction(SIGPIPE, &before_, nullptr); }
  PipeSignalHeld(const PipeSignalHeld&) = delete;
  PipeSignalHeld& operator=(const PipeSignalHeld&) = delete;

 private:
  struct sigaction before_ {};
};

/// The program's three streams.
class Streams {
 public:
  bool are_open() const { return in_.is_open() && out_.is_open() && errors_.is_open(); }

  int start(std::vector<char*>& arguments, std::vector<char*>& environment, pid_t& child) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in_.read_end(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out_.write_end(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors_.write_end(), STDERR_FILENO);
    const int error = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    in_.close_end(0);
    out_.close_end(1);
    errors_.close_end(1);
    ::fcntl(in_.write_end(), F_SETFL, O_NONBLOCK);
    return error;
  }

  /// False: the program says more than `limit`.
  bool carry(std::string_view input, std::size_t limit, Finished& out) {
    if (input.empty()) in_.close_end(1);
    while (out_.read_end() >= 0 || errors_.read_end() >= 0) {
      std::array<pollfd, 3> wanted{
          {{in_.write_end(), POLLOUT, 0}, {out_.read_end(), POLLIN, 0}, {errors_.read_end(), POLLIN, 0}}};
      if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) return false;
      if (wanted[0].revents != 0) write_some(input);
      if (wanted[1].revents != 0) read_some(out_, limit + 1, out.out);
      if (wanted[2].revents != 0) read_some(errors_, most_errors, out.errors);
      if (out.out.size() > limit) return false;
    }
    return true;
  }

 private:
  void write_some(std::string_view& input) {
    const ssize_t size = ::write(in_.write_end(), input.data(), input.size());
    if (size > 0) input.remove_prefix(static_cast<std::size_t>(size));
    if (input.empty() || (size < 0 && errno != EAGAIN && errno != EINTR)) in_.close_end(1);
  }

  static void read_some(Pipe& pipe, std::size_t most, std::string& to) {
    std::array<char, std::size_t{64} << 10> buffer;
    const ssize_t size = ::read(pipe.read_end(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) return pipe.close_end(0);
    to.append(buffer.data(), std::min(static_cast<std::size_t>(size), most - std::min(most, to.size())));
  }

  Pipe in_, out_, errors_;
};

}  // namespace

namespace {

std::vector<char*> environment_without(std::span<const std::string_view> names) {
  std::vector<char*> out;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view name = std::string_view(*at).substr(0, std::string_view(*at).find('='));
    if (std::find(names.begin(), names.end(), name) == names.end()) out.push_back(*at);
  }
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<Finished> run_process(const std::vector<std::string>& arguments, std::string_view input, std::size_t limit,
                             std::span<const std::string_view> without) {
  std::vector<std::string> owned = arguments;
  std::vector<char*> words;
  words.reserve(owned.size() + 1);
  for (std::string& word : owned) words.push_back(word.data());
  words.push_back(nullptr);
  std::vector<char*> environment = environment_without(without);
  Streams streams;
  pid_t child = -1;
  if (!streams.are_open()) return fail(ErrorKind::environment, "no pipe can be made", arguments[0]);
  if (const int error = streams.start(words, environment, child); error != 0)
    return fail(ErrorKind::environment, "cannot start '" + arguments[0] + "': " + std::strerror(error), {},
                error == ENOENT ? "install it, or add its folder to PATH" : "");
  Finished out;
  const PipeSignalHeld held;
  const bool whole = streams.carry(input, limit, out);
  if (!whole) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole)
    return fail(ErrorKind::invalid_input, "'" + arguments[0] + "' gives more than " + std::to_string(limit) + " bytes");
  out.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

}  // namespace vpn::ci
