// Addresses that stand for names: a proxy is asked for the name, so its apps need an address to connect to, and no
// resolver. Of 198.18.0.0/15, which no network routes (RFC 2544). Pure but for where it begins.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/address.h"

namespace vpn::agent::dns {

class Inventions {
 public:
  using Time = std::chrono::nanoseconds;  ///< CLOCK_MONOTONIC
  static constexpr std::size_t most = 65536;
  static constexpr std::chrono::seconds lives{60};  ///< of an answer
  /// An address is another name's no sooner than it has not been used for so long.
  static constexpr std::chrono::hours rests{1};

  /// `start`: any number; so that one process's addresses are not the next one's for other names.
  explicit Inventions(std::uint32_t start) : start_(start % range) {}

  static constexpr policy::Address first() { return policy::Address::from_v4(0xc6120000); }

  /// The same for a name as long as it is used. Nothing: all are in use.
  std::optional<policy::Address> address_of(const std::string& name, Time now);
  /// Empty: it stands for none.
  std::string name_of(const policy::Address& address, Time now);
  std::size_t size() const { return entries_.size(); }

 private:
  static constexpr std::uint32_t range = 1u << 17;
  struct Entry {
    std::string name;
    Time used{};
  };
  std::uint32_t start_;
  std::size_t next_ = 0;  ///< to be looked at for another name
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace vpn::agent::dns
