// TLS over a connected socket that does not block, for resolvers and proxies whose certificate must have a name.
// OpenSSL does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/identity.h"
#include "policy/address.h"
#include "policy/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace vpn::agent {

/// What certificates are checked against: the system's authorities, and those that the profile brings. And what the
/// device shows of itself. Shared.
class TlsTrust {
 public:
  /// `authorities`: certificates, DER. Those that cannot be read are left out. `identity`: null: the device shows
  /// nothing; its key goes into OpenSSL's locked memory (wiped.h). Errors: environment, invalid_input.
  static Result<std::shared_ptr<TlsTrust>> make(std::span<const std::vector<std::uint8_t>> authorities,
                                                const DeviceIdentity* identity = nullptr);
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;
  ssl_ctx_st* context() const { return context_; }

 private:
  explicit TlsTrust(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

/// For a server that the policy names: its root certificates, beside the system's authorities; and what the device
/// shows, as index of the policy's identities (policy::none: nothing). Errors: also those of open_identity().
Result<std::shared_ptr<TlsTrust>> trust_of(const policy::fb::Policy& policy, std::uint32_t identity,
                                           const FindSecret& secrets);

class TlsSession {
 public:
  /// What the server may choose from (ALPN).
  enum class Speaks : std::uint8_t { unsaid, http1, http2_or_http1 };
  /// Who the server must be: its name, or its address where that is empty. Null: no memory.
  static std::unique_ptr<TlsSession> open(const std::shared_ptr<TlsTrust>& trust, int socket, const std::string& name,
                                          const policy::Address& address, Speaks speaks);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Outcome : std::uint8_t { done, wants_read, wants_write, ended, failed };
  Outcome handshake();
  /// The server has chosen HTTP/2 (ALPN). After the handshake.
  bool speaks_http2() const;
  /// `done`: `count` bytes of them are on their way.
  Outcome write(std::span<const std::uint8_t> bytes, std::size_t& count);
  /// `done`: `count` bytes came.
  Outcome read(std::span<std::uint8_t> room, std::size_t& count);
  /// There is something to read() that has come already.
  bool has_more() const;
  /// Tells the server that nothing more comes.
  Outcome say_goodbye();
  /// Why the handshake failed, for people.
  std::string fault() const;

 private:
  TlsSession(std::shared_ptr<TlsTrust> trust, ssl_st* session) : trust_(std::move(trust)), session_(session) {}
  Outcome outcome(int result) const;
  std::shared_ptr<TlsTrust> trust_;
  ssl_st* session_;
};

}  // namespace vpn::agent
