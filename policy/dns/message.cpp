#include "policy/dns/message.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "policy/ascii.h"

namespace vpn::dns {
namespace {

// Beyond these a message costs more to read than a lookup is worth: names may lead on to others, thousands of times.
constexpr unsigned most_records = 1024;
constexpr std::size_t most_work = 1u << 20;  // records times bytes: each may lead on half as many times
constexpr std::size_t most_addresses = 256;
constexpr std::uint32_t longest_life = 604800;  // a week, as RFC 8767 has it
constexpr std::size_t smallest_room = 512, largest_room = 4096;
constexpr std::uint8_t response_bit = 0x80, truncated_bit = 0x02, recursion_desired = 0x01, recursion_available = 0x80;
constexpr std::uint16_t hint_v4 = 4, hint_v6 = 6;  // SvcParamKeys, RFC 9460 14.3.2

struct PacketDeleter {
  void operator()(ldns_pkt* packet) const { ::ldns_pkt_free(packet); }
};
using Packet = std::unique_ptr<ldns_pkt, PacketDeleter>;

struct BufferDeleter {
  void operator()(ldns_buffer* buffer) const { ::ldns_buffer_free(buffer); }
};

unsigned word(View bytes, std::size_t at) { return static_cast<unsigned>(bytes[at]) << 8 | bytes[at + 1]; }

Packet parse(View message) {
  if (message.size() < header_size || message.size() > largest_message) return nullptr;
  const std::size_t records = word(message, 4) + word(message, 6) + word(message, 8) + word(message, 10);
  if (records > most_records || records * message.size() > most_work) return nullptr;
  ldns_pkt* packet = nullptr;
  if (::ldns_wire2pkt(&packet, message.data(), message.size()) != LDNS_STATUS_OK) return nullptr;
  return Packet(packet);
}

// As the tables of the policy have names. Labels one after the other, none compressed.
std::string host_name(View bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size() && bytes[at] != 0;) {
    if (!out.empty()) out += '.';
    const std::size_t end = std::min(at + 1 + bytes[at], bytes.size());
    for (++at; at < end; ++at) {
      const char c = ascii::lower(static_cast<char>(bytes[at]));
      out += ascii::is_letter(c) || ascii::is_digit(c) || c == '-' ? c : '_';
    }
  }
  return out;
}
std::string host_name(const ldns_rdf* name) { return host_name(View(::ldns_rdf_data(name), ::ldns_rdf_size(name))); }

policy::Address address_of(View data) {
  std::uint64_t high = 0, low = 0;
  if (data.size() == 4) {
    for (const std::uint8_t byte : data) low = low << 8 | byte;
    return policy::Address::from_v4(static_cast<std::uint32_t>(low));
  }
  for (std::size_t i = 0; i < 8; ++i) high = high << 8 | data[i];
  for (std::size_t i = 8; i < 16; ++i) low = low << 8 | data[i];
  return policy::Address::from_v6(high, low);
}

class Collector {
 public:
  void add(const ldns_rr_list* records) {
    for (std::size_t i = 0; i < ::ldns_rr_list_rr_count(records); ++i) {
      const ldns_rr* record = ::ldns_rr_list_rr(records, i);
      if (::ldns_rr_get_class(record) != LDNS_RR_CLASS_IN) continue;
      const auto type = static_cast<std::uint16_t>(::ldns_rr_get_type(record));
      const std::uint32_t seconds = life_of(record);
      if (type == LDNS_RR_TYPE_CNAME || type == LDNS_RR_TYPE_DNAME) {
        shortest_ = std::min(shortest_, seconds);
      } else if (type == type_a || type == type_aaaa) {
        const ldns_rdf* data = ::ldns_rr_rdf(record, 0);
        if (data != nullptr) add({::ldns_rdf_data(data), ::ldns_rdf_size(data)}, type == type_a ? 4 : 16, seconds);
      } else if (type == type_svcb || type == type_https) {
        add_hints(record, seconds);
      }
    }
  }
  std::vector<AddressAnswer> take() {
    for (AddressAnswer& a : found_) a.seconds = std::min(a.seconds, shortest_);
    return std::move(found_);
  }

 private:
  static std::uint32_t life_of(const ldns_rr* record) {
    const std::uint32_t seconds = ::ldns_rr_ttl(record);
    return seconds > std::numeric_limits<std::int32_t>::max() ? 0 : std::min(seconds, longest_life);  // RFC 2181 8
  }
  void add(View data, std::size_t size, std::uint32_t seconds) {
    if (data.size() != size) return;
    const policy::Address address = address_of(data);
    const auto same = std::find_if(found_.begin(), found_.end(), [&](const auto& a) { return a.address == address; });
    if (same != found_.end()) {
      same->seconds = std::min(same->seconds, seconds);
    } else if (found_.size() < most_addresses) {
      found_.push_back({address, seconds});
    }
  }
  // RFC 9460: priority, target, then pairs of key and value. Whoever gets such hints may connect to them at once.
  void add_hints(const ldns_rr* record, std::uint32_t seconds) {
    const std::unique_ptr<ldns_buffer, BufferDeleter> buffer(::ldns_buffer_new(1024));  // it grows
    if (!buffer || ::ldns_rr_rdata2buffer_wire(buffer.get(), record) != LDNS_STATUS_OK) return;
    const View data(::ldns_buffer_begin(buffer.get()), ::ldns_buffer_position(buffer.get()));
    std::size_t at = 2;  // behind the priority
    while (at < data.size() && data[at] != 0) at += 1u + data[at];
    ++at;
    while (at + 4 <= data.size()) {
      const unsigned key = word(data, at), size = word(data, at + 2);
      at += 4;
      if (size > data.size() - at) return;
      const std::size_t each = key == hint_v4 ? 4 : key == hint_v6 ? 16 : 0;
      if (each != 0)
        for (std::size_t i = 0; i + each <= size; i += each) add(data.subspan(at + i, each), each, seconds);
      at += size;
    }
  }

  std::vector<AddressAnswer> found_;
  std::uint32_t shortest_ = std::numeric_limits<std::uint32_t>::max();
};

const ldns_rr* only_question(const ldns_pkt* packet) {
  const ldns_rr_list* questions = ::ldns_pkt_question(packet);
  return ::ldns_rr_list_rr_count(questions) == 1 ? ::ldns_rr_list_rr(questions, 0) : nullptr;
}

// Behind the question, which stands first and is not compressed; 0: there is no such question.
std::size_t end_of_question(View message) {
  if (message.size() < header_size || word(message, 4) != 1) return 0;
  std::size_t at = header_size;
  while (at < message.size() && message[at] != 0) {
    if (message[at] > 63) return 0;
    at += 1u + message[at];
  }
  at += 5;
  return at <= message.size() && at - header_size <= 255 + 4 ? at : 0;
}

Bytes head(View message, std::uint8_t flags_high, std::uint8_t flags_low) {
  const std::size_t end = end_of_question(message);
  Bytes out(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(end == 0 ? header_size : end));
  out[2] = flags_high;
  out[3] = flags_low;
  std::fill(out.begin() + 4, out.begin() + header_size, std::uint8_t{0});
  out[5] = end == 0 ? 0 : 1;
  return out;
}

}  // namespace

ReadQuery read_query(View message) {
  if (message.size() < header_size || (message[2] & response_bit) != 0)
    return {};  // two forwarders would talk for ever
  if ((message[2] >> 3 & 15) != 0) return {{}, Rcode::not_implemented};
  const Packet packet = parse(message);
  const ldns_rr* question = packet ? only_question(packet.get()) : nullptr;
  if (question == nullptr || end_of_question(message) == 0) return {{}, Rcode::format_error};
  if (::ldns_rr_get_class(question) != LDNS_RR_CLASS_IN) return {{}, Rcode::refused};
  const auto type = static_cast<std::uint16_t>(::ldns_rr_get_type(question));
  if (type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR) return {{}, Rcode::refused};
  Query out;
  out.id = static_cast<std::uint16_t>(word(message, 0));
  out.name = host_name(::ldns_rr_owner(question));
  out.type = type;
  if (::ldns_pkt_edns(packet.get()))
    out.room = std::clamp<std::size_t>(::ldns_pkt_edns_udp_size(packet.get()), smallest_room, largest_room);
  return {std::move(out), {}};
}

Bytes refusal(View query, Rcode rcode) {
  if (query.size() < header_size) return {};
  return head(query, static_cast<std::uint8_t>(response_bit | (query[2] & (0x78 | recursion_desired))),
              static_cast<std::uint8_t>(recursion_available | static_cast<std::uint8_t>(rcode)));
}

Bytes truncated(View answer) {
  if (answer.size() < header_size) return {};
  return head(answer, static_cast<std::uint8_t>(answer[2] | truncated_bit), answer[3]);
}

void set_id(Bytes& message, std::uint16_t id) {
  if (message.size() < 2) return;
  message[0] = static_cast<std::uint8_t>(id >> 8);
  message[1] = static_cast<std::uint8_t>(id & 0xff);
}

std::string asked_name(View message) {
  const std::size_t end = end_of_question(message);
  return end == 0 ? std::string{} : host_name(message.subspan(header_size, end - 4 - header_size));
}

bool is_answer_to(View query, View answer) {
  const std::size_t end = end_of_question(query);
  if (end == 0 || end_of_question(answer) != end || (answer[2] & response_bit) == 0 ||
      word(query, 0) != word(answer, 0))
    return false;
  const auto same = [](std::uint8_t a, std::uint8_t b) {
    return ascii::lower(static_cast<char>(a)) == ascii::lower(static_cast<char>(b));
  };
  const auto at = [](View message, std::size_t i) { return message.begin() + static_cast<std::ptrdiff_t>(i); };
  return std::equal(at(query, header_size), at(query, end - 4), at(answer, header_size), same) &&
         std::equal(at(query, end - 4), at(query, end), at(answer, end - 4));
}

std::optional<ReadAnswer> read_answer(View answer) {
  const Packet packet = parse(answer);
  const ldns_rr* question = packet ? only_question(packet.get()) : nullptr;
  if (question == nullptr) return std::nullopt;
  ReadAnswer out;
  out.name = host_name(::ldns_rr_owner(question));
  out.rcode = static_cast<Rcode>(answer[3] & 15);
  Collector addresses;
  addresses.add(::ldns_pkt_answer(packet.get()));
  const auto type = static_cast<std::uint16_t>(::ldns_rr_get_type(question));
  if (type == type_svcb || type == type_https) addresses.add(::ldns_pkt_additional(packet.get()));
  out.addresses = addresses.take();
  return out;
}

}  // namespace vpn::dns
