#include "agent/loop/asio_loop.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>

namespace vpn::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds none_left_pause{100};

// What the handlers hold on to: they may still be queued when the Waiting is gone.
struct Alive {
  Loop::Callback callback;
  bool cancelled = false;
};

class DescriptorWaiting final : public Waiting {
 public:
  using Kind = asio::posix::stream_descriptor::wait_type;
  DescriptorWaiting(asio::io_context& context, int descriptor, Kind kind, Loop::Callback callback)
      : watch_(std::make_shared<Watch>(context, descriptor, kind, std::move(callback))) {
    open(watch_);
  }
  DescriptorWaiting(const DescriptorWaiting&) = delete;
  DescriptorWaiting& operator=(const DescriptorWaiting&) = delete;
  ~DescriptorWaiting() override {
    watch_->cancelled = true;
    error_code ignored;
    watch_->descriptor.close(ignored);
    watch_->later.cancel();
  }

 private:
  struct Watch : Alive {
    Watch(asio::io_context& context, int f, Kind k, Loop::Callback c)
        : Alive{std::move(c)}, of_caller(f), kind(k), descriptor(context), later(context) {}
    int of_caller;
    Kind kind;
    asio::posix::stream_descriptor descriptor;
    asio::steady_timer later;
  };
  // A duplicate, for epoll knows a descriptor once only, and ours is watched for reading and for writing. None left:
  // there may be one a little later, and who waits would else wait for good.
  static void open(const std::shared_ptr<Watch>& watch) {
    const int own = ::dup(watch->of_caller);
    if (own < 0 && errno == EMFILE) {
      watch->later.expires_after(none_left_pause);
      return watch->later.async_wait([watch](const error_code& error) {
        if (!watch->cancelled && !error) open(watch);
      });
    }
    error_code error;
    if (own >= 0) watch->descriptor.assign(own, error);
    if (own >= 0 && error) ::close(own);
    arm(watch);
  }
  static void arm(const std::shared_ptr<Watch>& watch) {
    watch->descriptor.async_wait(watch->kind, [watch](const error_code& error) {
      if (watch->cancelled || error == asio::error::operation_aborted) return;
      if (error == asio::error::bad_descriptor) return;
      watch->callback();
      if (!watch->cancelled) arm(watch);
    });
  }
  std::shared_ptr<Watch> watch_;
};

class TimerWaiting final : public Waiting {
 public:
  TimerWaiting(asio::io_context& context, std::chrono::milliseconds time, Loop::Callback callback)
      : state_(std::make_shared<Alive>(Alive{std::move(callback)})), timer_(context, time) {
    timer_.async_wait([state = state_](const error_code& error) {
      if (error || state->cancelled) return;
      const Loop::Callback due = std::move(state->callback);  // it may destroy this timer
      due();
    });
  }
  TimerWaiting(const TimerWaiting&) = delete;
  TimerWaiting& operator=(const TimerWaiting&) = delete;
  ~TimerWaiting() override { state_->cancelled = true; }

 private:
  std::shared_ptr<Alive> state_;
  asio::steady_timer timer_;
};

}  // namespace

struct AsioLoop::Data {
  asio::io_context context{1};
  asio::signal_set signals{context};
  std::function<void(int)> on_signal;

  void wait_for_signal() {
    signals.async_wait([this](const error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      wait_for_signal();
    });
  }
};

AsioLoop::AsioLoop() : data_(std::make_unique<Data>()) {}
AsioLoop::~AsioLoop() = default;

std::unique_ptr<Waiting> AsioLoop::readable(int descriptor, Callback callback) {
  return std::make_unique<DescriptorWaiting>(data_->context, descriptor, asio::posix::stream_descriptor::wait_read,
                                             std::move(callback));
}

std::unique_ptr<Waiting> AsioLoop::writable(int descriptor, Callback callback) {
  return std::make_unique<DescriptorWaiting>(data_->context, descriptor, asio::posix::stream_descriptor::wait_write,
                                             std::move(callback));
}

std::unique_ptr<Waiting> AsioLoop::after(std::chrono::milliseconds time, Callback callback) {
  return std::make_unique<TimerWaiting>(data_->context, time, std::move(callback));
}

void AsioLoop::on_signal(std::initializer_list<int> signals, std::function<void(int)> callback) {
  data_->on_signal = std::move(callback);
  for (const int s : signals) {
    error_code ignored;
    data_->signals.add(s, ignored);
  }
  data_->wait_for_signal();
}

void AsioLoop::run() {
  const auto guard = asio::make_work_guard(data_->context);
  data_->context.run();
}

void AsioLoop::stop() { data_->context.stop(); }

void AsioLoop::restart() { data_->context.restart(); }

}  // namespace vpn::agent
