// Generic netlink's messages of Wi-Fi (nl80211) to values and back. Pure, and careful like netlink_messages.h: a
// network chooses its own name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vpn::agent {

/// By which number nl80211 is known to this kernel; it gets one when it is loaded.
struct WifiFamily {
  std::uint16_t number = 0;
  std::vector<unsigned> groups;  ///< those that tell of connections and of interfaces
  friend bool operator==(const WifiFamily&, const WifiFamily&) = default;
};

/// An interface that takes part in a network; one that offers a network is in none.
struct WifiInterface {
  std::uint32_t index = 0;
  std::string ssid;  ///< 0 to 32 bytes of any kind; empty: it is in no network
  friend bool operator==(const WifiInterface&, const WifiInterface&) = default;
};

/// What one datagram said.
struct WifiNews {
  std::vector<WifiInterface> interfaces;
  std::optional<WifiFamily> family;  ///< nl80211 is there
  bool family_gone = false;
  bool changed = false;      ///< some interface may be in another network: ask for all
  bool done = false;         ///< the end of a dump
  bool interrupted = false;  ///< the dump is not of one moment: ask again
  int error = 0;             ///< of an answer: errno, 0: none
  std::uint32_t malformed = 0;
};

/// `family`: nl80211's number, 0: not known. `sequence`: of the question whose answer is read; those to others are
/// passed over. None: what nobody asked for.
WifiNews read_wifi(std::span<const std::byte> datagram, std::uint16_t family, std::optional<std::uint32_t> sequence);

/// Lists all families of generic netlink.
std::vector<std::byte> ask_wifi_family(std::uint32_t sequence);
std::vector<std::byte> ask_wifi_interfaces(std::uint16_t family, std::uint32_t sequence);

}  // namespace vpn::agent
