// What the tests of model and lower share: profiles from text, and the model that they give.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/model/build.h"

namespace vpn::model {

inline std::string plist(std::string_view body) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
         "<plist version=\"1.0\">\n" +
         std::string(body) + "\n</plist>\n";
}

/// A configuration profile around payloads; the first payload begins in line 6.
inline std::string profile(std::string_view payloads) {
  return plist(
      "<dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>\n"
      "<key>PayloadContent</key><array>\n" +
      std::string(payloads) + "\n</array></dict>");
}

/// A VPN payload of a type; `keys` are the payload's own, `block` those of the type's dictionary.
inline std::string vpn_payload(std::string_view type, std::string_view block, std::string_view keys = {},
                               std::string_view uuid = "0c6e1b1e-0000-4000-8000-000000000001") {
  const std::string vpn_type(type);
  return "<dict><key>PayloadType</key><string>com.apple.vpn.managed</string><key>PayloadUUID</key><string>" +
         std::string(uuid) + "</string><key>VPNType</key><string>" + vpn_type + "</string>" + std::string(keys) +
         "<key>" + vpn_type + "</key><dict>" + std::string(block) + "</dict></dict>";
}

/// The same for one app-layer payload.
inline std::string per_app_payload(std::string_view block, std::string_view keys,
                                   std::string_view vpn_uuid = "aaaa-1") {
  return "<dict><key>PayloadType</key><string>com.apple.vpn.managed.applayer</string><key>VPNUUID</key><string>" +
         std::string(vpn_uuid) + "</string><key>VPNType</key><string>VPN</string>" + std::string(keys) +
         "<key>VPN</key><dict>" + std::string(block) + "</dict></dict>";
}

/// Documents of one device; they live as long as this does.
class Profiles {
 public:
  Profiles() = default;
  explicit Profiles(std::string text) { add(std::move(text)); }

  void add(std::string text, std::string name = {}) {
    if (name.empty()) name = "profile-" + std::to_string(documents_.size()) + ".mobileconfig";
    auto document = document::read(std::make_unique<document::Source>(std::move(name), std::move(text)), {}, sink_);
    ASSERT_NE(document, nullptr) << (sink_.all().empty() ? "" : sink_.all().front().message);
    documents_.push_back(std::move(document));
  }
  Model build(const BuildOptions& options = {}) const {
    std::vector<const document::Document*> views;
    for (const auto& document : documents_) views.push_back(document.get());
    return model::build(views, options);
  }

 private:
  findings::Sink sink_;
  std::vector<std::unique_ptr<document::Document>> documents_;
};

/// "profile-0.mobileconfig:6:1 PayloadContent[0]".
inline std::string where(const Model& model, PlaceId id) {
  if (id == none) return "nowhere";
  const Place& place = model.places.at(id);
  const document::Source& source = place.document->source();
  const auto position = place.span.known() ? source.position(place.span.begin) : document::Position{};
  return source.name() + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) + " " +
         (place.path == nullptr ? "" : place.path->to_string());
}

inline std::string flag(std::string_view key, int value) {
  return "<key>" + std::string(key) + "</key><integer>" + std::to_string(value) + "</integer>";
}
inline std::string text(std::string_view key, std::string_view value) {
  return "<key>" + std::string(key) + "</key><string>" + std::string(value) + "</string>";
}
inline std::string list(std::string_view key, std::initializer_list<std::string_view> values) {
  std::string out = "<key>" + std::string(key) + "</key><array>";
  for (const std::string_view value : values) out += "<string>" + std::string(value) + "</string>";
  return out + "</array>";
}

}  // namespace vpn::model
