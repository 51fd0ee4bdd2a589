// Work for a loop, from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "policy/result.h"

namespace vpn::agent {

class Mailbox {
 public:
  /// The loop outlives it. Errors: `environment`.
  static Result<std::unique_ptr<Mailbox>> open(Loop& loop);
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() = default;  ///< what was not done yet is not done any more

  /// Done on the loop's thread, soon, in order.
  void post(std::function<void()> work);

 private:
  explicit Mailbox(Descriptor event) : event_(std::move(event)) {}
  void empty();

  Descriptor event_;
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;
  std::unique_ptr<Waiting> waiting_;
};

}  // namespace vpn::agent
