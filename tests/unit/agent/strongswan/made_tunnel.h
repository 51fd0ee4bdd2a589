// A policy with one IKEv2 tunnel, made by hand; its secrets beside it.
#pragma once

#include <openssl/pkcs12.h>

#include <map>
#include <string>
#include <vector>

#include "agent/tunnel/strongswan/plan.h"
#include "tests/support/policy_maker.h"

namespace vpn::test {

/// A self-signed certificate with its key; key is an OpenSSL name of a curve, or "RSA".
class MadeIdentity {
 public:
  explicit MadeIdentity(const std::string& common_name, const std::string& key = "P-384", bool authority = false);
  ~MadeIdentity();
  MadeIdentity(const MadeIdentity&) = delete;
  MadeIdentity& operator=(const MadeIdentity&) = delete;
  std::string container(const std::string& password) const;  ///< PKCS#12
  std::vector<std::uint8_t> der() const;                     ///< of the certificate

 private:
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
};

class MadeTunnel {
 public:
  PolicyMaker maker;
  std::map<std::uint32_t, std::string> secrets;
  agent::strongswan::PlanSettings settings;

  explicit MadeTunnel(bool always_on = false);
  made::TunnelT& tunnel() { return *maker.body.tunnels.front(); }
  made::IkeT& ike() { return *tunnel().ike; }
  std::uint32_t secret(std::string value);

  void with_shared_secret();
  void with_password();                              ///< EAP, the server by a certificate
  void with_identity(const MadeIdentity& identity);  ///< certificate
  void trust(const MadeIdentity& authority);

  agent::FindSecret find() const;
  Result<agent::strongswan::Plan> plan();
  /// The message load-conn as text, from 192.0.2.10 to 192.0.2.1; or the error.
  std::string connection();
  /// The messages of the credentials as text, the data of keys and certificates by their size; or the error.
  std::string credentials();
  /// strongswan.conf; or the error.
  std::string settings_file();
};

}  // namespace vpn::test
