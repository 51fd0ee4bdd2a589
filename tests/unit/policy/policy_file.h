// Policy files made by hand, without the compiler: what the tests of reader and invariants share.
#pragma once

#include <string_view>
#include <vector>

#include "policy/app_table.h"
#include "policy/bytes.h"
#include "policy/domain_table.h"
#include "policy/file_header.h"
#include "policy_generated.h"

namespace vpn::policy {

/// One tunnel of each kind and something in every list; each field that an invariant speaks of can be changed before
/// writing.
struct Ingredients {
  std::uint8_t platform = 5;
  std::uint32_t source_file = 0, source_line = 3, source_column = 1;
  std::string_view tunnel_ids[3] = {"A#0", "B", "C"};
  fb::VpnKind kinds[3] = {fb::VpnKind::always_on, fb::VpnKind::per_app, fb::VpnKind::device};
  fb::Provider provider = fb::Provider::ikev2;
  bool always_on_proxy = false;
  std::uint32_t tunnel_source = 0, certificate = 0, ike_secret = 1;
  std::string_view setting_keys[2] = {"a", "b"};
  std::uint32_t setting_secret = none;
  std::uint32_t supplemental = 3, supplemental_owner = 2;
  std::uint8_t interfaces = 3, exception_service = 2, exception_action = 1;
  std::uint32_t always_on_tunnel = 0, per_app_tunnel = 1, device_tunnel = 2;
  bool include_all = false, enforce = true, has_always_on = true;
  bool second_device = false;  ///< a device-wide VPN that uses tunnel 0
  std::uint8_t rule_action = 3, rule_interface = 255;
  std::uint32_t parameter_domains = 4;
  fb::ListKind list_kind = fb::ListKind::excluded;
  std::uint32_t list_owner = 0, list_source = 0;
  std::vector<std::string_view> servers{"a.example", "b.example"};
  std::uint16_t probe_port = 80;
  std::string_view prefix = "10.0.0.0/8";
  std::uint8_t selector_service = 6;
  std::uint32_t selector_role = 1, class_roles = 1;
  std::uint64_t governed = 1;
  std::vector<std::uint32_t> tools{0};
  std::uint32_t tool_per_app = 0, app_class = 1, exception_any = 0;
  std::vector<std::string_view> apps{"com.example.a", "com.example.b"};
  std::size_t app_count = 2;
  bool first_class_empty = true;
  std::uint32_t secret_count = 2;
  std::string_view path = "PayloadContent[0]";
  std::uint32_t shared_rules = 0, shared_names = 0;  ///< further rules that all refer to one list of one name
  std::uint32_t shared_name_length = 1;
  std::uint32_t domain_list = 0;  ///< number of the list that the table's name is in
};

/// A whole file, aligned, its digests right.
Bytes write_policy(const Ingredients& ingredients, std::uint64_t serial = 1);

/// Makes the digests right again after bytes were changed.
void seal_again(Bytes& file);

}  // namespace vpn::policy
