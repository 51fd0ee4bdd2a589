#include "agent/tunnel/strongswan/strongswan_provider.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/files/files.h"
#include "agent/tunnel/device.h"
#include "agent/tunnel/names.h"
#include "agent/tunnel/secrets.h"
#include "agent/tunnel/strongswan/names.h"
#include "agent/tunnel/strongswan/xfrm.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent::strongswan {

using policy::Address;
using policy::TunnelStatus;
using std::chrono::milliseconds;

namespace {

constexpr auto poll_interval = milliseconds(50);
constexpr int socket_tries = 200;  // ten seconds until charon listens
constexpr auto glance_interval = milliseconds(500);
constexpr auto watch_interval = std::chrono::seconds(60);  // a charon that hangs sends no event
constexpr auto after_change = milliseconds(250);
constexpr auto settle_limit = std::chrono::seconds(5);
constexpr auto move_limit = std::chrono::seconds(8);
constexpr std::uint16_t ike_port = 500, nat_port = 4500;
constexpr std::uint8_t esp = 50;
constexpr std::size_t longest_interface_name = 15;

}  // namespace

StrongswanProvider::StrongswanProvider(Loop& loop, StrongswanOptions options, Listener listener)
    : loop_(loop),
      options_(std::move(options)),
      listener_(std::move(listener)),
      interview_(loop, {[this] {
                          if (phase_ == Phase::asking) attempt();
                        },
                        [this] {
                          if (phase_ == Phase::asking) failed("nobody has said the password");
                        }}) {}

Result<void> StrongswanProvider::configure(const TunnelConfiguration& configuration) {
  configuration_ = configuration;
  secrets_ = [secrets = configuration.secrets](std::uint32_t number) {
    return secrets == nullptr ? std::nullopt : secrets->find(number);
  };
  const auto& body = configuration.policy->body();
  const auto* tunnel = body.tunnels()->Get(configuration.tunnel);
  if (tunnel->provider() == policy::fb::Provider::ipsec) kind_ = "ipsec";
  const std::string name = short_name("ike", tunnel->id()->string_view());
  auto paths = paths_in(configuration.state_dir);
  if (!paths) return tl::unexpected(std::move(paths.error()));
  paths_ = std::move(*paths);
  settings_path_ = configuration.state_dir + "/strongswan.conf";
  program_ = {options_.program,
              {},
              {"STRONGSWAN_CONF=" + settings_path_},
              options_.cgroup.empty() ? std::string() : options_.cgroup_mount + "/" + options_.cgroup + "/" + name};
  if (authorities(body).empty() && !options_.authorities.empty()) {
    auto found = authorities(options_.authorities);
    if (found) system_ = std::move(*found);
  }
  settings_.dead_peer_delay = options_.dead_peer_delay;
  const bool kernel = options_.esp == StrongswanOptions::Esp::kernel ||
                      (options_.esp == StrongswanOptions::Esp::automatic && kernel_has_esp());
  if (kernel) {
    settings_.backend = EspBackend::kernel;
    settings_.outer_mark = options_.outer_mark;
    settings_.interface = name.substr(0, longest_interface_name);
    settings_.if_id = interface_id(name);
  }
  return to_be_enrolled() != nullptr ? enrol() : ready();
}

Result<void> StrongswanProvider::ready() {
  if (auto ok = resolve_plan(); !ok) return ok;
  if (auto ok = make_cgroup(program_.cgroup); !ok) return ok;
  adopt();
  return {};
}

// ---- Enrolling

const policy::fb::Identity* StrongswanProvider::to_be_enrolled() const {
  const auto* ike = configuration_.policy->body().tunnels()->Get(configuration_.tunnel)->ike();
  return ike == nullptr ? nullptr : identity_to_enrol(*configuration_.policy, ike->certificate());
}

Result<void> StrongswanProvider::enrol() {
  auto work = Enrolment::start(loop_, configuration_.enrolment, *to_be_enrolled(), secrets_,
                               [this](Result<DeviceIdentity> identity) { enrolled(std::move(identity)); });
  if (!work) return tl::unexpected(std::move(work.error()));
  enrolment_ = std::move(*work);
  phase_ = Phase::enrolling;
  return {};
}

void StrongswanProvider::enrolled(Result<DeviceIdentity> identity) {
  enrolment_.reset();
  phase_ = Phase::idle;
  again_ = false;
  if (!identity) return report(TunnelStatus::disconnected, identity.error().what);
  enrolled_ = std::move(*identity);
  settings_.enrolled = &*enrolled_;
  // Adopts, or says that there is nothing: the agent asks again then.
  if (auto ok = ready(); !ok) report(TunnelStatus::invalid, ok.error().what);
}

Result<void> StrongswanProvider::resolve_plan() {
  settings_.system = system_.empty() ? nullptr : &system_;
  auto plan = make_plan(*configuration_.policy, configuration_.tunnel, secrets_, settings_);
  if (!plan) return tl::unexpected(std::move(plan.error()));
  plan_ = std::move(*plan);
  return {};
}

// ---- Towards the agent

void StrongswanProvider::report(TunnelStatus status, std::string reason) {
  ProviderReport out;
  out.status = status;
  out.reason = std::move(reason);
  if (status == TunnelStatus::connected || status == TunnelStatus::reasserting) out.settings = network_;
  if (status != TunnelStatus::disconnected) out.settings.endpoints = endpoints();
  if (options_.cgroup.empty()) {
    out.process.executables.push_back(options_.program);
  } else {
    out.process.cgroups.push_back(program_.cgroup.substr(options_.cgroup_mount.size()));
  }
  if (settings_.backend == EspBackend::kernel) out.process.mark = settings_.outer_mark;
  out.question = interview_.open();
  listener_(out);
}

std::vector<policy::Endpoint> StrongswanProvider::endpoints() const {
  std::vector<policy::Endpoint> out;
  for (const Address& address : other_ends_) {
    out.push_back({address, IPPROTO_UDP, ike_port});
    out.push_back({address, IPPROTO_UDP, nat_port});
    if (settings_.backend == EspBackend::kernel) out.push_back({address, esp, 0});
  }
  return out;
}

// What was under way has come to nothing; the agent decides when to try again.
void StrongswanProvider::failed(const std::string& reason) {
  timer_.reset();
  glance_.reset();
  association_.reset();
  again_ = false;
  phase_ = Phase::idle;
  if (session_) {
    session_->give_up();
    session_->terminate(plan_.connection, {});
  }
  report(TunnelStatus::disconnected, reason);
}

// ---- Adopting

void StrongswanProvider::adopt() {
  phase_ = Phase::adopting;
  auto session = Session::open(loop_, paths_.socket, session_handlers());
  if (session) {
    auto process = Daemon::adopt(loop_, (*session)->peer(), [this](const std::string& r) { charon_ended(r); });
    if (process) {
      process_ = std::move(*process);
      session_ = std::move(*session);
      return attach();
    }
  }
  phase_ = Phase::idle;
  soon_ = loop_.after(milliseconds(0), [this] {
    if (phase_ == Phase::idle) report(TunnelStatus::disconnected);
  });
}

void StrongswanProvider::adopted(const std::vector<Association>& associations) {
  for (const Association& association : associations) {
    if (!association.established || !association.installed || !association.remote) continue;
    other_ends_ = {*association.remote};
    phase_ = Phase::settling;
    return judge(associations);
  }
  phase_ = Phase::idle;
  report(TunnelStatus::disconnected);
}

// ---- Connecting

bool StrongswanProvider::trying() const {
  return phase_ == Phase::asking || phase_ == Phase::starting || phase_ == Phase::loading ||
         phase_ == Phase::connecting || phase_ == Phase::settling;
}

void StrongswanProvider::connect(const ConnectRequest& request) {
  const bool same = request.underlay == request_.underlay && request.servers == request_.servers;
  request_ = request;
  if (phase_ == Phase::enrolling) return;
  if (to_be_enrolled() != nullptr && phase_ == Phase::idle && (!enrolled_ || has_expired(enrolled_->certificate))) {
    soon_ = loop_.after(milliseconds(0), [this] {
      auto begun = enrol();
      begun ? report(TunnelStatus::connecting, "enrols its identity") : failed(begun.error().what);
    });
    return;
  }
  if (phase_ == Phase::stopping) {
    again_ = true;
    return;
  }
  if (trying() && same) return;
  if (phase_ == Phase::adopting) {
    again_ = true;
    return;
  }
  // Never from within this call: the agent may be in the middle of a step.
  soon_ = loop_.after(milliseconds(0), [this] {
    if (phase_ == Phase::up || phase_ == Phase::moving) return move();
    attempt();
  });
}

Result<void> StrongswanProvider::choose_path() {
  std::vector<Address> servers = request_.servers;
  if (servers.empty()) {
    const auto literal = Address::parse(plan_.server);
    if (!literal) return fail(ErrorKind::environment, "the server's addresses are not known", plan_.server);
    servers.push_back(*literal);
  }
  other_ends_ = servers;
  const std::vector<Address> own = request_.underlay.empty() ? std::vector<Address>() : addresses_of(request_.underlay);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    // Each attempt begins with the next one: one that does not answer must not keep us from the others.
    const Address& server = servers[(attempts_ + i) % servers.size()];
    path_ = {{}, server};
    for (const Address& address : own) {
      if (address.v6 == server.v6) path_.local.push_back(address);
    }
    if (request_.underlay.empty() || !path_.local.empty()) return {};
  }
  return fail(ErrorKind::environment, "the interface has no address from which the server could be reached",
              request_.underlay);
}

void StrongswanProvider::attempt() {
  if (session_) session_->give_up();
  timer_.reset();
  glance_.reset();
  association_.reset();
  if (!all_is_said()) return;
  const auto chosen = choose_path();
  if (!chosen) return failed(chosen.error().what);
  ++attempts_;
  phase_ = Phase::starting;
  report(TunnelStatus::connecting);
  if (session_ && attached_) return load();
  if (!process_) return start_charon();
  await_socket(socket_tries);
}

// Where the profile leaves user or password out, they are asked for before anything is tried.
bool StrongswanProvider::all_is_said() {
  const std::string name = policy::copy(configuration_.policy->body().tunnels()->Get(configuration_.tunnel)->name());
  const auto ask = [&](Question::Kind kind) {
    const std::string user = settings_.user != nullptr ? std::string(text_of(*settings_.user)) : plan_.user;
    return interview_.answer_to({kind, question_text(kind, user, name), kind == Question::Kind::user});
  };
  settings_.user = settings_.password = nullptr;
  if (plan_.asks_user) settings_.user = ask(Question::Kind::user);
  if (plan_.asks_password && (!plan_.asks_user || settings_.user != nullptr)) settings_.password = ask(password_kind());
  if (!interview_.open()) return true;
  const bool told = std::exchange(phase_, Phase::asking) == Phase::asking;
  const std::string refused = interview_.open()->refused ? "the server refuses it; " : "";
  report(TunnelStatus::connecting, told ? std::string() : refused + "asks for the " + interview_.open()->prompt);
  return false;
}

// Asked again at once, and not tried again before there is an answer: servers lock accounts.
void StrongswanProvider::login_refused() {
  if (plan_.asks_user) interview_.forget(Question::Kind::user);
  interview_.refused(password_kind());
  session_->terminate(plan_.connection, {});
  attempt();
}

void StrongswanProvider::start_charon() {
  ::unlink(paths_.socket.c_str());
  if (auto ok = write_file(settings_path_, settings_file(plan_, paths_)); !ok) return failed(ok.error().what);
  if (settings_.backend == EspBackend::kernel) {
    auto ready = forget_associations(settings_.if_id);
    if (ready) ready = make_xfrm_interface(settings_.interface, settings_.if_id);
    if (!ready) return failed(ready.error().what);
  }
  auto process = Daemon::start(loop_, program_, [this](const std::string& reason) { charon_ended(reason); });
  if (!process) return failed(process.error().what + " (" + process.error().where + ")");
  process_ = std::move(*process);
  await_socket(socket_tries);
}

void StrongswanProvider::await_socket(int tries) {
  session_.reset();
  attached_ = false;
  auto session = Session::open(loop_, paths_.socket, session_handlers());
  if (session) {
    session_ = std::move(*session);
    return attach();
  }
  if (tries == 0) return failed(session.error().what);
  timer_ = loop_.after(poll_interval, [this, tries] { await_socket(tries - 1); });
}

void StrongswanProvider::attach() {
  attached_ = false;
  session_->attach([this](Result<bool> ml_kem) {
    if (!ml_kem) return session_closed(ml_kem.error().what);
    attached_ = true;
    settings_.ml_kem = *ml_kem;
    if (auto ok = resolve_plan(); !ok) {
      phase_ = Phase::idle;
      return report(TunnelStatus::invalid, ok.error().what);
    }
    if (phase_ != Phase::adopting) return load();
    session_->has_connection(plan_.connection, [this](bool ours) {
      // A charon of other settings: what it has is not what the policy says.
      if (!ours) return stop_charon();
      session_->look(plan_.connection, true, [this](const std::vector<Association>& found) {
        const bool again = std::exchange(again_, false);
        adopted(found);
        if (again) connect(request_);
      });
    });
  });
}

void StrongswanProvider::load() {
  phase_ = Phase::loading;
  auto requests = credentials(*configuration_.policy, configuration_.tunnel, secrets_, settings_);
  if (!requests) return failed(requests.error().what);
  auto conn = connection(*configuration_.policy, configuration_.tunnel, secrets_, settings_, plan_, paths_, path_);
  if (!conn) return failed(conn.error().what);
  requests->insert(requests->begin(), Request{"clear-creds", {}});
  requests->push_back(std::move(*conn));
  session_->terminate(plan_.connection, {});
  session_->load(std::move(*requests), !system_.empty(), [this](const Result<void>& loaded) {
    if (phase_ != Phase::loading) return;
    if (!loaded) return failed(loaded.error().what);
    initiate();
  });
}

void StrongswanProvider::initiate() {
  phase_ = Phase::connecting;
  glance_ = loop_.after(glance_interval, [this] { look(); });
  session_->initiate(plan_.connection, [this](const Result<void>& done) {
    if (phase_ != Phase::connecting) return;
    if (!done && session_ && session_->login_refused() && plan_.asks_password) return login_refused();
    if (!done) return failed(done.error().what);
    if (plan_.asks_always) interview_.forget(password_kind());
    phase_ = Phase::settling;
    timer_ = loop_.after(settle_limit, [this] { failed("the tunnel has no interface with its address"); });
    look();
  });
}

void StrongswanProvider::disconnect() {
  interview_.forget();
  if (enrolment_) return enrolled(fail(ErrorKind::environment, "it is not wanted any more"));
  timer_.reset();
  glance_.reset();
  again_ = false;
  if (process_) return stop_charon();
  phase_ = Phase::idle;
  soon_ = loop_.after(milliseconds(0), [this] {
    if (phase_ == Phase::idle) report(TunnelStatus::disconnected);
  });
}

// It deletes its associations when it ends, and takes its secrets with it.
void StrongswanProvider::stop_charon() {
  if (session_) session_->give_up();
  phase_ = Phase::stopping;
  process_->stop();
}

// ---- Watching

Session::Handlers StrongswanProvider::session_handlers() {
  return {[this] {
            look();
            // "ike-update" comes before the change that it tells of.
            glance_ = loop_.after(after_change, [this] { look(); });
          },
          [this](const std::string& reason) { session_closed(reason); }};
}

void StrongswanProvider::look() {
  if (!session_ || !attached_ || phase_ < Phase::connecting || phase_ == Phase::stopping) return;
  // While it connects, what charon is busy with is not waited for; later, what is not told would be taken for lost.
  session_->look(plan_.connection, phase_ != Phase::connecting,
                 [this](const std::vector<Association>& found) { judge(found); });
}

void StrongswanProvider::judge(const std::vector<Association>& associations) {
  if (phase_ < Phase::connecting || phase_ == Phase::stopping) return;
  const auto usable = [](const Association& a) { return a.established && a.installed; };
  const auto last = std::find_if(associations.rbegin(), associations.rend(), usable);
  if (phase_ == Phase::connecting) {
    // Its result comes by itself; but a server may have sent us to another one (RFC 5685).
    for (const Association& association : associations) learn_endpoint(association);
    glance_ = loop_.after(glance_interval, [this] { look(); });
    return;
  }
  if (last == associations.rend()) {
    if (phase_ == Phase::settling && associations.empty()) return;  // its timer ends it
    return failed("the connection to the server is lost");
  }
  learn_endpoint(*last);
  settle(*last);
}

void StrongswanProvider::learn_endpoint(const Association& association) {
  if (!association.remote || *association.remote == Address{}) return;
  if (std::find(other_ends_.begin(), other_ends_.end(), *association.remote) != other_ends_.end()) return;
  other_ends_.push_back(*association.remote);
  if (phase_ == Phase::connecting) report(TunnelStatus::connecting);
}

void StrongswanProvider::settle(const Association& association) {
  if (association.virtual_addresses.empty()) return failed("the server has assigned no address");
  const auto interface = interface_with(association.virtual_addresses.front());
  if (!interface) {
    if (phase_ == Phase::up || phase_ == Phase::moving) return failed("the tunnel's address is gone");
    if (!timer_) timer_ = loop_.after(settle_limit, [this] { failed("the tunnel has no interface with its address"); });
    glance_ = loop_.after(poll_interval, [this] { look(); });
    return;
  }
  const bool moved = by_wanted_underlay(association);
  if (phase_ == Phase::moving && !moved) return;
  timer_.reset();
  const bool was_up = phase_ == Phase::up;
  const NetworkSettings before = network_;
  if (!was_up) {
    if (auto ok = set_mtu(*interface, plan_.mtu); !ok) return failed(ok.error().what);
  }
  take_settings(association, *interface);
  association_ = association;
  phase_ = Phase::up;
  network_.endpoints = endpoints();
  glance_ = loop_.after(watch_interval, [this] { look(); });
  if (!was_up || !(before == network_)) report(TunnelStatus::connected);
}

void StrongswanProvider::take_settings(const Association& association, const std::string& interface) {
  network_ = {};
  network_.interface = interface;
  for (const Address& address : association.virtual_addresses) {
    network_.addresses.emplace_back(address, address.v6 ? 128 : 32);
  }
  network_.included_routes = association.remote_networks;
  network_.dns.servers = read_resolvers(paths_.updown);
  network_.mtu = plan_.mtu;
}

bool StrongswanProvider::by_wanted_underlay(const Association& association) const {
  if (request_.underlay.empty() || !association.local) return true;
  const auto own = addresses_of(request_.underlay);
  return own.empty() || std::find(own.begin(), own.end(), *association.local) != own.end();
}

// connect() while it is up: charon's MOBIKE follows the routes by itself, given some time.
void StrongswanProvider::move() {
  if (association_ && by_wanted_underlay(*association_)) {
    phase_ = Phase::up;
    timer_.reset();
    look();  // it may be gone already
    return report(TunnelStatus::connected);
  }
  if (!plan_.mobike) return attempt();
  phase_ = Phase::moving;
  report(TunnelStatus::reasserting, "moving to " + request_.underlay);
  timer_ = loop_.after(move_limit, [this] { attempt(); });
  look();
}

void StrongswanProvider::session_closed(const std::string& reason) {
  session_.reset();
  attached_ = false;
  if (phase_ == Phase::stopping) return;
  failed(reason);
  if (!process_) return;
  // Without its socket it is of no use, whatever it still does. What is asked for meanwhile waits for its end.
  phase_ = Phase::stopping;
  told_ = true;
  process_->stop();
}

void StrongswanProvider::charon_ended(const std::string& reason) {
  const bool told = std::exchange(told_, false) || phase_ == Phase::idle;
  const bool wanted = phase_ == Phase::stopping;
  process_.reset();
  session_.reset();
  attached_ = false;
  if (settings_.backend == EspBackend::kernel) {
    remove_xfrm_interface(settings_.interface);
    forget_associations(settings_.if_id);
  }
  if (!wanted && !told) return failed(reason);
  phase_ = Phase::idle;
  if (std::exchange(again_, false)) return attempt();
  if (!told) report(TunnelStatus::disconnected);
}

}  // namespace vpn::agent::strongswan
