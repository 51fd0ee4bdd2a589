#include "agent/network/sysctls.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace vpn::agent {
namespace {

// Files of /proc: written in one call, for the kernel takes each call for a whole value.
bool write_value(const std::string& path, std::string_view value) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t n = ::write(file, value.data(), value.size());
  const int error = errno;
  ::close(file);
  errno = error;
  return n >= 0;
}

bool read_value(const std::string& path, std::string& out) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::array<char, 256> buffer{};
  const ssize_t n = ::read(file, buffer.data(), buffer.size());
  ::close(file);
  if (n < 0) return false;
  out.assign(buffer.data(), static_cast<std::size_t>(n));
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return true;
}

}  // namespace

const std::vector<Sysctl>& needed_sysctls() {
  static const std::vector<Sysctl> all{
      {"ipv4/conf/all/src_valid_mark", "1", "strict rp_filter has to look up the route that the mark chose"},
      {"ipv4/conf/all/arp_ignore", "1", "an interface answers for its own addresses only, not for a tunnel's"},
      {"ipv4/conf/all/accept_redirects", "0", "a redirect poisons the cache of routes"},
      {"ipv4/conf/default/accept_redirects", "0", "likewise, for interfaces to come"},
      {"ipv6/conf/all/accept_redirects", "0", "likewise, IPv6"},
      {"ipv6/conf/default/accept_redirects", "0", "likewise, IPv6, for interfaces to come"},
  };
  return all;
}

Result<std::string> set_sysctls(const std::string& root) {
  std::string before;
  for (const Sysctl& s : needed_sysctls()) {
    const std::string path = root + "/" + std::string(s.name);
    std::string value;
    if (!read_value(path, value)) continue;
    before += std::string(s.name) + "=" + value + "\n";
    if (value == s.value) continue;
    if (!write_value(path, s.value)) {
      return fail(ErrorKind::environment, std::string("cannot set it: ") + std::strerror(errno), path,
                  "set it by sysctl.d to " + std::string(s.value) + ", or let the agent write below /proc/sys/net");
    }
  }
  return before;
}

void loosen_reverse_path(const std::string& root, const std::vector<std::string>& interfaces) {
  const auto file = [&](const std::string& name) { return root + "/ipv4/conf/" + name + "/rp_filter"; };
  std::string of_all, own;
  read_value(file("all"), of_all);
  for (const std::string& name : interfaces) {
    // The greater one of both counts.
    if (read_value(file(name), own) && own != "2" && (own == "1" || of_all == "1")) write_value(file(name), "2");
  }
}

void restore_sysctls(const std::string& root, std::string_view lines) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const auto equal = line.find('=');
    if (equal == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, equal);
    const auto& all = needed_sysctls();
    if (std::any_of(all.begin(), all.end(), [&](const Sysctl& s) { return s.name == name; }))
      write_value(root + "/" + std::string(name), line.substr(equal + 1));
  }
}

}  // namespace vpn::agent
