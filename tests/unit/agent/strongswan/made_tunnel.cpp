#include "tests/unit/agent/strongswan/made_tunnel.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "tests/unit/agent/strongswan/vici_text.h"

namespace vpn::test {

using namespace agent::strongswan;

MadeIdentity::MadeIdentity(const std::string& common_name, const std::string& key, bool authority) {
  key_ = key == "RSA" ? EVP_RSA_gen(2048) : EVP_EC_gen(key.c_str());
  certificate_ = X509_new();
  if (key_ == nullptr || certificate_ == nullptr) throw std::runtime_error("OpenSSL makes no key");
  X509_set_version(certificate_, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate_), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate_), 86400);
  X509_set_pubkey(certificate_, key_);
  X509_NAME* name = X509_get_subject_name(certificate_);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(certificate_, name);
  X509_EXTENSION* basic =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
  X509_add_ext(certificate_, basic, -1);
  X509_EXTENSION_free(basic);
  X509_sign(certificate_, key_, EVP_sha256());
}

MadeIdentity::~MadeIdentity() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string MadeIdentity::container(const std::string& password) const {
  PKCS12* made = PKCS12_create(password.c_str(), "identity", key_, certificate_, nullptr, 0, 0, 1, 1, 0);
  unsigned char* bytes = nullptr;
  const int size = i2d_PKCS12(made, &bytes);
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  PKCS12_free(made);
  return out;
}

std::vector<std::uint8_t> MadeIdentity::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate_, &bytes);
  std::vector<std::uint8_t> out(bytes, bytes + size);
  OPENSSL_free(bytes);
  return out;
}

MadeTunnel::MadeTunnel(bool always_on) {
  if (always_on) {
    maker.always_on_tunnel("0C6E1B1E-0000-4000-8000-000000000001#0");
  } else {
    maker.device("0C6E1B1E-0000-4000-8000-000000000001");
  }
  tunnel().provider = made::Provider::ikev2;
  tunnel().server = "vpn.example.com";
  tunnel().ike = std::make_unique<made::IkeT>();
  made::IkeT& ike = *tunnel().ike;
  ike.local_identifier = "device.example.com";
  ike.remote_identifier = "vpn.example.com";
  ike.authentication = "Certificate";
  ike.dead_peer_detection = "Medium";
  ike.nat_keepalive_seconds = 20;
  ike.mtu = 1280;
  ike.tls_minimum = "1.0";
  ike.tls_maximum = "1.2";
  for (auto* sa : {&ike.ike_sa, &ike.child_sa}) {
    *sa = std::make_unique<made::SecurityAssociationT>();
    (*sa)->encryption = "AES-256";
    (*sa)->integrity = "SHA2-256";
    (*sa)->dh_group = 14;
    (*sa)->lifetime_minutes = 1440;
  }
}

std::uint32_t MadeTunnel::secret(std::string value) {
  const auto number = static_cast<std::uint32_t>(secrets.size());
  secrets.emplace(number, std::move(value));
  maker.body.secret_count = number + 1;
  return number;
}

void MadeTunnel::with_shared_secret() {
  ike().authentication = "SharedSecret";
  ike().secret = secret("shared");
}

void MadeTunnel::with_password() {
  ike().authentication = "None";
  ike().extended_authentication = true;
  ike().user = "a=b@c";
  ike().password = secret("password");
}

void MadeTunnel::with_identity(const MadeIdentity& identity) {
  auto made = std::make_unique<made::IdentityT>();
  made->uuid = "0C6E1B1E-0000-4000-8000-000000000002";
  made->kind = "pkcs12";
  made->secret = secret(identity.container("open"));
  made->password = secret("open");
  ike().certificate = static_cast<std::uint32_t>(maker.body.identities.size());
  maker.body.identities.push_back(std::move(made));
}

void MadeTunnel::trust(const MadeIdentity& authority) {
  auto made = std::make_unique<made::IdentityT>();
  made->uuid = "0C6E1B1E-0000-4000-8000-00000000001" + std::to_string(maker.body.identities.size());
  made->kind = "root";
  made->certificate = authority.der();
  maker.body.identities.push_back(std::move(made));
}

agent::FindSecret MadeTunnel::find() const {
  return [this](std::uint32_t number) -> std::optional<std::span<const std::byte>> {
    const auto found = secrets.find(number);
    if (found == secrets.end()) return std::nullopt;
    return std::as_bytes(std::span(found->second));
  };
}

namespace {

std::string told(const Error& error) { return error.where + ": " + error.what; }
constexpr const char* socket = "/run/t/charon.vici";
const CharonPaths paths{socket, "/run/t/resolvers"};

}  // namespace

Result<Plan> MadeTunnel::plan() {
  const policy::Policy policy = maker.make();
  return make_plan(policy, 0, find(), settings);
}

std::string MadeTunnel::connection() {
  const policy::Policy policy = maker.make();
  const auto plan = make_plan(policy, 0, find(), settings);
  if (!plan) return told(plan.error());
  const Path path{{*policy::Address::parse("192.0.2.10")}, *policy::Address::parse("192.0.2.1")};
  const auto request = agent::strongswan::connection(policy, 0, find(), settings, *plan, paths, path);
  if (!request) return told(request.error());
  std::string text = ViciText::of(*request->message.encode());
  return text.replace(text.find(plan->connection), plan->connection.size(), "NAME");
}

std::string MadeTunnel::credentials() {
  const policy::Policy policy = maker.make();
  const auto requests = agent::strongswan::credentials(policy, 0, find(), settings);
  if (!requests) return told(requests.error());
  std::string out;
  for (const Request& request : *requests) out += request.command + ":\n" + ViciText::of(*request.message.encode());
  return out;
}

std::string MadeTunnel::settings_file() {
  const auto made = plan();
  return made ? agent::strongswan::settings_file(*made, paths) : told(made.error());
}

}  // namespace vpn::test
