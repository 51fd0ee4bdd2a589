// A loop whose clock the test sets. It watches no descriptors.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "agent/loop/loop.h"

namespace vpn::agent {

class ManualLoop final : public Loop {
 public:
  std::unique_ptr<Waiting> readable(int, Callback) override { return std::make_unique<Handle>(); }
  std::unique_ptr<Waiting> writable(int, Callback) override { return std::make_unique<Handle>(); }
  std::unique_ptr<Waiting> after(std::chrono::milliseconds time, Callback callback) override {
    auto timer = std::make_shared<Timer>(Timer{now_ + time, std::move(callback)});
    timers_.push_back(timer);
    auto handle = std::make_unique<Handle>();
    handle->timer = std::move(timer);
    return handle;
  }
  Clock::time_point now() const override { return now_; }

  /// Everything that is due until then, in its order.
  void advance(std::chrono::milliseconds time) {
    const auto end = now_ + time;
    for (;;) {
      std::shared_ptr<Timer> next;
      for (const auto& weak : timers_)
        if (const auto timer = weak.lock(); timer && timer->due <= end && (!next || timer->due < next->due))
          next = timer;
      if (!next) break;
      now_ = std::max(now_, next->due);
      std::erase_if(timers_, [&](const auto& weak) { return weak.lock() == next; });
      const Callback due = std::move(next->callback);
      due();
    }
    now_ = end;
  }

 private:
  struct Timer {
    Clock::time_point due;
    Callback callback;
  };
  struct Handle final : Waiting {
    std::shared_ptr<Timer> timer;
  };
  Clock::time_point now_{};
  std::vector<std::weak_ptr<Timer>> timers_;
};

}  // namespace vpn::agent
