// What a VPN client outside of the agent says on its socket (docs/external-protocol.md): a JSON object in each packet.
// Hostile input until shown otherwise: sizes and counts are bounded, nothing is taken that is not understood.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "agent/tunnel/provider.h"
#include "policy/result.h"

namespace vpn::agent {

inline constexpr std::size_t largest_client_message = 65536;  ///< bytes
inline constexpr std::size_t most_client_routes = 4096;       ///< of each list

struct ClientHello {
  std::string tunnel;  ///< identifier, upper case
};
struct ClientReport {
  ProviderReport report;  ///< process without what the agent finds out itself
};
using ClientMessage = std::variant<ClientHello, ClientReport>;

/// Errors (`invalid_input`) name the key.
Result<ClientMessage> parse_client_message(std::string_view text);

/// What the agent says: one object, no line end.
std::string client_connect(const ConnectRequest& request);
std::string client_disconnect();
std::string client_error(const Error& error);

/// Settings as the protocol has them; also for what the agent keeps on its own disk.
nlohmann::json settings_json(const NetworkSettings& settings);
Result<NetworkSettings> parse_settings(const nlohmann::json& object);
nlohmann::json process_json(const ProviderProcess& process);
Result<ProviderProcess> parse_process(const nlohmann::json& object);

}  // namespace vpn::agent
