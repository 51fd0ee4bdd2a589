// What came of scenario files, for people and for machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/result.h"

namespace vpn::cli {

/// One case, everything as text: the policy that decided it need not live on.
struct TestCase {
  std::string name;  ///< empty: the file gives none
  std::uint32_t line = 0, column = 0;
  std::string state;
  std::string flow;       ///< for people
  std::string flow_json;  ///< as the file gives it
  std::string expected;   ///< "tunnel S3.e A#0", as far as the file says
  std::string got;        ///< likewise, in full
  std::string got_json;   ///< as explain prints it
  std::string expected_json;
  std::string why;     ///< what the rule that decided says
  std::string source;  ///< where the deciding key stands; empty: nowhere
  bool passed = false;
};

/// One scenario file.
struct TestFile {
  std::string file;
  std::vector<Error> problems;        ///< why its cases could not be run
  std::string findings;               ///< errors that refused its profiles, for people
  std::vector<std::string> warnings;  ///< one line each
  std::vector<TestCase> cases;        ///< that were run
  std::vector<std::string> files;     ///< that were read, those of its policy as well
  std::size_t failed() const;
  bool fine() const { return problems.empty() && failed() == 0; }
};

struct TestTotals {
  std::size_t files = 0, faulty_files = 0;  ///< faulty: with problems
  std::size_t cases = 0, failed = 0;
};
TestTotals totals(const std::vector<TestFile>& files);

/// A line for each file, each failed case in full, a summary.
std::string test_text(const std::vector<TestFile>& files, bool color);
std::string test_json(const std::vector<TestFile>& files);
std::string test_junit(const std::vector<TestFile>& files);

}  // namespace vpn::cli
