#include "compiler/simulate/client_hello.h"

#include <vector>

namespace vpn::simulate {
namespace {

constexpr std::uint8_t record_handshake = 22, message_client_hello = 1;
constexpr unsigned extension_server_name = 0, name_type_host = 0;
constexpr std::size_t record_header = 5, message_header = 4, longest_name = 255;

/// Takes what it is asked for, until something is missing: from then on nothing.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  unsigned number(unsigned size) {
    unsigned out = 0;
    for (const std::uint8_t byte : take(size)) out = out << 8 | byte;
    return out;
  }
  std::span<const std::uint8_t> take(std::size_t size) {
    if (size > bytes_.size()) {
      bytes_ = {};
      good_ = false;
      return {};
    }
    const auto out = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return out;
  }
  /// A vector with its length in front.
  std::span<const std::uint8_t> vector(unsigned length_size) { return take(number(length_size)); }
  bool at_end() const { return bytes_.empty(); }
  bool good() const { return good_; }

 private:
  std::span<const std::uint8_t> bytes_;
  bool good_ = true;
};

/// The handshake bytes of the records, as far as they are there; false: it is no handshake.
bool join_records(std::span<const std::uint8_t> stream, std::vector<std::uint8_t>& out) {
  out.reserve(stream.size());
  while (stream.size() >= record_header) {
    const std::size_t size = static_cast<std::size_t>(stream[3]) << 8 | stream[4];
    if (stream[0] != record_handshake || stream[1] != 3 || size == 0) return !out.empty();
    stream = stream.subspan(record_header);
    const auto part = stream.first(std::min(size, stream.size()));
    out.insert(out.end(), part.begin(), part.end());
    stream = stream.subspan(part.size());
  }
  return stream.empty() || stream[0] == record_handshake;
}

std::string host_of(std::span<const std::uint8_t> extension) {
  Cursor names(Cursor(extension).vector(2));
  while (!names.at_end()) {
    const unsigned type = names.number(1);
    const auto name = names.vector(2);
    if (type == name_type_host && !name.empty() && name.size() <= longest_name)
      return {reinterpret_cast<const char*>(name.data()), name.size()};
  }
  return {};
}

std::string host_in_hello(std::span<const std::uint8_t> body) {
  Cursor hello(body);
  hello.take(2 + 32);  // version, random
  hello.vector(1);     // session
  hello.vector(2);     // cipher suites
  hello.vector(1);     // compression
  Cursor extensions(hello.vector(2));
  while (!extensions.at_end()) {
    const unsigned type = extensions.number(2);
    const auto content = extensions.vector(2);
    if (type == extension_server_name && extensions.good()) return host_of(content);
  }
  return {};
}

}  // namespace

ServerName server_name_in_handshake(std::span<const std::uint8_t> handshake) {
  using Found = ServerName::Found;
  if (!handshake.empty() && handshake[0] != message_client_hello) return {};
  if (handshake.size() < message_header) return {Found::more, {}};
  const std::size_t size =
      static_cast<std::size_t>(handshake[1]) << 16 | static_cast<std::size_t>(handshake[2]) << 8 | handshake[3];
  if (size > longest_hello) return {};
  if (handshake.size() - message_header < size) return {Found::more, {}};
  ServerName out{Found::nothing, host_in_hello(handshake.subspan(message_header, size))};
  if (!out.name.empty()) out.found = Found::name;
  return out;
}

ServerName server_name(std::span<const std::uint8_t> stream) {
  std::vector<std::uint8_t> handshake;
  if (!join_records(stream, handshake)) return {};
  ServerName out = server_name_in_handshake(handshake);
  if (out.found == ServerName::Found::more && stream.size() > 2 * longest_hello) out.found = ServerName::Found::nothing;
  return out;
}

}  // namespace vpn::simulate
