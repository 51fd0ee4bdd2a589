// Memory of the process that seldom work leaves behind.
#pragma once

namespace vpn::agent {

/// Gives back to the kernel what only that work has used: free memory of the heap, and what is mapped of the program
/// and of its libraries and can never be written. The page cache has what is needed again, for a fault of some hundred
/// nanoseconds; where memory is so short that it has not, the disk. Breakpoints of a debugger go, too. Takes some 0.2
/// milliseconds.
void give_back_memory() noexcept;

}  // namespace vpn::agent
