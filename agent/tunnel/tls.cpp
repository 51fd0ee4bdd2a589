#include "agent/tunnel/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "agent/tunnel/openssl.h"
#include "policy/types.h"
#include "policy_generated.h"

namespace vpn::agent {

namespace {

// The certificate, its chain and its key.
bool show_identity(SSL_CTX* context, const DeviceIdentity& identity) {
  const auto certificate = [](const Der& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    return Owned<X509>(::d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  };
  const auto* at = reinterpret_cast<const unsigned char*>(identity.key.data());
  const Owned<EVP_PKEY> key(::d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(identity.key.size())));
  const Owned<X509> own = certificate(identity.certificate);
  bool good = key && own && ::SSL_CTX_use_certificate(context, own.get()) == 1 &&
              ::SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  for (const Der& der : identity.others)
    if (const Owned<X509> other = certificate(der); other)
      good = good && SSL_CTX_add1_chain_cert(context, other.get()) == 1;
  return good;
}

}  // namespace

Result<std::shared_ptr<TlsTrust>> TlsTrust::make(std::span<const std::vector<std::uint8_t>> authorities,
                                                 const DeviceIdentity* identity) {
  SSL_CTX* context = ::SSL_CTX_new(::TLS_client_method());
  if (context == nullptr) return fail(ErrorKind::environment, "OpenSSL has no TLS");
  std::shared_ptr<TlsTrust> out(new TlsTrust(context));
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);  // RFC 9113, 9.2.1; and reading needs no writing then
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);  // connections that are kept have none
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  ::SSL_CTX_set_default_verify_paths(context);
  for (const auto& der : authorities) {
    const unsigned char* bytes = der.data();
    X509* certificate = ::d2i_X509(nullptr, &bytes, static_cast<long>(der.size()));
    if (certificate != nullptr) ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), certificate);
    ::X509_free(certificate);
  }
  const bool shown = identity == nullptr || show_identity(context, *identity);
  ::ERR_clear_error();
  if (!shown) return fail(ErrorKind::invalid_input, "OpenSSL cannot use the identity's certificate with its key");
  return out;
}

Result<std::shared_ptr<TlsTrust>> trust_of(const policy::fb::Policy& policy, std::uint32_t identity,
                                           const FindSecret& secrets) {
  std::vector<std::vector<std::uint8_t>> roots;
  const auto* identities = policy.identities();
  if (identities != nullptr)
    for (const auto* i : *identities)
      if (i->kind() != nullptr && i->kind()->string_view() == "root" && i->certificate() != nullptr)
        roots.emplace_back(i->certificate()->begin(), i->certificate()->end());
  if (identity == vpn::policy::none) return TlsTrust::make(roots);
  if (identities == nullptr || identity >= identities->size())
    return fail(ErrorKind::invalid_input, "the policy does not have the identity that is to be shown");
  const auto own = open_identity(*identities->Get(identity), secrets);
  if (!own) return tl::unexpected(own.error());
  return TlsTrust::make(roots, &*own);
}

TlsTrust::~TlsTrust() { ::SSL_CTX_free(context_); }

std::unique_ptr<TlsSession> TlsSession::open(const std::shared_ptr<TlsTrust>& trust, int socket,
                                             const std::string& name, const policy::Address& address, Speaks speaks) {
  SSL* session = ::SSL_new(trust->context());
  if (session == nullptr) return nullptr;
  std::unique_ptr<TlsSession> out(new TlsSession(trust, session));
  bool ready = ::SSL_set_fd(session, socket) == 1;
  const bool by_address = name.empty() || policy::Address::parse(name).has_value();
  if (by_address) {
    const std::string text = name.empty() ? address.to_string() : name;
    ready = ready && ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(session), text.c_str()) == 1;
  } else {
    ready = ready && ::SSL_set1_host(session, name.c_str()) == 1 &&
            ::SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       const_cast<char*>(name.c_str())) == 1;
  }
  constexpr std::array<unsigned char, 12> both{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  const std::span http = std::span(both).subspan(speaks == Speaks::http1 ? 3 : 0);
  if (speaks != Speaks::unsaid)
    ready = ready && ::SSL_set_alpn_protos(session, http.data(), static_cast<unsigned>(http.size())) == 0;
  ::SSL_set_connect_state(session);
  return ready ? std::move(out) : nullptr;
}

TlsSession::~TlsSession() { ::SSL_free(session_); }

TlsSession::Outcome TlsSession::outcome(int result) const {
  const int error = ::SSL_get_error(session_, result);
  ::ERR_clear_error();
  switch (error) {
    case SSL_ERROR_NONE:
      return Outcome::done;
    case SSL_ERROR_WANT_READ:
      return Outcome::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Outcome::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::ended;
    default:
      return Outcome::failed;
  }
}

TlsSession::Outcome TlsSession::handshake() { return outcome(::SSL_do_handshake(session_)); }

bool TlsSession::speaks_http2() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  ::SSL_get0_alpn_selected(session_, &name, &size);
  return name != nullptr && std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

TlsSession::Outcome TlsSession::write(std::span<const std::uint8_t> bytes, std::size_t& count) {
  const int n = ::SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()));
  count = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n > 0 ? Outcome::done : outcome(n);
}

bool TlsSession::has_more() const { return ::SSL_pending(session_) > 0; }

TlsSession::Outcome TlsSession::say_goodbye() {
  const int result = ::SSL_shutdown(session_);
  if (result >= 0) ::ERR_clear_error();
  return result >= 0 ? Outcome::done : outcome(result);
}

std::string TlsSession::fault() const {
  const long verified = ::SSL_get_verify_result(session_);
  return verified == X509_V_OK ? "TLS fails"
                               : std::string("its certificate: ") + ::X509_verify_cert_error_string(verified);
}

TlsSession::Outcome TlsSession::read(std::span<std::uint8_t> room, std::size_t& count) {
  const int n = ::SSL_read(session_, room.data(), static_cast<int>(room.size()));
  count = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n > 0 ? Outcome::done : outcome(n);
}

}  // namespace vpn::agent
