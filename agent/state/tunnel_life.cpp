#include "agent/state/tunnel_life.h"

#include <algorithm>

namespace vpn::agent {
namespace {

using policy::TunnelStatus;
namespace act = tunnel_action;
namespace ev = tunnel_event;

// One step: works on a copy of the state and collects what has to be done. The status is set in one place only.
class Stepper {
 public:
  explicit Stepper(TunnelLife state) : s_(std::move(state)), before_(s_.status) {}

  void operator()(const ev::Want&) {
    if (s_.wanted) return;
    s_.wanted = true;
    s_.failures = 0;
    attempt();
  }

  void operator()(const ev::Unwant&) {
    if (!s_.wanted && s_.status == TunnelStatus::disconnected) return;
    s_.wanted = false;
    s_.was_up = false;
    stop_retry();
    if (down() && !s_.attempting) return;
    s_.attempting = false;
    add(act::Disconnect{});
    retry();  // a provider that does not answer is asked again
  }

  void operator()(const ev::Reported& e) {
    const bool keep = s_.was_up && e.report.settings.interface.empty() && !e.report.settings.proxy;
    const NetworkSettings before = s_.report.settings;
    const ProviderProcess process = s_.report.process;
    s_.report = e.report;
    if (keep) keep_routes(before);
    s_.present = e.interface_index;
    if (!(before == s_.report.settings) || !(process == s_.report.process)) add(act::SettingsChanged{});
    if (!e.report.reason.empty()) add(act::Tell{e.report.reason});
    switch (e.report.status) {
      case TunnelStatus::connected:
        return connected();
      case TunnelStatus::disconnected:
        return ended(e.report.deliberate);
      case TunnelStatus::invalid:
        s_.configured = false;
        s_.attempting = false;
        return stop_retry();
      case TunnelStatus::connecting:
      case TunnelStatus::reasserting:
        if (before_ == TunnelStatus::disconnecting && !s_.wanted) return;
        s_.configured = true;
        s_.wanted = true;  // or its own client has begun
        s_.attempting = true;
        return stop_retry();
      case TunnelStatus::disconnecting:
        return;
    }
  }

  void operator()(const ev::InterfaceSeen& e) {
    if (e.index == s_.present) return;
    const bool lost = s_.present != 0;
    s_.present = e.index;
    add(act::SettingsChanged{});  // tables hold indexes, and this one is another interface now
    if (e.index != 0) {
      if (s_.wanted && s_.report.status == TunnelStatus::connected) connected();
      return;
    }
    if (lost && s_.wanted) {
      add(act::Tell{"the interface " + s_.report.settings.interface + " is gone"});
      retry();
    }
  }

  void operator()(const ev::UnderlayChanged& e) {
    s_.underlay = e.present;
    s_.failures = 0;
    if (!s_.wanted || !s_.configured) return;
    if (!s_.underlay) return stop_retry();
    attempt();  // MOBIKE where the provider has it; it reports what becomes of the tunnel
  }

  void operator()(const ev::ProviderLost& e) {
    s_.attempting = false;
    s_.report.question.reset();
    if (!down()) s_.report.status = TunnelStatus::disconnected;
    add(act::Tell{e.reason});
    if (s_.wanted) failed();
  }

  void operator()(const ev::RetryDue&) {
    s_.retry_pending = false;
    if (s_.wanted) return attempt();
    if (down()) return;
    add(act::Disconnect{});
    retry();
  }

  TunnelStep finish() {
    s_.status = status();
    if (s_.status != before_) {
      // First of all: what may leave changes with it.
      actions_.insert(actions_.begin(), act::StatusChanged{before_, s_.status});
    }
    return {std::move(s_), std::move(actions_)};
  }

 private:
  bool down() const {
    return s_.report.status == TunnelStatus::disconnected || s_.report.status == TunnelStatus::invalid;
  }

  // What carries: its interface, or a proxy, which has none.
  bool there() const { return s_.present != 0 || s_.report.settings.proxy; }

  // What verdicts see.
  TunnelStatus status() const {
    const bool up = s_.report.status == TunnelStatus::connected && there();
    if (!s_.wanted) {
      if (!s_.configured) return TunnelStatus::invalid;
      return down() ? TunnelStatus::disconnected : TunnelStatus::disconnecting;
    }
    if (up) return TunnelStatus::connected;
    if (s_.report.status == TunnelStatus::disconnecting) return TunnelStatus::disconnecting;  // as its own client says
    return s_.was_up ? TunnelStatus::reasserting : TunnelStatus::connecting;
  }

  void connected() {
    // Up without having been asked for: adopted after a restart, or brought up by its own client.
    if (!s_.wanted && before_ == TunnelStatus::disconnecting) return;
    s_.configured = true;
    s_.wanted = true;
    s_.attempting = false;
    if (!there()) return;
    s_.was_up = true;
    s_.failures = 0;
    stop_retry();
  }

  void ended(bool deliberate) {
    s_.configured = true;
    s_.attempting = false;
    if (deliberate) s_.wanted = s_.was_up = false;
    if (s_.wanted) return failed();
    stop_retry();
    s_.was_up = false;
  }

  // The next connection may bring others; until then nothing that was included may leave by another way (S6.b).
  void keep_routes(const NetworkSettings& before) {
    std::vector<policy::Endpoint> endpoints = std::move(s_.report.settings.endpoints);
    s_.report.settings = before;
    s_.report.settings.proxy.reset();
    if (!endpoints.empty()) s_.report.settings.endpoints = std::move(endpoints);
  }

  void attempt() {
    stop_retry();
    if (!s_.configured || !s_.underlay) return;
    s_.attempting = true;
    add(act::Connect{});
  }

  void failed() {
    ++s_.failures;
    if (s_.underlay) retry();
  }

  void retry() {
    s_.retry_pending = true;
    add(act::StartRetry{retry_delay(s_.failures)});
  }

  void stop_retry() {
    if (!s_.retry_pending) return;
    s_.retry_pending = false;
    add(act::StopRetry{});
  }

  void add(TunnelAction action) { actions_.push_back(std::move(action)); }

  TunnelLife s_;
  TunnelStatus before_;
  std::vector<TunnelAction> actions_;
};

}  // namespace

TunnelStep step(TunnelLife state, const TunnelEvent& event) {
  Stepper stepper(std::move(state));
  std::visit(stepper, event);
  return stepper.finish();
}

std::chrono::milliseconds retry_delay(std::uint32_t failures) {
  return std::chrono::milliseconds(std::min<std::uint32_t>(30'000, 500u << std::min(failures, 6u)));
}

}  // namespace vpn::agent
