// The invariants of a policy's body beyond what the FlatBuffers verifier sees. Internal to policy/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/app_table.h"
#include "policy/domain_table.h"
#include "policy/flat_text.h"
#include "policy/policy.h"
#include "policy/result.h"
#include "policy/types.h"
#include "policy_generated.h"

namespace vpn::policy {

/// A place in the body, as a chain on the stack: tunnels[3].ike.certificate.
struct Where {
  static constexpr std::uint32_t no_index = 0xffffffffu;
  const Where* parent = nullptr;
  const char* name = "";
  std::uint32_t index = no_index;
  std::string to_string() const;
};

/// Goes through the whole body once; stops at the first fault. Every method gives false after a fault was noted.
class Checker {
 public:
  explicit Checker(const fb::Policy& policy) : policy_(policy) {}

  /// All invariants. The tables are views into the body.
  bool run(AppTable& apps, DomainTable& domains);
  Error take_error();

 private:
  template <class T>
  using Vector = flatbuffers::Vector<T>;
  template <class T>
  using Tables = Vector<flatbuffers::Offset<T>>;
  using Strings = Vector<flatbuffers::Offset<flatbuffers::String>>;

  template <class T>
  static std::uint32_t size(const Vector<T>* v) {
    return v == nullptr ? 0 : v->size();
  }

  bool fault(const Where& where, std::string what);
  bool index(const Where& where, std::uint32_t value, std::uint32_t count, const char* of);
  bool index_or_none(const Where& where, std::uint32_t value, std::uint32_t count, const char* of);
  bool source(const Where& parent, std::uint32_t value, const char* name = "source");
  bool secret(const Where& parent, std::uint32_t value, const char* name);
  bool identity(const Where& parent, std::uint32_t value, const char* name);
  bool text(const Where& parent, const flatbuffers::String* s, const char* name);  ///< absent is fine
  bool name(const Where& parent, const flatbuffers::String* s, const char* name);  ///< not empty
  bool texts(const Where& parent, const Strings* list, const char* name);
  bool settings(const Where& parent, const Tables<fb::Setting>* list, const char* name);
  bool list(const Where& parent, std::uint32_t value, const char* name, fb::ListKind kind, std::uint32_t owner);

  // file_check.cpp
  bool sources();
  bool domain_lists();
  bool servers();
  bool identities();
  bool secrets();
  // file_check_tunnels.cpp
  bool tunnels();
  bool tunnel(const Where& where, std::uint32_t number, const fb::Tunnel& t);
  bool ike(const Where& where, const fb::Ike* ike);
  bool login(const Where& where, const fb::Login* login);
  bool dns(const Where& where, std::uint32_t owner, const fb::Dns* dns);
  bool distinct_ids();
  // file_check_vpns.cpp
  bool always_on();
  bool per_app();
  bool devices();
  bool used_once();
  bool on_demand(const Where& parent, std::uint32_t tunnel, const fb::OnDemand* on_demand);
  bool rule(const Where& where, std::uint32_t tunnel, const fb::OnDemandRule& rule);
  bool use(const Where& parent, std::uint32_t tunnel, fb::VpnKind kind);
  // file_check_apps.cpp
  bool services();
  bool apps(AppTable& names);
  bool app(const Where& where, const fb::App& app);
  bool app_classes();
  bool app_class(const Where& where, const fb::AppClass& c);
  bool domains(DomainTable& names);

  const fb::Policy& policy_;
  std::vector<bool> used_;  ///< tunnels that a VPN refers to
  std::optional<Error> error_;
};

bool valid_utf8(std::string_view text);

/// FlatBuffers' own verification, then the invariants; on success the tables are open.
Result<const fb::Policy*> check_body(std::span<const std::byte> body, AppTable& apps, DomainTable& domains);

}  // namespace vpn::policy
