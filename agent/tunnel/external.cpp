#include "agent/tunnel/external.h"

#include <utility>

namespace vpn::agent {
namespace {

using policy::TunnelStatus;

void add(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

// --- An interface that is watched ------------------------------------------------------------------------------------

InterfaceProvider::InterfaceProvider(ExternalOptions options, Listener listener)
    : options_(std::move(options)), listener_(std::move(listener)) {
  if (options_.settings.included_routes.empty())
    options_.settings.included_routes = {policy::Prefix{}, {policy::Address::from_v6(0, 0), 0}};
}

Result<void> InterfaceProvider::configure(const TunnelConfiguration&) {
  report();
  return {};
}

void InterfaceProvider::connect(const ConnectRequest&) {
  wish_ = Wish::up;
  report();
}

void InterfaceProvider::disconnect() {
  wish_ = Wish::refused;
  report();
}

void InterfaceProvider::network_changed(const NetworkView& view) {
  const Link* link = view.link(options_.settings.interface);
  const bool up = link != nullptr && link->up;
  std::vector<std::pair<policy::Address, std::uint8_t>> addresses;
  if (up) {
    for (const LinkAddress& a : view.addresses)
      if (a.link == link->index) addresses.emplace_back(a.address, a.length);
  }
  if (up == std::exchange(up_, up) && addresses == addresses_) return;
  addresses_ = std::move(addresses);
  report();
}

void InterfaceProvider::report() {
  ProviderReport out;
  out.settings = options_.settings;
  out.settings.addresses.insert(out.settings.addresses.end(), addresses_.begin(), addresses_.end());
  out.process = options_.process;
  if (wish_ == Wish::refused) {
    out.deliberate = true;
  } else if (up_) {
    out.status = TunnelStatus::connected;
  } else if (wish_ == Wish::up) {
    out.status = TunnelStatus::connecting;
  }
  listener_(out);
}

// --- A client that speaks --------------------------------------------------------------------------------------------

ClientProvider::ClientProvider(ExternalOptions options, Listener listener)
    : options_(std::move(options)), listener_(std::move(listener)) {}

Result<void> ClientProvider::configure(const TunnelConfiguration&) {
  tell("waits for its client");
  return {};
}

void ClientProvider::connect(const ConnectRequest& request) {
  pending_ = request;
  if (channel_ != nullptr) channel_->send(client_connect(request));
}

void ClientProvider::disconnect() {
  pending_.reset();
  if (channel_ == nullptr) return tell({});
  channel_->send(client_disconnect());
}

void ClientProvider::attach(ClientChannel& channel, const Peer& peer) {
  ClientChannel* const before = std::exchange(channel_, &channel);
  if (before != nullptr && before != &channel) {
    before->send(client_error({ErrorKind::usage, "another client speaks for this tunnel now", {}, {}}));
    before->close();
  }
  peer_ = peer;
  if (pending_) channel.send(client_connect(*pending_));
}

void ClientProvider::detach(const ClientChannel& channel) {
  if (channel_ != &channel) return;
  channel_ = nullptr;
  last_ = {};
  tell("its client is gone");
}

void ClientProvider::received(const ClientChannel& channel, ClientReport message) {
  if (channel_ != &channel) return;
  last_ = std::move(message.report);
  if (last_.status == TunnelStatus::connected) pending_.reset();
  if (last_.settings.proxy) last_.settings.proxy->owner = peer_.uid;
  // Endpoints of the configuration hold beside those that the client names; so do processes.
  for (const policy::Endpoint& e : options_.settings.endpoints) last_.settings.endpoints.push_back(e);
  for (const ProviderProcess* more : {&options_.process, &peer_.process}) {
    add(last_.process.executables, more->executables);
    add(last_.process.cgroups, more->cgroups);
    if (!last_.process.mark) last_.process.mark = more->mark;
  }
  listener_(last_);
}

void ClientProvider::tell(std::string reason) {
  ProviderReport out;
  out.reason = std::move(reason);
  out.process = options_.process;
  out.settings.endpoints = options_.settings.endpoints;
  listener_(out);
}

}  // namespace vpn::agent
