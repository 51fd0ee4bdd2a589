// The agent's own look-up of its VPN servers' names (S1.d): asked of the resolvers of the interface that the packets
// leave by, for everything else may be blocked at that moment.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/loop/loop.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent {

/// A DNS query for A (or AAAA) of a name; empty where it is no name. Pure.
std::vector<unsigned char> dns_query(const std::string& name, bool v6, std::uint16_t id);
/// The addresses of an answer to it; nothing where it is none (wrong id or question, cut off, an error code,
/// malformed). Pure.
std::optional<std::vector<policy::Address>> dns_answer(std::span<const unsigned char> packet, const std::string& name,
                                                       bool v6, std::uint16_t id);

struct LookupRequest {
  std::string name;
  std::string interface;                 ///< the socket is bound to it
  std::vector<policy::Address> servers;  ///< asked one after the other, each twice
  bool only_whether_answered = false;    ///< the first answer is the end, whatever it says
};

struct LookupResult {
  std::vector<policy::Address> addresses;  ///< IPv4 first; none: nobody knew any
  bool answered = false;                   ///< some server did, if only that there is no such name
};

/// Asks for A and AAAA. The callback is called once, never from within. Destroying the result cancels.
[[nodiscard]] std::unique_ptr<Waiting> look_up(Loop& loop, LookupRequest request,
                                               std::function<void(LookupResult)> callback);

}  // namespace vpn::agent
