#include "agent/proxy/relay_thread.h"

#include <pthread.h>

#include <set>
#include <system_error>
#include <tuple>
#include <utility>

namespace vpn::agent::proxy {
namespace {

using CarriedKey = std::tuple<Number, Number, policy::Address, std::uint16_t, std::uint32_t, bool>;

CarriedKey key_of(const Handed& h) { return {h.owner.app, h.owner.spawner, h.remote, h.port, h.tunnel, h.asking}; }

}  // namespace

Result<std::unique_ptr<RelayThread>> RelayThread::open(Loop& agent, const policy::Address& address,
                                                       std::span<const std::uint16_t> ports, Hooks hooks) {
  std::unique_ptr<RelayThread> out(new RelayThread(std::move(hooks)));
  auto to_agent = Mailbox::open(agent), to_relay = Mailbox::open(out->loop_);
  if (!to_agent) return tl::unexpected(to_agent.error());
  if (!to_relay) return tl::unexpected(to_relay.error());
  out->to_agent_ = std::move(*to_agent);
  out->to_relay_ = std::move(*to_relay);
  auto relay = Relay::open(out->loop_, address, ports, out->relay_hooks());
  if (!relay) return tl::unexpected(relay.error());
  out->relay_ = std::move(*relay);
  try {
    out->thread_ = std::thread([self = out.get()] { self->loop_.run(); });
  } catch (const std::system_error&) {
    return fail(ErrorKind::environment, "the relay of app proxies gets no thread");
  }
  ::pthread_setname_np(out->thread_.native_handle(), "relay");
  return out;
}

RelayThread::~RelayThread() {
  alive_.reset();
  loop_.stop();
  if (thread_.joinable()) thread_.join();
  relay_.reset();  // its sockets, and who waits for them, before the loop
  to_relay_.reset();
}

// On the relay's thread; what it asks is asked on the agent's, which may have ended this meanwhile.
Relay::Hooks RelayThread::relay_hooks() {
  Relay::Hooks out;
  out.handed = hooks_.handed;
  out.datagrams_read = hooks_.datagrams_read;
  out.prepare = hooks_.prepare;
  const std::weak_ptr<bool> alive = alive_;
  out.resolve = [this, alive](const Handed& handed, std::function<void(std::optional<Route>)> answer) {
    to_agent_->post([this, alive, handed, answer = std::move(answer)] {
      if (alive.expired()) return;
      to_relay_->post([answer, route = hooks_.resolve(handed)] { answer(route); });
    });
  };
  out.allow = [this, alive](Number provider, const policy::Address& address, std::uint16_t port,
                            std::function<void()> allowed) {
    to_agent_->post([this, alive, provider, address, port, allowed = std::move(allowed)] {
      if (alive.expired()) return;
      hooks_.allow(provider, address, port);
      to_relay_->post(allowed);
    });
  };
  out.forbid = [this, alive](Number provider, const policy::Address& address, std::uint16_t port) {
    to_agent_->post([this, alive, provider, address, port] {
      if (!alive.expired()) hooks_.forbid(provider, address, port);
    });
  };
  out.unreachable = [this, alive](std::uint32_t tunnel, const std::string& why) {
    to_agent_->post([this, alive, tunnel, why] {
      if (!alive.expired()) hooks_.unreachable(tunnel, why);
    });
  };
  return out;
}

void RelayThread::cut_tunnel(std::uint32_t tunnel) {
  to_relay_->post([this, tunnel] { relay_->cut([tunnel](const Handed& h) { return h.tunnel != tunnel; }); });
}

void RelayThread::cut_all() {
  to_relay_->post([this] { relay_->cut([](const Handed&) { return false; }); });
}

void RelayThread::review(std::function<bool(const Handed& handed)> stays) {
  to_relay_->post([this, alive = std::weak_ptr<bool>(alive_), stays = std::move(stays)] {
    std::vector<Handed> all;
    relay_->cut([&](const Handed& h) {
      all.push_back(h);
      return true;
    });
    if (all.empty()) return;
    to_agent_->post([this, alive, stays, all = std::move(all)] {
      if (alive.expired()) return;
      std::set<CarriedKey> kept;
      for (const Handed& h : all)
        if (stays(h)) kept.insert(key_of(h));
      to_relay_->post([this, kept = std::move(kept), all = all] {
        std::set<CarriedKey> judged;
        for (const Handed& h : all) judged.insert(key_of(h));
        relay_->cut([&](const Handed& h) { return kept.contains(key_of(h)) || !judged.contains(key_of(h)); });
      });
    });
  });
}

}  // namespace vpn::agent::proxy
