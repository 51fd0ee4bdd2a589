// DNS messages, as far as a forwarder, or who watches one, reads them. Every message is hostile: what cannot be read is
// nothing, and what an answer claims counts only for the question that was asked. Pure; ldns does the parsing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policy/address.h"

namespace vpn::dns {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

inline constexpr std::size_t header_size = 12;
inline constexpr std::size_t largest_message = 65535;
inline constexpr std::uint16_t type_a = 1, type_aaaa = 28, type_svcb = 64, type_https = 65;

/// Of RFC 1035 4.1.1.
enum class Rcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3,
  not_implemented = 4,
  refused = 5,
};

struct Query {
  std::uint16_t id = 0;
  std::string name;  ///< lower case, without the trailing dot; bytes that no host name has are '_'. Empty: the root
  std::uint16_t type = 0;
  std::size_t room = 512;  ///< for the answer, in a datagram (EDNS, RFC 6891)
};

/// What came from a client.
struct ReadQuery {
  std::optional<Query> query;    ///< one question of class IN
  std::optional<Rcode> refusal;  ///< or why there is none. Neither: not to be answered at all
};
ReadQuery read_query(View message);

/// An answer without records; the question is repeated where it can be read. Of a message that has a header.
Bytes refusal(View query, Rcode rcode);
/// An answer that says that it is too long for a datagram.
Bytes truncated(View answer);
void set_id(Bytes& message, std::uint16_t id);

/// The name of the only question of a query or an answer, as Query has it, without a look at the rest. Empty: the root,
/// or there is no such question.
std::string asked_name(View message);
inline bool is_response(View message) { return message.size() >= header_size && (message[2] & 0x80) != 0; }

/// Whether this is an answer to this question, both as they go over the wire: number, name, type and class.
bool is_answer_to(View query, View answer);

/// An address for the name that was asked, and for how long.
struct AddressAnswer {
  policy::Address address;
  std::uint32_t seconds = 0;
};
struct ReadAnswer {
  std::string name;  ///< that was asked, as Query has it
  Rcode rcode = Rcode::server_failure;
  std::vector<AddressAnswer> addresses;  ///< of all records of the answer, whatever names lead there (CNAME), each once
};
/// Nothing: it does not hold together. The time is that of the shortest-lived record on the way.
std::optional<ReadAnswer> read_answer(View answer);

}  // namespace vpn::dns
