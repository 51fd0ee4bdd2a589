#include "compiler/model/parts.h"
#include "policy/ascii.h"

namespace vpn::model {
namespace {

constexpr std::uint8_t wifi = 1;
constexpr std::uint8_t cellular = 2;

std::optional<policy::Service> service_of(std::string_view name) {
  if (name == "VoiceMail") return policy::Service::voicemail;
  if (name == "AirPrint") return policy::Service::airprint;
  if (name == "CellularServices") return policy::Service::cellular_services;
  if (name == "DeviceCommunication") return policy::Service::device_communication;
  return std::nullopt;  // lint has refused it
}

void read_services(Reader& reader, List list, AlwaysOn& out) {
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const Dict dict = reader.dict(list, i);
    const auto service = service_of(reader.text(dict, "ServiceName"));
    if (service) out.services.push_back({*service, reader.text(dict, "Action") != "Allow", reader.place(list, i)});
  }
}

void read_applications(Reader& reader, List list, AlwaysOn& out) {
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const Dict dict = reader.dict(list, i);
    ApplicationException exception;
    exception.app = reader.text(dict, "BundleIdentifier");
    exception.limited = Reader::find(dict, "LimitToProtocols") != nullptr;
    for (const std::string_view protocol : reader.texts(dict, "LimitToProtocols")) {
      if (ascii::equal_without_case(protocol, "UDP")) exception.udp = true;
      if (ascii::equal_without_case(protocol, "TCP")) exception.tcp = true;
    }
    exception.place = reader.place(list, i);
    if (!exception.app.empty()) out.applications.push_back(exception);
  }
}

void read_plugins(Reader& reader, List list, AlwaysOn& out) {
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const std::string_view app = reader.text(reader.dict(list, i), "BundleIdentifier");
    if (!app.empty()) out.captive_plugins.push_back({app, reader.place(list, i)});
  }
}

}  // namespace

std::uint8_t read_interfaces(Reader& reader, Dict configuration) {
  std::uint8_t mask = 0;
  for (const std::string_view name : reader.texts(configuration, "Interfaces")) {
    if (name == "WiFi") mask |= wifi;
    if (name == "Cellular") mask |= cellular;
  }
  return mask;
}

AlwaysOn read_always_on(Reader& reader, Dict dict, PlaceId place) {
  AlwaysOn out;
  out.place = place;
  out.user_toggle = reader.flag(dict, "UIToggleEnabled", false, place);
  out.captive_websheet = reader.flag(dict, "AllowCaptiveWebSheet", false, place);
  out.captive_all = reader.flag(dict, "AllowAllCaptiveNetworkPlugins", false, place);
  // S3.a: the list is read only while AllowAllCaptiveNetworkPlugins is 0.
  if (!out.captive_all.value) read_plugins(reader, reader.list(dict, "AllowedCaptiveNetworkPlugins"), out);
  read_services(reader, reader.list(dict, "ServiceExceptions"), out);
  read_applications(reader, reader.list(dict, "ApplicationExceptions"), out);
  return out;
}

}  // namespace vpn::model
