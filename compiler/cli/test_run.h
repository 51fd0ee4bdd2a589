// Runs one scenario file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/cli/test_report.h"

namespace vpn::cli {

struct TestRequest {
  std::vector<std::string> filters;  ///< only cases that contain one of them; empty: all
  std::vector<std::string> trust;    ///< as PolicyRequest has them
  std::optional<std::string> decrypt_key;
};

/// What came of it; never throws but std::bad_alloc.
TestFile run_test_file(const std::string& path, const TestRequest& asked);

}  // namespace vpn::cli
