#include "agent/loop/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace vpn::agent {

Result<std::unique_ptr<Mailbox>> Mailbox::open(Loop& loop) {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail(ErrorKind::environment, "the kernel gives no descriptor for events");
  std::unique_ptr<Mailbox> out(new Mailbox(std::move(event)));
  out->waiting_ = loop.readable(out->event_.get(), [self = out.get()] { self->empty(); });
  return out;
}

void Mailbox::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof(one));  // full: it is readable already
}

void Mailbox::empty() {
  std::uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof(count));
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(work_);
  }
  for (const auto& one : work) one();
}

}  // namespace vpn::agent
