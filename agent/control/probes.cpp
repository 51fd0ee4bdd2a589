#include "agent/control/probes.h"

#include <utility>

#include "agent/files/files.h"

namespace vpn::agent {
namespace {

namespace captive_act = captive_action;

}  // namespace

Probes::Probes(Loop& loop, Hooks hooks)
    : loop_(loop), hooks_(std::move(hooks)), prober_(loop, [this] { hooks_.exempt(); }) {}

void Probes::set(bool captive_used, const PortalProbe& probe, std::chrono::seconds window) {
  running_.clear();
  results_.clear();
  portal_probe_ = probe;
  if (captive_.used != captive_used) {
    dispatch(captive_event::NetworkSeen{{}});
    captive_.used = captive_used;
  }
  captive_.window = window;
}

void Probes::network_changed(const std::string& name, Prober::Network network, const std::string& announced) {
  if (name != name_) {
    running_.clear();
    results_.clear();
    of_before_.clear();
    clock_fault_.clear();
    name_ = name;
  }
  prober_.set_network(std::move(network));
  const bool news = announced_ != announced;
  announced_ = announced;
  // DHCP may tell of the portal a little later than the kernel of the address. A window that has had its time stays
  // closed: anybody on the link may announce another one.
  if (news && captive_.network == name && captive_.phase != CaptiveLife::Phase::closed)
    dispatch(captive_event::NetworkSeen{{}});
  dispatch(captive_event::NetworkSeen{name});
  want({of_before_.begin(), of_before_.end()});
}

void Probes::sleep() {
  running_.clear();
  for (const auto& [url, status] : results_) of_before_.insert(url);
  announced_.clear();
  prober_.set_network({});
  dispatch(captive_event::NetworkSeen{{}});
}

void Probes::want(const std::vector<std::string>& urls) {
  for (const std::string& url : urls) {
    if ((results_.contains(url) && !of_before_.contains(url)) || running_.contains(url)) continue;
    running_[url] = prober_.ask({url}, [this, url](const HttpAnswer& answer) { answered(url, answer); });
  }
}

void Probes::answered(const std::string& url, const HttpAnswer& answer) {
  const auto done = running_.extract(url);  // it ends with this call
  results_[url] = answer.status;
  of_before_.erase(url);
  note_clock(url, answer);
  if (answer.status == 0) hooks_.tell("probe " + printable(url) + ": " + printable(answer.fault));
  hooks_.changed();
}

void Probes::note_clock(const std::string& url, const HttpAnswer& answer) {
  if (!answer.clock) return;
  clock_fault_ = "the clock may be wrong: " + answer.fault + " (" + url + ")";
}

void Probes::tunnel_changed(bool up) {
  if (up)
    dispatch(captive_event::TunnelUp{});
  else
    dispatch(captive_event::TunnelLost{});
}

void Probes::portal_hinted() { dispatch(captive_event::Hinted{}); }

// --- The captive portal ----------------------------------------------------------------------------------------------

void Probes::dispatch(const CaptiveEvent& event) {
  CaptiveStep next = step(captive_, event);
  captive_ = std::move(next.state);
  for (const CaptiveAction& action : next.actions) {
    if (std::holds_alternative<captive_act::Look>(action)) {
      look();
    } else if (std::holds_alternative<captive_act::StopLooking>(action)) {
      look_.reset();
      look_later_.reset();
    } else if (const auto* later = std::get_if<captive_act::LookLater>(&action)) {
      look_later_ = loop_.after(later->after, [this] { dispatch(captive_event::LookDue{}); });
    } else if (const auto* start = std::get_if<captive_act::StartWindow>(&action)) {
      window_ = loop_.after(start->time, [this] { dispatch(captive_event::WindowEnded{}); });
    } else if (std::holds_alternative<captive_act::StopWindow>(action)) {
      window_.reset();
    } else if (const auto* tell = std::get_if<captive_act::Tell>(&action)) {
      hooks_.tell(tell->text);
    } else {
      hooks_.changed();
    }
  }
}

// The network's own word first, where it gives one; its silence is no word.
void Probes::look() {
  if (says_unrestricted(announced_) || !is_portal_api(announced_)) return look_by_probe();
  Prober::Question question{announced_, std::string(portal_media_type), largest_portal_answer};
  look_ = prober_.ask(std::move(question), [this](const HttpAnswer& answer) {
    const auto done = std::move(look_);
    note_clock(announced_, answer);
    const PortalAnswer said = read_portal_api(answer);
    if (said == PortalAnswer::unknown) return look_by_probe();
    using What = captive_event::Answered::What;
    dispatch(captive_event::Answered{said == PortalAnswer::free ? What::free : What::captive});
  });
}

void Probes::look_by_probe() {
  Prober::Question question{portal_probe_.url, "*/*", portal_probe_.body.size()};
  look_ = prober_.ask(std::move(question), [this](const HttpAnswer& answer) {
    const auto done = std::move(look_);
    using What = captive_event::Answered::What;
    const PortalAnswer said = read_portal_probe(answer, portal_probe_);
    dispatch(captive_event::Answered{said == PortalAnswer::free      ? What::free
                                     : said == PortalAnswer::captive ? What::captive
                                                                     : What::unknown});
  });
}

}  // namespace vpn::agent
