// A loop that a test runs for as long as it wants, as often as it wants.
#pragma once

#include <poll.h>

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "agent/loop/loop.h"

namespace vpn::test {

class PollLoop final : public agent::Loop {
 public:
  std::unique_ptr<agent::Waiting> readable(int descriptor, Callback callback) override {
    return add({descriptor, POLLIN, {}, std::move(callback)});
  }
  std::unique_ptr<agent::Waiting> writable(int descriptor, Callback callback) override {
    return add({descriptor, POLLOUT, {}, std::move(callback)});
  }
  std::unique_ptr<agent::Waiting> after(std::chrono::milliseconds time, Callback callback) override {
    return add({-1, 0, now() + time, std::move(callback)});
  }
  Clock::time_point now() const override { return Clock::now(); }

  void run(std::chrono::milliseconds time) {
    const auto end = now() + time;
    while (now() < end) round();
  }

 private:
  struct Entry {
    int descriptor;
    short events;
    std::optional<Clock::time_point> due;
    Callback callback;
  };
  using Entries = std::list<std::shared_ptr<Entry>>;
  struct Handle final : agent::Waiting {
    Handle(Entries& list, const std::shared_ptr<Entry>& entry) : list(list), entry(entry) {}
    ~Handle() override { list.remove(entry); }
    Entries& list;
    std::shared_ptr<Entry> entry;
  };

  std::unique_ptr<agent::Waiting> add(Entry entry) {
    entries_.push_back(std::make_shared<Entry>(std::move(entry)));
    return std::make_unique<Handle>(entries_, entries_.back());
  }

  // Calls what is due among those that were there at the beginning and still are.
  void round() {
    std::vector<std::weak_ptr<Entry>> order;
    std::vector<pollfd> polled;
    for (const auto& entry : entries_) {
      order.push_back(entry);
      polled.push_back({entry->descriptor, entry->events, 0});
    }
    ::poll(polled.data(), polled.size(), 1);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto entry = order[i].lock();
      if (!entry) continue;
      const bool due = entry->due && now() >= *entry->due;
      if (due) entry->due = now() + std::chrono::hours(24);
      if (due || polled[i].revents != 0) entry->callback();
    }
  }

  Entries entries_;
};

}  // namespace vpn::test
