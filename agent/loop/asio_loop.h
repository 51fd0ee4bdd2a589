// The loop on Boost.Asio, whose headers stay in asio_loop.cpp.
#pragma once

#include <initializer_list>

#include "agent/loop/loop.h"

namespace vpn::agent {

class AsioLoop final : public Loop {
 public:
  AsioLoop();
  ~AsioLoop() override;
  [[nodiscard]] std::unique_ptr<Waiting> readable(int descriptor, Callback callback) override;
  [[nodiscard]] std::unique_ptr<Waiting> writable(int descriptor, Callback callback) override;
  [[nodiscard]] std::unique_ptr<Waiting> after(std::chrono::milliseconds time, Callback callback) override;
  Clock::time_point now() const override { return Clock::now(); }

  void on_signal(std::initializer_list<int> signals, std::function<void(int signal)> callback);
  /// Until stop(). Returns at once when it was stopped before.
  void run();
  void stop();
  void restart();  ///< after stop(), so that run() runs again

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace vpn::agent
