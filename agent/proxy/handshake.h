// What is said to a proxy before it carries a flow: SOCKS5 (RFC 1928) with user and password (RFC 1929), or CONNECT of
// HTTP/1.1 (RFC 9110, 9.3.6). Pure; whatever a proxy sends, memory and work are bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "agent/network/http.h"
#include "agent/tunnel/provider.h"
#include "agent/tunnel/wiped.h"
#include "policy/address.h"

namespace vpn::agent::proxy {

/// Where a flow is meant to go. The proxy is asked for the name where there is one.
struct Destination {
  std::string host;         ///< A-labels; empty: by address
  policy::Address address;  ///< as the app knows it
  std::uint16_t port = 0;
  friend bool operator==(const Destination&, const Destination&) = default;
};

/// Who we are to the proxy.
struct Login {
  WipedBytes user, password;
};

enum class Request : std::uint8_t {
  connect,    ///< a stream to the destination
  associate,  ///< UDP ASSOCIATE: datagrams (SOCKS5 only)
};

class Handshake {
 public:
  enum class State : std::uint8_t { going_on, done, failed };
  /// `login` null: none. HTTP carries no datagrams.
  Handshake(ProxyPlace::Protocol protocol, Request request, const Destination& to, std::shared_ptr<const Login> login);

  /// To be sent now; cleared by sent().
  std::span<const std::byte> outgoing() const { return out_; }
  void sent() { out_.clear(); }
  /// What the proxy has said, as it comes. `used`: so much of it was the handshake's; the rest is the flow's.
  State take(std::string_view bytes, std::size_t& used);

  const std::string& fault() const { return fault_; }  ///< why it failed, for people
  /// It failed for what was asked for, not because the proxy is none or does not know us.
  bool refused() const { return refused_; }
  /// It has let us in, and was asked for what we want.
  bool asked() const { return step_ == Step::reply; }
  /// Where the proxy takes datagrams; an address of zeros: where it is itself.
  const std::optional<std::pair<policy::Address, std::uint16_t>>& bound() const { return bound_; }

 private:
  enum class Step : std::uint8_t { method, login, reply, http, over };
  void ask();
  void add(std::string_view text);
  void add_byte(unsigned value) { out_.push_back(static_cast<std::byte>(value)); }
  State take_socks(std::string_view bytes, std::size_t& used);
  State take_http(std::string_view bytes, std::size_t& used);
  State method_chosen();
  State replied();
  std::size_t wanted() const;
  State fail_with(std::string fault, bool refused = false);

  Request request_;
  Destination to_;
  std::shared_ptr<const Login> login_;
  Step step_ = Step::method;
  WipedBytes out_;
  std::string in_;
  HttpReader http_{0};
  std::string fault_;
  bool refused_ = false;
  std::optional<std::pair<policy::Address, std::uint16_t>> bound_;
};

/// A datagram as it goes to a SOCKS5 proxy (RFC 1928, 7).
std::string wrapped(const Destination& to, std::string_view data);
struct Unwrapped {
  std::optional<policy::Address> from;  ///< nothing: a name
  std::uint16_t port = 0;
  std::string_view data;  ///< in what was given
};
/// Nothing: it is none, or a fragment.
std::optional<Unwrapped> unwrapped(std::string_view datagram);

}  // namespace vpn::agent::proxy
