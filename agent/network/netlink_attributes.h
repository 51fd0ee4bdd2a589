// What all readers of netlink's messages share. Whatever the bytes are, reading stays within them.
#pragma once

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"

namespace vpn::agent {

inline constexpr std::size_t most_attributes = 128;  // by number; the kernel's are fewer

// NLMSG_ALIGN and its like, without their signed arithmetic.
constexpr std::size_t netlink_aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// Attributes by their number; a second one of a number wins, as in the kernel's own reader.
class NetlinkAttributes {
 public:
  NetlinkAttributes(const nlmsghdr* message, std::size_t header)
      : NetlinkAttributes(static_cast<const std::byte*>(mnl_nlmsg_get_payload(message)) + netlink_aligned(header),
                          mnl_nlmsg_get_payload_len(message), netlink_aligned(header)) {}
  explicit NetlinkAttributes(const nlattr* nest)
      : NetlinkAttributes(static_cast<const std::byte*>(mnl_attr_get_payload(nest)), mnl_attr_get_payload_len(nest),
                          0) {}
  /// `size` bytes, of which the first `skipped` lie before `first`.
  NetlinkAttributes(const std::byte* first, std::size_t size, std::size_t skipped) {
    std::size_t left = size < skipped ? 0 : size - skipped;
    while (mnl_attr_ok(reinterpret_cast<const nlattr*>(first), static_cast<int>(left))) {
      const auto* attribute = reinterpret_cast<const nlattr*>(first);
      keep(attribute);
      const std::size_t step = netlink_aligned(attribute->nla_len);
      if (step > left) return;
      first += step;
      left -= step;
    }
  }
  const nlattr* at(unsigned number) const { return number < all_.size() ? all_[number] : nullptr; }
  std::span<const std::byte> bytes(unsigned number) const {
    const nlattr* a = at(number);
    if (a == nullptr) return {};
    return {static_cast<const std::byte*>(mnl_attr_get_payload(a)), mnl_attr_get_payload_len(a)};
  }
  std::uint32_t number(unsigned which, std::uint32_t otherwise = 0) const {
    const auto b = bytes(which);
    std::uint32_t out = 0;
    if (b.size() < sizeof out) return otherwise;
    std::memcpy(&out, b.data(), sizeof out);
    return out;
  }
  std::uint8_t byte(unsigned which) const {
    const auto b = bytes(which);
    return b.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(b[0]);
  }
  std::string text(unsigned which) const {
    const auto b = bytes(which);
    const std::string_view all(reinterpret_cast<const char*>(b.data()), b.size());
    return std::string(all.substr(0, all.find('\0')));
  }

 private:
  void keep(const nlattr* attribute) {
    const std::uint16_t number = mnl_attr_get_type(attribute);
    if (number < all_.size()) all_[number] = attribute;
  }
  std::array<const nlattr*, most_attributes> all_{};
};

// Four bytes or sixteen, in the order of the wire.
inline std::optional<policy::Address> netlink_address(std::span<const std::byte> b) {
  if (b.size() == 4) {
    std::uint32_t v4 = 0;
    std::memcpy(&v4, b.data(), 4);
    return policy::Address::from_v4(ntohl(v4));
  }
  if (b.size() != 16) return std::nullopt;
  std::array<std::uint64_t, 2> halves{};
  for (std::size_t i = 0; i < 16; ++i) halves[i / 8] = halves[i / 8] << 8 | std::to_integer<std::uint64_t>(b[i]);
  return policy::Address::from_v6(halves[0], halves[1]);
}

template <class Header>
const Header* header_of(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < sizeof(Header)) return nullptr;
  return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

/// Hands each message of a datagram to `read`, which says whether it held together. How many did not.
template <class Read>
std::uint32_t each_netlink_message(std::span<const std::byte> datagram, Read read) {
  if (datagram.empty()) return 0;
  // libmnl reads headers in place, where they must be aligned.
  std::vector<std::uint64_t> words((datagram.size() + 7) / 8);
  std::memcpy(words.data(), datagram.data(), datagram.size());
  const auto* at = reinterpret_cast<const std::byte*>(words.data());
  std::size_t left = datagram.size();
  std::uint32_t malformed = 0;
  while (left >= sizeof(nlmsghdr)) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(at);
    // Not mnl_nlmsg_ok(): it takes lengths from 2^31 on for negative ones, which fit everywhere.
    if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > left) break;
    if (!read(message)) ++malformed;
    const std::size_t step = std::min(netlink_aligned(message->nlmsg_len), left);
    at += step;
    left -= step;
  }
  return malformed + (left > 0 ? 1 : 0);
}

}  // namespace vpn::agent
