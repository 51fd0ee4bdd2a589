// The rows of build/bench.json: what was measured, against whom, and whether the figure that we promise holds.
#pragma once

#include <string>
#include <vector>

namespace vpn::bench {

/// What `must` bounds.
enum class Bound { ratio_at_most, ratio_at_least, ours_at_most, none };

struct Row {
  std::string name;
  std::string unit;
  double ours = 0;
  double peer = 0;  ///< 0: no peer
  std::string peer_name;
  Bound bound = Bound::none;
  double must = 0;
  double ratio() const { return peer > 0 ? ours / peer : 0; }
  double share() const;  ///< of the bound that is used up: 1 is the bound
  bool holds() const { return bound == Bound::none || share() <= 1; }
};

class Rows {
 public:
  void add(Row row);  ///< prints a line as it comes
  const std::vector<Row>& all() const { return rows_; }
  bool write(const std::string& path) const;  ///< JSON, as docs/performance.md describes
  bool draw(const std::string& path) const;   ///< SVG: each row's figure against its bound

 private:
  std::vector<Row> rows_;
};

}  // namespace vpn::bench
