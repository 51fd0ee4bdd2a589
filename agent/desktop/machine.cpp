#include "agent/desktop/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

#include "agent/desktop/network_manager.h"

namespace vpn::agent::desktop {
namespace {

using ctl::Json;

constexpr const char *logind = "org.freedesktop.login1", *logind_path = "/org/freedesktop/login1",
                     *logind_manager = "org.freedesktop.login1.Manager";
constexpr std::uint64_t patience = 10'000'000;  // microseconds

// A call that starts no service: who is not there has nothing to tell.
template <class... Arguments>
int call_async(sd_bus* bus, sd_bus_slot** slot, const std::array<const char*, 4>& method, sd_bus_message_handler_t done,
               void* data, const char* types, Arguments... arguments) {
  sd_bus_message* raw = nullptr;
  int error = sd_bus_message_new_method_call(bus, &raw, method[0], method[1], method[2], method[3]);
  if (error >= 0) error = sd_bus_message_set_auto_start(raw, 0);
  if (error >= 0 && *types != '\0') error = sd_bus_message_append(raw, types, arguments...);
  if (error >= 0) error = sd_bus_call_async(bus, slot, raw, done, data, patience);
  sd_bus_message_unref(raw);
  return error;
}

// Anybody may send a signal to this process alone, which no rule of ours is asked about.
bool is_from(sd_bus_message* signal, const char* name) {
  const char* sender = sd_bus_message_get_sender(signal);
  sd_bus_creds* owner = nullptr;
  const char* unique = nullptr;
  const bool same =
      sender != nullptr &&
      sd_bus_get_name_creds(sd_bus_message_get_bus(signal), name, SD_BUS_CREDS_UNIQUE_NAME, &owner) >= 0 &&
      sd_bus_creds_get_unique_name(owner, &unique) >= 0 && std::string_view(unique) == sender;
  sd_bus_creds_unref(owner);
  return same;
}

bool is_from_bus(sd_bus_message* signal) {
  const char* sender = sd_bus_message_get_sender(signal);
  return sender != nullptr && std::string_view(sender) == "org.freedesktop.DBus";
}

}  // namespace

int Machine::open() {
  const std::string from_logind = "type='signal',sender='org.freedesktop.login1'";
  const std::string changes =
      "type='signal',sender='org.freedesktop.NetworkManager',interface='org.freedesktop.DBus.Properties',"
      "member='PropertiesChanged',";
  const std::string owners =
      "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='";
  const std::array<std::pair<std::string, sd_bus_message_handler_t>, 7> matches{
      {{from_logind + ",interface='org.freedesktop.login1.Manager',member='PrepareForSleep'", on_sleep},
       {owners + logind + "'", on_owner},
       {owners + network_manager + "'", on_owner},
       {changes + "path='/org/freedesktop/NetworkManager'", on_changed},
       {changes + "path_namespace='/org/freedesktop/NetworkManager/Devices'", on_changed},
       {changes + "path_namespace='/org/freedesktop/NetworkManager/IP4Config'", on_changed},
       {changes + "path_namespace='/org/freedesktop/NetworkManager/IP6Config'", on_changed}}};
  for (const auto& [rule, handler] : matches)
    if (const int error = sd_bus_add_match(bus_, nullptr, rule.c_str(), handler, this); error < 0) return error;
  inhibit();
  ask_whether_asleep();
  ask_networks();
  return 0;
}

// --- The agent -------------------------------------------------------------------------------------------------------

void Machine::tell() {
  Json facts = networks_;
  facts["asleep"] = asleep_;
  if (!agent_ || facts == told_) return allow_sleep_when_told();
  if (agent_->send({{"command", "machine"}, {"facts", facts}})) {
    ++unanswered_;
    told_ = std::move(facts);
  } else {
    agent_.reset();
    told_ = nullptr;
    allow_sleep_when_told();
  }
}

void Machine::reconnect() {
  Json facts = networks_;
  facts["asleep"] = asleep_;
  auto opened = ctl::Conversation::open(control_, {{"command", "machine"}, {"facts", facts}});
  if (!opened) return;
  agent_ = std::move(*opened);
  unanswered_ = 1;
  told_ = std::move(facts);
}

void Machine::agent_says() {
  const auto answers = agent_->take();
  if (answers) {
    unanswered_ -= std::min(unanswered_, answers->size());
  } else {
    agent_.reset();
    told_ = nullptr;
  }
  allow_sleep_when_told();
}

// An agent that is not there has nothing open that its kernel would not close by itself.
void Machine::allow_sleep_when_told() {
  if (asleep_ && (!agent_ || unanswered_ == 0)) inhibitor_ = Descriptor();
}

// --- logind ----------------------------------------------------------------------------------------------------------

void Machine::inhibit() {
  sd_bus_slot* slot = nullptr;
  if (call_async(bus_, &slot, {logind, logind_path, logind_manager, "Inhibit"}, on_inhibited, this, "ssss", "sleep",
                 "vpnprofile", "what this network alone opens is closed first", "delay") >= 0)
    inhibiting_.reset(slot);
}

int Machine::on_inhibited(sd_bus_message* answer, void* self, sd_bus_error*) {
  auto& machine = *static_cast<Machine*>(self);
  int descriptor = -1;
  if (sd_bus_message_is_method_error(answer, nullptr) == 0 && sd_bus_message_read(answer, "h", &descriptor) >= 0)
    machine.inhibitor_ = Descriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  machine.inhibiting_.reset();
  machine.allow_sleep_when_told();
  return 1;
}

// Its signal may have been sent before anybody here listened.
void Machine::ask_whether_asleep() {
  sd_bus_slot* slot = nullptr;
  if (call_async(bus_, &slot, {logind, logind_path, "org.freedesktop.DBus.Properties", "Get"}, on_preparing, this, "ss",
                 logind_manager, "PreparingForSleep") >= 0)
    preparing_.reset(slot);
}

int Machine::on_preparing(sd_bus_message* answer, void* self, sd_bus_error*) {
  auto& machine = *static_cast<Machine*>(self);
  machine.preparing_.reset();
  int asleep = 0;
  if (sd_bus_message_is_method_error(answer, nullptr) != 0 || sd_bus_message_read(answer, "v", "b", &asleep) < 0 ||
      asleep == 0)
    return 1;
  machine.asleep_ = true;
  machine.tell();
  return 1;
}

int Machine::on_sleep(sd_bus_message* signal, void* self, sd_bus_error*) {
  auto& machine = *static_cast<Machine*>(self);
  int asleep = 0;
  if (!is_from(signal, logind) || sd_bus_message_read(signal, "b", &asleep) < 0) return 0;
  machine.preparing_.reset();  // its answer may be older
  machine.asleep_ = asleep != 0;
  machine.tell();
  if (!machine.asleep_) machine.inhibit();
  return 0;
}

// --- NetworkManager --------------------------------------------------------------------------------------------------

int Machine::on_owner(sd_bus_message* signal, void* self, sd_bus_error*) {
  auto& machine = *static_cast<Machine*>(self);
  const char *name = nullptr, *before = nullptr, *now = nullptr;
  if (!is_from_bus(signal) || sd_bus_message_read(signal, "sss", &name, &before, &now) < 0) return 0;
  const bool there = *now != '\0';
  if (std::string_view(name) == logind) {
    machine.inhibiting_.reset();
    machine.preparing_.reset();
    machine.inhibitor_ = Descriptor();
    machine.asleep_ = false;
    machine.tell();
    if (there) {
      machine.inhibit();
      machine.ask_whether_asleep();
    }
  } else {
    machine.forget_networks();  // another one may know others
    if (there) machine.ask_networks();
  }
  return 0;
}

int Machine::on_changed(sd_bus_message*, void* self, sd_bus_error*) {
  static_cast<Machine*>(self)->ask_networks();
  return 0;
}

// One question at a time: however often they change, there is one answer to read after the other.
void Machine::ask_networks() {
  networks_changed_ = asking_ != nullptr;
  if (networks_changed_) return;
  sd_bus_slot* slot = nullptr;
  if (call_async(bus_, &slot,
                 {network_manager, "/org/freedesktop", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"},
                 on_networks, this, "") >= 0)
    asking_.reset(slot);
}

int Machine::on_networks(sd_bus_message* answer, void* self, sd_bus_error*) {
  auto& machine = *static_cast<Machine*>(self);
  machine.asking_.reset();
  Json networks = Json::object();
  if (sd_bus_message_is_method_error(answer, nullptr) > 0 || read_network_manager(answer, networks) < 0)
    networks = Json::object();
  machine.networks_ = std::move(networks);
  machine.tell();
  if (machine.networks_changed_) machine.ask_networks();
  return 1;
}

void Machine::forget_networks() {
  asking_.reset();
  networks_changed_ = false;
  networks_ = Json::object();
  tell();
}

}  // namespace vpn::agent::desktop
