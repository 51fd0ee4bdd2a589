// Captures, made for the rows; the same bytes each time.
#pragma once

#include <cstddef>
#include <string>

namespace vpn::bench {

/// Writes a capture of so many packets of so many flows, as a device at 192.168.1.20 has them: a few flows are most of
/// the traffic, one in ten begins with a lookup, TLS clients say where they want to. 96 bytes of each packet, as
/// `tcpdump -s 96`, but for those. False: it cannot be written.
bool write_capture(const std::string& path, std::size_t packets, std::size_t flows);

}  // namespace vpn::bench
