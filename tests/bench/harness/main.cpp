// vpn_bench: every figure that we promise, peers in the same run. `./dev bench` runs it.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/bench/harness/addresses.h"
#include "tests/bench/harness/flip.h"
#include "tests/bench/harness/peers.h"
#include "tests/bench/harness/process.h"
#include "tests/bench/harness/profiles.h"
#include "tests/bench/harness/rows.h"
#include "tests/bench/harness/start.h"
#include "tests/bench/harness/suites.h"
#include "tests/bench/harness/traffic.h"

int main(int argc, char** argv) {
  using namespace vpn::bench;
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--peer-parse" && argc == 3) {  // the peer's side of the large rows, in a process of its own
    libplist_xml(read_file(argv[2]));
    return 0;
  }
  if (first == "--measure" && argc > 2) return measure(argv + 2);
  if (first == "--serve" && argc == 3) return serve(argv + 2);
  if (first == "--traffic" && argc == 5) return traffic(argv + 2);
  if (first == "--flip" && argc == 6) return flip(argv + 2);
  if (first == "--addresses" && argc == 5) return addresses(argv + 2);
  if (first == "--excluded-domains" && argc == 3) {  // a profile, for the rows in networks of their own
    const std::string text = excluded_domains(std::strtoul(argv[2], nullptr, 10));
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 3;
  }
  if (first == "--timed" && argc > 2) return timed(argv + 2);
  if (argc < 4) {
    std::fprintf(
        stderr,
        "usage: %s PROGRAM DATA_FOLDER OUTPUT_FOLDER [reading|policy|analysing|enforcing|agent|names] [--quick]\n",
        argv[0]);
    return 2;
  }
  std::string only;
  Setup setup{argv[1], argv[2], {}, false};
  for (int i = 4; i < argc; ++i) {
    if (std::string(argv[i]) == "--quick")
      setup.quick = true;
    else
      only = argv[i];
  }
  char folder[] = "/tmp/vpn-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) {
    std::perror("mkdtemp");
    return 4;
  }
  setup.folder = folder;
  Rows rows;
  if (only.empty() || only == "reading") reading(setup, rows);
  if (only.empty() || only == "policy") policy(setup, rows);
  if (only.empty() || only == "analysing") analysing(setup, rows);
  if (only.empty() || only == "enforcing") enforcing(setup, rows);
  if (only.empty() || only == "agent") agent(setup, rows);
  if (only.empty() || only == "names") names(setup, rows);
  std::filesystem::remove_all(setup.folder);
  const std::string out = argv[3];
  return rows.write(out + "/bench.json") && rows.draw(out + "/bench.svg") ? 0 : 3;
}
