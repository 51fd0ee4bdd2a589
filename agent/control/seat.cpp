#include "agent/control/seat.h"

#include <dlfcn.h>
#include <sys/types.h>

namespace vpn::agent {

// Loaded when it is asked for first: a machine without a screen needs none of it in memory.
bool is_before_screen(std::uint32_t uid) {
  using UidIsOnSeat = int (*)(uid_t, int, const char*);
  static const auto uid_is_on_seat = [] {
    void* library = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    return library == nullptr ? nullptr : reinterpret_cast<UidIsOnSeat>(::dlsym(library, "sd_uid_is_on_seat"));
  }();
  return uid_is_on_seat != nullptr && uid_is_on_seat(uid, 1, "seat0") > 0;
}

}  // namespace vpn::agent
