// What the device was in, and when ("Timeline" of docs/cli.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/simulate/moment.h"
#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::simulate {

struct NamedState {
  std::string name;  ///< as the file has it, or "at 12.5", or the path of `--state`
  policy::DeviceState state;
};

struct TimelinePoint {
  FileMoment at;
  std::uint32_t state = 0;  ///< of Timeline::states
  std::string place;        ///< "file:line:column", for errors
};

/// Before its first point the device boots: that is state 0.
struct Timeline {
  std::vector<NamedState> states;
  std::vector<TimelinePoint> points;
};

/// One state from the beginning on.
Timeline constant(std::string name, policy::DeviceState state);

struct TimelineReading {
  Timeline timeline;
  std::vector<Error> problems;
  std::vector<std::string> files;  ///< that were read: the timeline and the states that it names
};
/// JSON or YAML. Strict: what is not known is a problem.
TimelineReading read_timeline(const std::string& path);

/// The timeline of one capture.
class Clock {
 public:
  /// Errors: points that are not in order, which can only be told once the beginning is known.
  static Result<Clock> make(const Timeline& timeline, Moment beginning);

  std::uint32_t state() const { return state_; }
  /// Moves to a moment, forwards or backwards. True: state() is another one now.
  bool move(Moment to) { return (to < from_ || to >= until_) && find(to); }

 private:
  struct Point {
    Moment at;
    std::uint32_t state;
  };
  bool find(Moment to);

  std::vector<Point> points_;
  Moment from_ = always, until_ = never;
  std::uint32_t state_ = 0;
};

}  // namespace vpn::simulate
