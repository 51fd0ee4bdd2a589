#include "agent/desktop/bus.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <vector>

#include "agent/control/ctl/blocked.h"
#include "agent/control/ctl/connection.h"
#include "agent/desktop/machine.h"
#include "agent/files/descriptor.h"
#include "agent/tunnel/interview.h"
#include "agent/tunnel/wiped.h"

namespace vpn::agent::desktop {
namespace {

using ctl::Conversation;
using ctl::Json;
using ctl::text_of;
using Clock = std::chrono::steady_clock;

constexpr const char *bus_name = "org.vpnprofile.Agent1", *object_path = "/org/vpnprofile/Agent1",
                     *interface_name = "org.vpnprofile.Agent1";
constexpr const char *action_connect = "org.vpnprofile.agent.connect",
                     *action_disconnect = "org.vpnprofile.agent.disconnect",
                     *action_answer = "org.vpnprofile.agent.answer";
constexpr std::chrono::seconds again_after{2};
constexpr std::uint64_t patience_with_people = 300'000'000;  // microseconds: somebody types a password
constexpr std::size_t most_waiting = 32;                     // calls that wait for Polkit

struct BusCloser {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
struct MessageCloser {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, BusCloser>;
using Message = std::unique_ptr<sd_bus_message, MessageCloser>;

tl::unexpected<Error> bus_fault(const std::string& what, int error) {
  return fail(ErrorKind::environment, what + ": " + std::strerror(error < 0 ? -error : error), bus_name);
}

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// What a desktop tool has to know anew: not the counters.
Json shown(const Json& watched) {
  Json out = watched.is_object() ? watched : Json::object();
  for (const char* key : {"time", "traffic", "drops"}) out.erase(key);
  return out;
}

/// A subscription at the agent, made again when the agent is.
class Subscription {
 public:
  Subscription(std::string socket, Json request) : socket_(std::move(socket)), request_(std::move(request)) {}

  int descriptor() const { return conversation_ ? conversation_->descriptor() : -1; }
  bool is_open() const { return conversation_.has_value(); }
  void open() {
    auto opened = Conversation::open(socket_, request_);
    if (opened) conversation_ = std::move(*opened);
  }
  std::vector<Json> take() {
    auto results = conversation_->take();
    if (results) return std::move(*results);
    conversation_.reset();
    return {};
  }

 private:
  std::string socket_;
  Json request_;
  std::optional<Conversation> conversation_;
};

// What can be read without waiting, to its end. False: too much, nothing, or its end is not there yet. Pipes only: a
// file may keep whoever reads it waiting, whatever its flags say, and anybody may call.
bool read_all(int descriptor, WipedBytes& out) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISFIFO(info.st_mode)) return false;
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return false;
  out.resize(longest_answer + 1);
  std::size_t size = 0;
  for (;;) {
    const ssize_t n = ::read(descriptor, out.data() + size, out.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    size += static_cast<std::size_t>(n);
    if (n != 0 && size < out.size()) continue;
    out.resize(size);
    return size > 0 && size <= longest_answer;
  }
}

class SystemBridge final : public Bridge {
 public:
  explicit SystemBridge(const Options& options)
      : options_(options),
        watch_(options.control, {{"command", "watch"}}),
        drops_(options.control, {{"command", "drops"}, {"follow", true}}),
        blocked_(options.blocked_every) {}

  Result<void> open();
  Result<void> run() override;

 private:
  // A call that waits for Polkit.
  struct Waiting {
    SystemBridge* bridge = nullptr;
    Message call;
    std::string command, tunnel;
    std::uint64_t question = 0;  // answer
    WipedBytes secret;
  };

  static Waiting waiting_for(sd_bus_message* call, const char* command, const char* tunnel) {
    Waiting out;
    out.call.reset(sd_bus_message_ref(call));
    out.command = command;
    out.tunnel = tunnel;
    return out;
  }

  static int on_status(sd_bus_message* call, void* self, sd_bus_error* error);
  static int on_list(sd_bus_message* call, void* self, sd_bus_error* error);
  static int on_connect(sd_bus_message* call, void* self, sd_bus_error* error);
  static int on_disconnect(sd_bus_message* call, void* self, sd_bus_error* error);
  static int on_answer(sd_bus_message* call, void* self, sd_bus_error* error);
  static int on_judged(sd_bus_message* answer, void* waiting, sd_bus_error* error);
  static const sd_bus_vtable* methods();

  int ask_polkit(Waiting waiting, const char* action, sd_bus_error* error);
  void finish(Waiting& waiting, sd_bus_message* answer);
  void reply_fault(sd_bus_message* call, const Error& fault);
  void agent_says();
  void agent_drops();
  bool all_open() const { return watch_.is_open() && drops_.is_open() && machine_->is_open(); }
  void reconnect();
  int wait();

  Options options_;
  Bus bus_;
  std::optional<Machine> machine_;  // ends before its bus
  Descriptor signals_;
  Subscription watch_, drops_;
  bool drops_first_ = true;  // the first answer is of what was before
  ctl::OnceInAWhile blocked_;
  Json last_;
  std::list<Waiting> waiting_;
  Clock::time_point tried_{};
};

const char* error_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::invalid_input:
      return "org.vpnprofile.Error.Refused";
    default:
      return "org.vpnprofile.Error.Unavailable";
  }
}

const sd_bus_vtable* SystemBridge::methods() {
  static const sd_bus_vtable table[] = {
      SD_BUS_VTABLE_START(0),
      SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status), on_status,
                              SD_BUS_VTABLE_UNPRIVILEGED),
      SD_BUS_METHOD_WITH_ARGS("ListTunnels", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", tunnels), on_list,
                              SD_BUS_VTABLE_UNPRIVILEGED),
      SD_BUS_METHOD_WITH_ARGS("Connect", SD_BUS_ARGS("s", tunnel), SD_BUS_NO_RESULT, on_connect,
                              SD_BUS_VTABLE_UNPRIVILEGED),
      SD_BUS_METHOD_WITH_ARGS("Disconnect", SD_BUS_ARGS("s", tunnel), SD_BUS_NO_RESULT, on_disconnect,
                              SD_BUS_VTABLE_UNPRIVILEGED),
      SD_BUS_METHOD_WITH_ARGS("Answer", SD_BUS_ARGS("s", tunnel, "t", question, "h", answer), SD_BUS_NO_RESULT,
                              on_answer, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
      SD_BUS_SIGNAL_WITH_ARGS("StatusChanged", SD_BUS_ARGS("s", status), 0),
      SD_BUS_SIGNAL_WITH_ARGS("Blocked", SD_BUS_ARGS("s", tunnel, "s", rule), 0),
      SD_BUS_VTABLE_END,
  };
  return static_cast<const sd_bus_vtable*>(table);
}

Result<void> SystemBridge::open() {
  sd_bus* raw = nullptr;
  int error = 0;
  if (options_.bus.empty()) {
    error = sd_bus_open_system(&raw);
  } else if ((error = sd_bus_new(&raw)) >= 0) {
    bus_.reset(raw);
    if ((error = sd_bus_set_address(raw, options_.bus.c_str())) >= 0 && (error = sd_bus_set_bus_client(raw, 1)) >= 0)
      error = sd_bus_start(raw);
  }
  if (bus_ == nullptr) bus_.reset(raw);
  if (error < 0) return bus_fault("there is no message bus", error);
  if ((error = sd_bus_add_object_vtable(raw, nullptr, object_path, interface_name, methods(), this)) < 0)
    return bus_fault("the object cannot be offered", error);
  if ((error = sd_bus_request_name(raw, bus_name, 0)) < 0) return bus_fault("the name cannot be had", error);
  machine_.emplace(raw, options_.control);
  if ((error = machine_->open()) < 0) return bus_fault("what the machine does cannot be heard", error);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return bus_fault("no signals can be had", errno);
  return {};
}

void SystemBridge::reply_fault(sd_bus_message* call, const Error& fault) {
  const std::string text = fault.help.empty() ? fault.what : fault.what + "; " + fault.help;
  sd_bus_reply_method_errorf(call, error_name(fault.kind), "%s", text.c_str());
}

int SystemBridge::on_status(sd_bus_message* call, void* self, sd_bus_error*) {
  auto& bridge = *static_cast<SystemBridge*>(self);
  const auto status = ctl::ask(bridge.options_.control, {{"command", "status"}});
  if (!status) {
    bridge.reply_fault(call, status.error());
    return 1;
  }
  return sd_bus_reply_method_return(call, "s", dump(*status).c_str());
}

int SystemBridge::on_list(sd_bus_message* call, void* self, sd_bus_error*) {
  auto& bridge = *static_cast<SystemBridge*>(self);
  const auto status = ctl::ask(bridge.options_.control, {{"command", "status"}});
  if (!status) {
    bridge.reply_fault(call, status.error());
    return 1;
  }
  sd_bus_message* raw = nullptr;
  int error = sd_bus_message_new_method_return(call, &raw);
  const Message answer(raw);
  if (error >= 0) error = sd_bus_message_open_container(raw, 'a', "(ssss)");
  for (const Json& t : status->value("tunnels", Json::array())) {
    if (error < 0) break;
    error = sd_bus_message_append(raw, "(ssss)", text_of(t, "id").c_str(), text_of(t, "name").c_str(),
                                  text_of(t, "kind").c_str(), text_of(t, "status").c_str());
  }
  if (error >= 0) error = sd_bus_message_close_container(raw);
  if (error < 0) return error;
  return sd_bus_send(bridge.bus_.get(), raw, nullptr);
}

int SystemBridge::on_connect(sd_bus_message* call, void* self, sd_bus_error* error) {
  const char* tunnel = nullptr;
  if (const int read = sd_bus_message_read(call, "s", &tunnel); read < 0) return read;
  return static_cast<SystemBridge*>(self)->ask_polkit(waiting_for(call, "connect", tunnel), action_connect, error);
}

int SystemBridge::on_disconnect(sd_bus_message* call, void* self, sd_bus_error* error) {
  const char* tunnel = nullptr;
  if (const int read = sd_bus_message_read(call, "s", &tunnel); read < 0) return read;
  return static_cast<SystemBridge*>(self)->ask_polkit(waiting_for(call, "disconnect", tunnel), action_disconnect,
                                                      error);
}

// The answer comes through a descriptor, so that it is in no memory of the bus. It must be there already: nobody is
// waited for.
int SystemBridge::on_answer(sd_bus_message* call, void* self, sd_bus_error* error) {
  const char* tunnel = nullptr;
  std::uint64_t question = 0;
  int descriptor = -1;
  if (const int read = sd_bus_message_read(call, "sth", &tunnel, &question, &descriptor); read < 0) return read;
  Waiting waiting = waiting_for(call, "answer", tunnel);
  waiting.question = question;
  if (!read_all(descriptor, waiting.secret))
    return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "the answer must be in the pipe, and %zu bytes at most",
                             longest_answer);
  return static_cast<SystemBridge*>(self)->ask_polkit(std::move(waiting), action_answer, error);
}

// Polkit judges the sender by its name on this bus, which nobody else can have. What cannot be asked is refused.
int SystemBridge::ask_polkit(Waiting asked, const char* action, sd_bus_error* error) {
  const char* sender = sd_bus_message_get_sender(asked.call.get());
  if (sender == nullptr) return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "who asks?");
  if (waiting_.size() >= most_waiting)
    return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many calls wait for Polkit");
  sd_bus_message* raw = nullptr;
  int done = sd_bus_message_new_method_call(bus_.get(), &raw, "org.freedesktop.PolicyKit1",
                                            "/org/freedesktop/PolicyKit1/Authority",
                                            "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
  const Message message(raw);
  const std::uint32_t may_ask = sd_bus_message_get_allow_interactive_authorization(asked.call.get()) > 0 ? 1 : 0;
  if (done >= 0)
    done = sd_bus_message_append(raw, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", sender, action, 0, may_ask,
                                 "");
  if (done < 0) return done;
  asked.bridge = this;
  waiting_.push_back(std::move(asked));
  done = sd_bus_call_async(bus_.get(), nullptr, raw, on_judged, &waiting_.back(), patience_with_people);
  if (done < 0) waiting_.pop_back();
  return done < 0 ? done : 1;
}

int SystemBridge::on_judged(sd_bus_message* answer, void* waiting, sd_bus_error*) {
  auto& w = *static_cast<Waiting*>(waiting);
  SystemBridge& bridge = *w.bridge;
  bridge.finish(w, answer);
  bridge.waiting_.remove_if([&](const Waiting& other) { return &other == &w; });
  return 1;
}

void SystemBridge::finish(Waiting& w, sd_bus_message* answer) {
  int authorized = 0, challenge = 0;
  if (sd_bus_message_is_method_error(answer, nullptr) > 0 ||
      sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
      sd_bus_message_read(answer, "bb", &authorized, &challenge) < 0 || authorized == 0) {
    sd_bus_reply_method_errorf(w.call.get(), SD_BUS_ERROR_ACCESS_DENIED, "%s",
                               challenge != 0 ? "this takes a password, and the call does not allow to ask for it"
                                              : "Polkit does not let you");
    return;
  }
  Json request = {{"command", w.command}, {"tunnel", w.tunnel}};
  if (w.command == "answer") {
    request["question"] = w.question;
    request["bytes"] = w.secret.size();
  }
  const auto done = ctl::ask(options_.control, request, agent::text_of(w.secret));
  if (!done)
    reply_fault(w.call.get(), done.error());
  else
    sd_bus_reply_method_return(w.call.get(), nullptr);
}

void SystemBridge::agent_says() {
  std::vector<Json> results = watch_.take();
  if (!watch_.is_open())
    results.push_back({{"guard", "unknown"}});  // what is in the kernel stays; who knows what it is
  for (const Json& result : results) {
    Json status = shown(result);
    if (status == last_) continue;
    last_ = std::move(status);
    sd_bus_emit_signal(bus_.get(), object_path, interface_name, "StatusChanged", "s", dump(last_).c_str());
  }
}

void SystemBridge::agent_drops() {
  for (const Json& drop : drops_.take()) {
    if (std::exchange(drops_first_, false)) continue;
    const std::string tunnel = text_of(drop, "tunnel");
    // Not which app, nor where to: everybody on the bus can hear it.
    if (ctl::is_blocked_for_lack_of_a_tunnel(drop) && blocked_.is_due(tunnel, Clock::now()))
      sd_bus_emit_signal(bus_.get(), object_path, interface_name, "Blocked", "ss", tunnel.c_str(),
                         text_of(drop, "rule").c_str());
  }
}

void SystemBridge::reconnect() {
  if (all_open() || Clock::now() - tried_ < again_after) return;
  tried_ = Clock::now();
  if (!machine_->is_open()) machine_->reconnect();
  if (!watch_.is_open()) watch_.open();
  if (!drops_.is_open()) {
    drops_.open();
    drops_first_ = true;
  }
}

// 0: go on; 1: asked to end; below zero: the bus is gone.
int SystemBridge::wait() {
  const int events = sd_bus_get_events(bus_.get());
  std::uint64_t due = 0;
  if (events < 0 || sd_bus_get_timeout(bus_.get(), &due) < 0) return -ECONNRESET;
  int milliseconds = 2000;
  if (due != UINT64_MAX) {
    const auto now = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count());
    milliseconds = due > now ? static_cast<int>(std::min<std::uint64_t>((due - now) / 1000 + 1, 2000)) : 0;
  } else if (all_open()) {
    milliseconds = -1;
  }
  std::array<pollfd, 5> all{{{sd_bus_get_fd(bus_.get()), static_cast<short>(events), 0},
                             {signals_.get(), POLLIN, 0},
                             {watch_.descriptor(), POLLIN, 0},
                             {drops_.descriptor(), POLLIN, 0},
                             {machine_->descriptor(), POLLIN, 0}}};
  if (::poll(all.data(), all.size(), milliseconds) < 0 && errno != EINTR) return -errno;
  if (all[1].revents != 0) return 1;
  if (all[2].revents != 0) agent_says();
  if (all[3].revents != 0) agent_drops();
  if (all[4].revents != 0) machine_->agent_says();
  return 0;
}

Result<void> SystemBridge::run() {
  for (;;) {
    int done = 0;
    while ((done = sd_bus_process(bus_.get(), nullptr)) > 0) {
    }
    if (done >= 0) {
      reconnect();
      done = wait();
    }
    if (done > 0) return {};
    if (done < 0) return bus_fault("the message bus is gone", done);
  }
}

}  // namespace

Result<std::unique_ptr<Bridge>> Bridge::open(const Options& options) {
  auto bridge = std::make_unique<SystemBridge>(options);
  if (auto opened = bridge->open(); !opened) return tl::unexpected(opened.error());
  return bridge;
}

}  // namespace vpn::agent::desktop
