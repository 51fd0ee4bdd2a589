// The rows that need a network: tests/bench/live makes one of namespaces, runs us in it, and prints rows.
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/harness/suites.h"

namespace vpn::bench {
namespace {

using Json = nlohmann::json;

Bound bound_of(const std::string& name) {
  if (name == "ratio_at_least") return Bound::ratio_at_least;
  return name == "ours_at_most" ? Bound::ours_at_most : Bound::none;
}

void run(const Setup& setup, Rows& rows, const std::string& part) {
  if (::geteuid() != 0) {
    std::fprintf(stderr, "skipped: the rows about %s make network namespaces, which takes root\n", part.c_str());
    return;
  }
  const std::string build = setup.program.substr(0, setup.program.rfind("/bin/"));
  const std::string command = "exec /usr/bin/python3 -B -m tests.bench.live " + part + " --build '" + build + "'" +
                              (setup.quick ? " --quick" : "");
  std::FILE* said = ::popen(command.c_str(), "r");
  if (said == nullptr) return;
  char* line = nullptr;
  std::size_t room = 0;
  while (::getline(&line, &room, said) > 0) {
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) continue;
    rows.add({row.value("row", ""), row.value("unit", ""), row.value("ours", 0.0), row.value("peer", 0.0),
              row.value("peer_name", ""), bound_of(row.value("bound", "")), row.value("must", 0.0)});
  }
  std::free(line);
  if (::pclose(said) != 0) std::fprintf(stderr, "error: not all rows about %s could be measured\n", part.c_str());
}

}  // namespace

void enforcing(const Setup& setup, Rows& rows) { run(setup, rows, "enforcing"); }
void agent(const Setup& setup, Rows& rows) { run(setup, rows, "agent"); }
void names(const Setup& setup, Rows& rows) { run(setup, rows, "names"); }

}  // namespace vpn::bench
