// How often this thread has allocated; a program that asks gets operator new and delete that count.
#pragma once

#include <cstddef>

namespace vpn::test {

/// Calls of operator new by this thread so far.
std::size_t allocations();

}  // namespace vpn::test
