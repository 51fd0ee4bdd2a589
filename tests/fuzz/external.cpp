// What a VPN client says: whatever is taken can be written and read again, and is within its bounds.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/tunnel/external_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent;
  const auto message = parse_client_message({reinterpret_cast<const char*>(data), size});
  if (!message) return 0;
  const auto* report = std::get_if<ClientReport>(&*message);
  if (report == nullptr) return 0;
  const NetworkSettings& settings = report->report.settings;
  for (const auto& e : settings.endpoints)
    if ((e.protocol == 6 || e.protocol == 17) && e.port == 0) std::abort();  // a whole host would be exempt
  if (settings.interface.size() > 15 || settings.included_routes.size() > most_client_routes) std::abort();
  const auto again = parse_settings(settings_json(settings));
  if (!again || !(*again == settings)) std::abort();
  const auto process = parse_process(process_json(report->report.process));
  if (!process || !(*process == report->report.process)) std::abort();
  return 0;
}
