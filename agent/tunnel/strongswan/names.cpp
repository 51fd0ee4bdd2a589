#include "agent/tunnel/strongswan/names.h"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include "agent/tunnel/names.h"

namespace vpn::agent::strongswan {

std::uint32_t interface_id(std::string_view short_name) {
  std::uint32_t out = 0;
  const std::string_view digits = short_name.substr(short_name.size() - std::min<std::size_t>(short_name.size(), 5));
  std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  return 0x76700000u | out;
}

Result<CharonPaths> paths_in(const std::string& folder) {
  CharonPaths out{folder + "/charon.vici", folder + "/resolvers"};
  if (auto plain = plain_folder(folder); !plain) return tl::unexpected(plain.error());
  if (out.socket.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorKind::usage, "the state folder's path is too long for a Unix socket", folder);
  }
  return out;
}

std::vector<policy::Address> read_resolvers(const std::string& path) {
  constexpr std::size_t most = 8;
  std::vector<policy::Address> out;
  std::ifstream file(path);
  std::string line;
  while (out.size() < most && std::getline(file, line)) {
    if (const auto address = policy::Address::parse(line)) out.push_back(*address);
  }
  return out;
}

}  // namespace vpn::agent::strongswan
