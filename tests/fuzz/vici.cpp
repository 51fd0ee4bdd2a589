// What charon sends: a stream of packets with messages, read in pieces, and what is made of them.
#include <algorithm>
#include <cstdlib>

#include "agent/tunnel/strongswan/association.h"
#include "agent/tunnel/strongswan/vici_packet.h"

namespace {

using namespace vpn::agent::strongswan;

void demand(bool holds) {
  if (!holds) std::abort();
}

// What can be read can be written, and reads the same.
void write_again(const Packet& packet) {
  const auto first = encode(packet);
  demand(first.has_value());
  const auto read = decode_packet(std::span(*first).subspan(4));
  demand(read.has_value());
  const auto second = encode(*read);
  demand(second.has_value() && *second == *first);
}

void use(const Packet& packet) {
  for (const auto& [name, section] : packet.message.sections()) {
    const auto association = read_association(packet.message, name);
    demand(association.has_value());
    for (const auto& network : association->remote_networks) demand(network.base <= network.last());
    section->texts("local-vips");
  }
  // A selector's cover is sorted, without overlap.
  for (const std::string_view text : packet.message.texts("ts")) {
    const auto cover = read_selector(text);
    demand(cover.size() <= 254);
    for (std::size_t i = 1; i < cover.size(); ++i) demand(cover[i - 1].last() < cover[i].base);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const std::size_t step = std::size_t{data[0]} + 1;
  PacketStream stream;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    stream.append(bytes.subspan(at, std::min(step, bytes.size() - at)));
    while (true) {
      const auto packet = stream.next();
      if (!packet) return 0;
      if (!packet->has_value()) break;
      write_again(**packet);
      use(**packet);
    }
  }
  return 0;
}
