#include "agent/tunnel/provider.h"

#include <algorithm>

namespace vpn::agent {
namespace {

bool same(const policy::Endpoint& a, const policy::Endpoint& b) {
  return a.address == b.address && a.protocol == b.protocol && a.port == b.port;
}

}  // namespace

bool operator==(const NetworkSettings& a, const NetworkSettings& b) {
  return a.interface == b.interface && a.addresses == b.addresses && a.included_routes == b.included_routes &&
         a.excluded_routes == b.excluded_routes && a.dns == b.dns && a.mtu == b.mtu && a.proxy == b.proxy &&
         std::equal(a.endpoints.begin(), a.endpoints.end(), b.endpoints.begin(), b.endpoints.end(), same);
}

}  // namespace vpn::agent
