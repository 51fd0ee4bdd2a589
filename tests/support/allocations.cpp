#include "tests/support/allocations.h"

#include <cstdlib>
#include <new>

namespace vpn::test {
namespace {
thread_local std::size_t count = 0;
}
std::size_t allocations() { return count; }
}  // namespace vpn::test

// NOLINTBEGIN(cppcoreguidelines-no-malloc): counts what this program allocates.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++vpn::test::count;
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  if (void* p = operator new(size, std::nothrow)) return p;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return operator new(size, std::nothrow); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
// NOLINTEND(cppcoreguidelines-no-malloc)
