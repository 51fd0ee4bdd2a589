// Running a program and asking the kernel what it took.
#pragma once

#include <string>
#include <vector>

namespace vpn::bench {

struct ProcessRun {
  int status = -1;      ///< exit status; -1 when it did not end by itself
  double seconds = 0;   ///< wall
  double cpu = 0;       ///< user and system
  double peak_mib = 0;  ///< largest resident set
};

/// Runs argv with its output thrown away. A small process of its own starts it: what the caller has in memory would
/// make the fork slower and count as the program's peak.
ProcessRun run_process(const std::vector<std::string>& argv);

/// What main() does as that small process: runs argv and writes its ProcessRun to standard output.
int measure(char** argv);

/// Medians over `rounds` runs of two commands in turn, after one of each that does not count.
std::pair<ProcessRun, ProcessRun> run_interleaved(std::size_t rounds, const std::vector<std::string>& ours,
                                                  const std::vector<std::string>& peer);

}  // namespace vpn::bench
