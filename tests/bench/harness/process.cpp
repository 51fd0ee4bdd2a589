#include "tests/bench/harness/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "tests/bench/harness/timing.h"

namespace vpn::bench {
namespace {

[[noreturn]] void become(const std::vector<std::string>& argv) {
  std::vector<char*> raw;
  for (const std::string& a : argv) raw.push_back(const_cast<char*>(a.c_str()));
  raw.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  ::execvp(raw[0], raw.data());
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

ProcessRun run_process(const std::vector<std::string>& argv) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) become(argv);
  ProcessRun out;
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) return out;
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  out.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  out.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
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
