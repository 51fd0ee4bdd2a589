#include "agent/control/journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "agent/files/descriptor.h"

namespace vpn::agent {
namespace {

void add_field(std::string& out, const std::string& name, const std::string& value) {
  out += name;
  if (value.find('\n') == std::string::npos) {
    out += '=';
  } else {
    out += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8)  // the length, little-endian
      out += static_cast<char>(static_cast<std::uint64_t>(value.size()) >> shift & 0xff);
  }
  out += value;
  out += '\n';
}

}  // namespace

std::string journal_entry(const std::string& message, bool loud, const LogFields& fields) {
  std::string out;
  add_field(out, "MESSAGE", message);
  add_field(out, "PRIORITY", loud ? "4" : "6");
  add_field(out, "SYSLOG_IDENTIFIER", "vpnagentd");
  for (const auto& [name, value] : fields) add_field(out, name, value);
  return out;
}

bool is_journal(int descriptor) {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  return stream != nullptr && ::fstat(descriptor, &info) == 0 &&
         stream == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

bool send_to_journal(const std::string& entry, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A journal that does not read must not keep us from guarding.
  return socket &&
         ::sendto(socket.get(), entry.data(), entry.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&address), sizeof address) == static_cast<ssize_t>(entry.size());
}

}  // namespace vpn::agent
