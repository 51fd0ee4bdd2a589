// The beginnings of TCP streams, put together from segments in any order, as far as somebody wants to read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

namespace vpn::simulate {

/// At most so many streams at a time, each of so many bytes: the oldest makes room.
class StreamHeads {
 public:
  static constexpr std::size_t most_streams = 1024, most_bytes = std::size_t{66} << 10, most_waiting = 16;

  /// The stream's bytes from its first segment on, without a gap, after this segment. `flow`: whose it is.
  /// Valid until the next call.
  std::span<const std::uint8_t> add(std::uint32_t flow, std::uint32_t sequence, std::span<const std::uint8_t> payload);
  bool knows(std::uint32_t flow) const { return heads_.contains(flow); }
  /// The first bytes have been read.
  void consume(std::uint32_t flow, std::size_t bytes);
  void forget(std::uint32_t flow);

 private:
  struct Head {
    std::uint64_t age = 0;
    std::uint32_t begin = 0;  ///< sequence number of bytes[0]
    std::vector<std::uint8_t> bytes;
    std::map<std::uint32_t, std::vector<std::uint8_t>> waiting;  ///< behind a gap, by distance from `begin`
  };
  static bool append(Head& head, std::uint32_t distance, std::span<const std::uint8_t> payload);
  void make_room();

  std::unordered_map<std::uint32_t, Head> heads_;
  std::map<std::uint64_t, std::uint32_t> ages_;
  std::uint64_t next_age_ = 0;
};

}  // namespace vpn::simulate
