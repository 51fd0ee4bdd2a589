// A question and its answer, as they go over the wire.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/dns/message.h"

namespace vpn::agent::dns::test {

inline Bytes a_question(std::string_view label, std::uint16_t id) {
  Bytes out{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  out.push_back(static_cast<std::uint8_t>(label.size()));
  out.insert(out.end(), label.begin(), label.end());
  const Bytes tail{0, 0, 1, 0, 1};
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

/// With one address, 192.0.2.1, for a minute.
inline Bytes an_answer(Bytes query) {
  query[2] |= 0x80;
  query[7] = 1;
  const Bytes record{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
  query.insert(query.end(), record.begin(), record.end());
  return query;
}

}  // namespace vpn::agent::dns::test
