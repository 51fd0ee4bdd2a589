// What came of a capture: for people, and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/simulate/simulation.h"
#include "policy/policy.h"

namespace vpn::cli {

enum class SimulateForm : std::uint8_t { text, json, json_lines };

/// Prints piece by piece, so that a million flows need no memory.
class SimulateReport {
 public:
  struct Setup {
    SimulateForm form = SimulateForm::text;
    std::string capture;   ///< its path
    std::string link;      ///< its link type
    std::size_t most = 0;  ///< so many rows of the table, those with the most bytes; 0: all. For people only
    bool packets = false;  ///< a line for each packet, too
    bool color = false;
  };
  SimulateReport(const policy::Policy& policy, const simulate::Simulation& simulation, Setup setup);

  /// Before all packets, of each, and behind the last. False: standard output takes no more.
  bool begin();
  bool packet(std::uint64_t number, const simulate::Frame& frame, const simulate::Judged& judged);
  bool finish();

 private:
  struct Total {
    simulate::Counted counted;
    std::uint64_t flows = 0;
  };
  struct Dropped {
    std::string flow, rule, source;
    simulate::Counted counted;
  };
  void count();
  bool put(const std::string& text);
  bool flush();
  bool rows();
  std::string row(const simulate::Listed& flow) const;
  std::string json_row(const simulate::Listed& flow) const;
  std::string heading() const;
  std::string totals_text() const;
  std::string summary_json() const;

  const policy::Policy& policy_;
  const simulate::Simulation& simulation_;
  Setup setup_;
  std::string out_;
  bool first_ = true;
  std::array<std::array<Total, 6>, 2> totals_{};
  std::uint64_t flows_ = 0;  ///< that are listed
  std::vector<Dropped> dropped_;
};

}  // namespace vpn::cli
