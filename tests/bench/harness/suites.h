// The parts of the benchmark, one file each.
#pragma once

#include <string>

#include "tests/bench/harness/rows.h"

namespace vpn::bench {

struct Setup {
  std::string program;  ///< path of vpnprofile
  std::string data;     ///< tests/bench/data
  std::string folder;   ///< scratch folder, emptied afterwards
  bool quick = false;   ///< small counts: for a test of the benchmark itself
};

void reading(const Setup& setup, Rows& rows);    ///< "Reading and compiling" of docs/performance.md
void policy(const Setup& setup, Rows& rows);     ///< "The policy"
void analysing(const Setup& setup, Rows& rows);  ///< "Analysing"
void enforcing(const Setup& setup, Rows& rows);  ///< "Enforcing"
void agent(const Setup& setup, Rows& rows);      ///< "The agent"
void names(const Setup& setup, Rows& rows);      ///< "Names"

}  // namespace vpn::bench
