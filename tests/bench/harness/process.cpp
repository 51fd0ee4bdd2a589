#include "tests/bench/harness/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

[[noreturn]] void become(char** argv) {
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

ProcessRun middle(const std::vector<ProcessRun>& runs) {
  ProcessRun out;
  std::vector<double> wall, cpu, peak;
  for (const ProcessRun& r : runs) {
    wall.push_back(r.seconds);
    cpu.push_back(r.cpu);
    peak.push_back(r.peak_mib);
    out.status = r.status;
  }
  out.seconds = median(wall);
  out.cpu = median(cpu);
  out.peak_mib = median(peak);
  return out;
}

}  // namespace

int measure(char** argv) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) become(argv);
  ProcessRun out;
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) return 1;
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  out.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  out.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return ::write(STDOUT_FILENO, &out, sizeof out) == sizeof out ? 0 : 1;
}

ProcessRun run_process(const std::vector<std::string>& argv) {
  std::string self = "/proc/self/exe", mode = "--measure";
  std::vector<char*> raw{self.data(), mode.data()};
  std::vector<std::string> arguments = argv;
  for (std::string& a : arguments) raw.push_back(a.data());
  raw.push_back(nullptr);
  ProcessRun out;
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return out;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = -1;
  const bool started = ::posix_spawn(&child, self.c_str(), &actions, nullptr, raw.data(), environ) == 0;
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  ProcessRun measured;
  if (started && ::read(ends[0], &measured, sizeof measured) == sizeof measured) out = measured;
  ::close(ends[0]);
  if (started) ::waitpid(child, nullptr, 0);
  return out;
}

std::pair<ProcessRun, ProcessRun> run_interleaved(std::size_t rounds, const std::vector<std::string>& ours,
                                                  const std::vector<std::string>& peer) {
  std::vector<ProcessRun> a, b;
  for (std::size_t i = 0; i <= rounds; ++i) {
    const ProcessRun first = run_process(ours);
    const ProcessRun second = run_process(peer);
    if (i == 0) continue;
    a.push_back(first);
    b.push_back(second);
  }
  return {middle(a), middle(b)};
}

}  // namespace vpn::bench
