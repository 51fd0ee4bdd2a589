#include "tests/bench/harness/start.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

namespace vpn::bench {
namespace {

volatile std::sig_atomic_t daemon_pid = 0;
void pass_on(int signal) {
  if (daemon_pid > 0) ::kill(daemon_pid, signal);
}

}  // namespace

int timed(char** argv) {
  using Clock = std::chrono::steady_clock;
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
  ::signal(SIGTERM, pass_on);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const auto begin = Clock::now();
  pid_t child = -1;
  const int error = ::posix_spawn(&child, argv[0], &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) return 1;
  daemon_pid = child;
  std::printf("%d\n", child);
  std::fflush(stdout);
  char* line = nullptr;
  std::size_t room = 0;
  std::FILE* said = ::fdopen(ends[0], "r");
  while (said != nullptr && ::getline(&line, &room, said) > 0) {
    const std::chrono::duration<double, std::milli> since = Clock::now() - begin;
    std::printf("%.2f %s", since.count(), line);
    std::fflush(stdout);
  }
  std::free(line);
  if (said != nullptr) std::fclose(said);
  ::waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace vpn::bench
