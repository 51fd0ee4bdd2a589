// Tunnels that some client outside of the agent brings up: an interface that is watched, or a client that speaks the
// protocol of external_protocol.h on a Unix socket.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/network/facts.h"
#include "agent/tunnel/external_protocol.h"
#include "agent/tunnel/provider.h"

namespace vpn::agent {

/// What the configuration says of an external tunnel (`tunnels.ID.external`).
struct ExternalOptions {
  NetworkSettings settings;      ///< with an interface: it is watched. Without included routes: everything
  ProviderProcess process;       ///< beside the client's own service, where it speaks the protocol
  std::uint32_t client_uid = 0;  ///< who may speak for this tunnel, besides root
};

/// Watches an interface: there and up is `connected`, gone or down is not. The client that owns it cannot be told to
/// connect: it is waited for.
class InterfaceProvider final : public Provider {
 public:
  InterfaceProvider(ExternalOptions options, Listener listener);
  Result<void> configure(const TunnelConfiguration& configuration) override;
  void connect(const ConnectRequest& request) override;
  void disconnect() override;
  std::string_view kind() const override { return "external"; }
  /// To be called with every change of the network.
  void network_changed(const NetworkView& view);

 private:
  void report();
  ExternalOptions options_;
  Listener listener_;
  std::vector<std::pair<policy::Address, std::uint8_t>> addresses_;
  bool up_ = false;
  enum class Wish : std::uint8_t {
    none,     ///< whatever its client does is right
    up,       ///< connect(): when it is not there, its client is at work on it, as far as we can know
    refused,  ///< disconnect(): it may stay up, but is not ours to use
  } wish_ = Wish::none;
};

/// Who is at the other end of a socket.
struct Peer {
  std::uint32_t uid = 0;
  std::uint32_t pid = 0;
  /// Its service's cgroup. Not its executable: who speaks this protocol is mostly a script, and to exempt its
  /// interpreter would exempt every script. The client names what sends, or the configuration does.
  ProviderProcess process;
};

/// A connection of a client. Sending never blocks: a client that does not read is cut off.
class ClientChannel {
 public:
  virtual ~ClientChannel() = default;
  virtual bool send(std::string_view message) = 0;  ///< false: it is gone
  virtual void close() = 0;
};

/// A tunnel whose client speaks the protocol. One client at a time: the newest one counts.
class ClientProvider final : public Provider {
 public:
  ClientProvider(ExternalOptions options, Listener listener);
  Result<void> configure(const TunnelConfiguration& configuration) override;
  void connect(const ConnectRequest& request) override;
  void disconnect() override;
  std::string_view kind() const override { return "external"; }

  bool may_speak(const Peer& peer) const { return peer.uid == 0 || peer.uid == options_.client_uid; }
  void attach(ClientChannel& channel, const Peer& peer);
  void detach(const ClientChannel& channel);  ///< the connection ended; nothing when it is not the one that counts
  void received(const ClientChannel& channel, ClientReport report);

 private:
  void tell(std::string reason);
  ExternalOptions options_;
  Listener listener_;
  ClientChannel* channel_ = nullptr;
  Peer peer_;
  ProviderReport last_;
  std::optional<ConnectRequest> pending_;  ///< asked for while no client was there
};

/// The socket on which clients speak (SOCK_SEQPACKET). Owns the listening socket and the connections.
class ExternalServer {
 public:
  /// Provider of a tunnel by its identifier in upper case; null: no such external tunnel.
  using Find = std::function<ClientProvider*(const std::string& tunnel)>;
  /// Errors: `environment` where the socket cannot be made.
  static Result<std::unique_ptr<ExternalServer>> open(Loop& loop, const std::string& path, Find find);
  virtual ~ExternalServer() = default;
  ExternalServer(const ExternalServer&) = delete;
  ExternalServer& operator=(const ExternalServer&) = delete;
  /// Cuts off who speaks for tunnels that are about to go (another policy comes).
  virtual void close_all() = 0;

 protected:
  ExternalServer() = default;
};

}  // namespace vpn::agent
