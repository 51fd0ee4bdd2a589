// The provider of app proxies that a profile names: a SOCKS5 or HTTP proxy by VendorConfig.ProxyType
// (docs/app-proxy.md).
#pragma once

#include <functional>

#include "agent/tunnel/provider.h"

namespace vpn::policy::fb {
struct Tunnel;
}

namespace vpn::agent {

struct ProxyOptions {
  /// Tells the kernel that a socket is this tunnel's provider's (S1.c); false: it must not be used.
  std::function<bool(int socket, std::uint32_t tunnel)> prepare;
};

/// Makes providers for app proxies with VendorConfig.ProxyType, and null for others: they have clients of their own.
ProviderFactory proxy_factory(ProxyOptions options);

/// Whether the profile names the proxy, and with it user and password.
bool names_proxy(const policy::fb::Tunnel& tunnel);

}  // namespace vpn::agent
