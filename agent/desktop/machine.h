// Tells the agent what the machine's other services say on D-Bus: logind that it goes to sleep and wakes up,
// NetworkManager what it knows of networks. What a service has said is taken back when its name has no owner any more,
// and everything when this process is gone.
#pragma once

#include <systemd/sd-bus.h>

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/control/ctl/connection.h"
#include "agent/files/descriptor.h"

namespace vpn::agent::desktop {

class Machine {
 public:
  /// `control`: the agent's socket. The bus outlives this.
  Machine(sd_bus* bus, std::string control) : bus_(bus), control_(std::move(control)) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Listens, and asks for what is known now. Below 0: the bus refuses.
  int open();
  int descriptor() const { return agent_ ? agent_->descriptor() : -1; }
  bool is_open() const { return agent_.has_value(); }
  void reconnect();   ///< to the agent
  void agent_says();  ///< when descriptor() is readable

 private:
  struct SlotCloser {
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
  };
  using Slot = std::unique_ptr<sd_bus_slot, SlotCloser>;

  static int on_sleep(sd_bus_message* signal, void* self, sd_bus_error* error);
  static int on_preparing(sd_bus_message* answer, void* self, sd_bus_error* error);
  static int on_inhibited(sd_bus_message* answer, void* self, sd_bus_error* error);
  static int on_owner(sd_bus_message* signal, void* self, sd_bus_error* error);
  static int on_changed(sd_bus_message* signal, void* self, sd_bus_error* error);
  static int on_networks(sd_bus_message* answer, void* self, sd_bus_error* error);
  void inhibit();
  void ask_whether_asleep();
  void ask_networks();
  void forget_networks();
  void tell();
  void allow_sleep_when_told();

  sd_bus* bus_;
  std::string control_;
  std::optional<ctl::Conversation> agent_;
  std::size_t unanswered_ = 0;
  bool asleep_ = false;
  bool networks_changed_ = false;  // while they are asked for
  nlohmann::json networks_ = nlohmann::json::object(), told_;
  Descriptor inhibitor_;
  Slot inhibiting_, preparing_, asking_;
};

}  // namespace vpn::agent::desktop
