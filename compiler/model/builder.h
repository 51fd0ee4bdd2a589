// Builds a model from documents: finds the payloads and declarations, and turns each into VPNs. Internal to
// compiler/model/.
#pragma once

#include <span>

#include "compiler/model/build.h"
#include "compiler/model/parts.h"

namespace vpn::policy::fb {
enum class Provider : std::uint8_t;
}

namespace vpn::model {

class Builder {
 public:
  Builder(std::span<const document::Document* const> documents, const BuildOptions& options);
  Model build();

 private:
  enum class Form : std::uint8_t { payload, declaration };
  /// A payload, or a declaration as a whole, to be read after all identities are known.
  struct Item {
    const document::Document* document = nullptr;
    Dict dict;
    std::string_view type;
    Form form = Form::payload;
  };
  /// What payloads and declarations of one VPN are read into first.
  struct Vpn {
    Tunnel tunnel;
    Device device;
    OnDemand on_demand;
  };

  // builder.cpp
  void collect(const document::Document& document);
  void collect_profile(const document::Document& document, Dict root);
  void collect_declaration(const document::Document& document, Dict root);
  void read(const Item& item);
  void read_mappings(Reader& reader, Dict payload);
  void sort_transparent_proxies();
  std::string fallback_id(std::string_view id) const;

  // builder_payloads.cpp
  void read_vpn_payload(Reader& reader, Dict payload, bool per_app);
  void read_always_on_payload(Reader& reader, Dict payload, const std::string& id, PlaceId place);
  void read_block(Reader& reader, Dict payload, std::string_view vpn_type, Vpn& vpn);
  void read_plugin(Reader& reader, Dict payload, Dict block, Vpn& vpn);
  void add_per_app(Reader& reader, Dict payload, Dict block, Vpn vpn);

  // builder_declarations.cpp
  void read_vpn_declaration(Reader& reader, Dict declaration, std::string_view kind);
  void read_always_on_declaration(Reader& reader, Dict payload, const std::string& id, PlaceId place);
  void read_declared_plugin(Reader& reader, Dict payload, Vpn& vpn);

  void read_routing(Reader& reader, Dict dict, PlaceId owner, Device& device);
  void add_device(Vpn vpn);
  std::uint32_t add_tunnel(Tunnel tunnel);

  std::span<const document::Document* const> documents_;
  const BuildOptions& options_;
  Model model_;
  Identities identities_;
  std::vector<Item> items_;
};

/// Who runs a plug-in's VPN, by its VPNSubType.
std::uint8_t provider_of(std::string_view subtype);
std::uint8_t number(policy::fb::Provider provider);

// apps.cpp
/// The app map, and the well-known apps with a role that a rule of this model looks at.
std::vector<App> collect_apps(const Model& model, std::span<const MappedApp> app_map);

}  // namespace vpn::model
