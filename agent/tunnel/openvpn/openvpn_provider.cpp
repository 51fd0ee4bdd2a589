#include "agent/tunnel/openvpn/openvpn_provider.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "agent/files/files.h"
#include "agent/tunnel/device.h"
#include "agent/tunnel/identity.h"
#include "agent/tunnel/names.h"
#include "agent/tunnel/openvpn/environment.h"
#include "agent/tunnel/secrets.h"
#include "policy/ascii.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent::openvpn {

using policy::Address;
using policy::TunnelStatus;
using std::chrono::milliseconds;

namespace {

constexpr auto poll_interval = milliseconds(50);
constexpr int socket_tries = 200;  // ten seconds until openvpn listens
// Until the datapath lets its packets out: the first one would be repeated after a second or two.
constexpr auto until_allowed = milliseconds(250);
constexpr auto adopt_limit = std::chrono::seconds(3);
constexpr std::size_t longest_environment = std::size_t{1} << 20;
constexpr std::uint32_t no_secret = 0xffffffff;

// What OpenVPN knows of the tunnel, for the agent to read; the folder is root's.
constexpr std::string_view script = "umask 077\nenv -0 >\"$1.new\" && mv -f \"$1.new\" \"$1\"\n";

std::string digest_of(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

void add_file(WipedText& text, std::string_view name, std::string_view content) {
  text.append("<").append(name).append(">\n").append(content).append("</").append(name).append(">\n");
}

}  // namespace

OpenvpnProvider::OpenvpnProvider(Loop& loop, OpenvpnOptions options, Listener listener)
    : loop_(loop),
      options_(std::move(options)),
      listener_(std::move(listener)),
      interview_(loop, {[this] {
                          if (phase_ == Phase::asking) return attempt();
                          if (awaited_ == Awaited::login) return answer_login();
                          if (awaited_ == Awaited::passphrase) answer_passphrase();
                        },
                        [this] { stop("nobody has said the password"); }}) {}

Result<void> OpenvpnProvider::configure(const TunnelConfiguration& configuration) {
  configuration_ = configuration;
  const auto* tunnel = configuration.policy->body().tunnels()->Get(configuration.tunnel);
  std::vector<Setting> settings;
  if (const auto* all = tunnel->settings()) {
    for (const auto* s : *all) {
      const auto secret = configuration.secrets == nullptr ? std::nullopt : configuration.secrets->find(s->secret());
      if (s->secret() != no_secret && !secret)
        return fail(ErrorKind::invalid_input, "the value is not among the secrets", s->key()->str());
      settings.emplace_back(policy::view(s->key()), secret ? text_of(*secret) : policy::view(s->value()));
    }
  }
  auto directives = read_directives(settings);
  if (!directives) return tl::unexpected(directives.error());
  directives_ = std::move(*directives);
  interface_ = short_name("ov", tunnel->id()->string_view());
  if (!options_.cgroup.empty()) {
    cgroup_ = "/" + options_.cgroup + "/" + interface_;
    if (auto made = make_cgroup(options_.cgroup_mount + cgroup_); !made) return made;
  }
  if (auto plain = plain_folder(configuration.state_dir); !plain) return plain;
  paths_ = {configuration.state_dir + "/management", configuration.state_dir + "/up",
            configuration.state_dir + "/environment", configuration.state_dir + "/digest"};
  return to_be_enrolled() != nullptr ? enrol() : ready();
}

Result<void> OpenvpnProvider::ready() {
  if (auto added = add_credentials(); !added) return added;
  adopt();
  return {};
}

// ---- Enrolling

const policy::fb::Identity* OpenvpnProvider::to_be_enrolled() const {
  const auto* login = configuration_.policy->body().tunnels()->Get(configuration_.tunnel)->login();
  return login == nullptr ? nullptr : identity_to_enrol(*configuration_.policy, login->certificate());
}

FindSecret OpenvpnProvider::find_secret() const {
  return [this](std::uint32_t number) {
    return configuration_.secrets == nullptr ? std::nullopt : configuration_.secrets->find(number);
  };
}

Result<void> OpenvpnProvider::enrol() {
  auto work = Enrolment::start(loop_, configuration_.enrolment, *to_be_enrolled(), find_secret(),
                               [this](Result<DeviceIdentity> identity) { enrolled(std::move(identity)); });
  if (!work) return tl::unexpected(std::move(work.error()));
  enrolment_ = std::move(*work);
  phase_ = Phase::enrolling;
  return {};
}

void OpenvpnProvider::enrolled(Result<DeviceIdentity> identity) {
  enrolment_.reset();
  phase_ = Phase::idle;
  if (!identity) return report(TunnelStatus::disconnected, identity.error().what);
  enrolled_ = std::move(*identity);
  if (auto done = ready(); !done) report(TunnelStatus::invalid, done.error().what);
}

// The user and password of the payload, its identity, and the authorities of its profiles.
Result<void> OpenvpnProvider::add_credentials() {
  const auto& body = configuration_.policy->body();
  const auto* login = body.tunnels()->Get(configuration_.tunnel)->login();
  const FindSecret find = find_secret();
  if (login != nullptr) {
    user_ = wiped(policy::view(login->user()));
    if (const auto password = find(login->password())) password_ = wiped(*password);
    const bool has_identity = body.identities() != nullptr && login->certificate() < body.identities()->size();
    if (has_identity && !directives_.has_certificate) {
      auto identity = enrolled_ ? Result<DeviceIdentity>(*enrolled_)
                                : open_identity(*body.identities()->Get(login->certificate()), find);
      if (!identity) return tl::unexpected(identity.error());
      const auto key = pem_of_key(identity->key);
      if (!key) return tl::unexpected(key.error());
      WipedText certificates(pem_of_certificate(identity->certificate));
      for (const Der& other : identity->others) certificates += WipedText(pem_of_certificate(other));
      add_file(directives_.text, "cert", certificates);
      add_file(directives_.text, "key", text_of(*key));
      directives_.has_certificate = true;
    }
  }
  if (!directives_.asks_login && !directives_.has_certificate)
    return fail(ErrorKind::invalid_input, "there is neither a certificate nor a password", "AuthenticationMethod");
  if (!directives_.has_authority) {
    WipedText all;
    for (const Authority& authority : authorities(body)) all += WipedText(pem_of_certificate(authority.certificate));
    if (all.empty()) return fail(ErrorKind::invalid_input, "no certificate authority can vouch for the server", "ca");
    add_file(directives_.text, "ca", all);
  }
  return {};
}

std::vector<std::string> OpenvpnProvider::server_names() const {
  std::vector<std::string> out;
  for (const Remote& remote : directives_.remotes)
    if (std::find(out.begin(), out.end(), remote.host) == out.end()) out.push_back(remote.host);
  return out;
}

// The agent's own directives come last, and so count where the profile's say something else.
WipedText OpenvpnProvider::configuration_text() const {
  WipedText out = directives_.text;
  const std::string own = "client\nnobind\ndev " + interface_ +
                          "\ndev-type tun\ndisable-dco\n"
                          "script-security 2\nup \"/bin/sh " +
                          paths_.script + " " + paths_.environment +
                          "\"\nup-restart\nifconfig-noexec\nroute-noexec\n"
                          "management " +
                          paths_.socket +
                          " unix\nmanagement-hold\nmanagement-query-passwords\nauth-nocache\nauth-retry none\n"
                          "connect-retry-max 1\nresolv-retry 0\nremap-usr1 SIGTERM\nverb 1\nsuppress-timestamps\n";
  out.append(own);
  if (directives_.asks_login) out.append("auth-user-pass\n");
  if (directives_.text.find("\nkeepalive ") == WipedText::npos && directives_.text.find("\nping") == WipedText::npos)
    out.append("keepalive 10 60\n");
  return out;
}

// ---- Towards the agent

void OpenvpnProvider::report(TunnelStatus status, std::string reason) {
  ProviderReport out;
  out.status = status;
  out.reason = std::move(reason);
  if (status == TunnelStatus::connected) out.settings = network_;
  if (status != TunnelStatus::disconnected && server_) out.settings.endpoints = {*server_};
  if (cgroup_.empty()) {
    out.process.executables.push_back(options_.program);
  } else {
    out.process.cgroups.push_back(cgroup_);
  }
  out.question = interview_.open();
  listener_(out);
}

// Never from within a call of the agent's: it may be in the middle of a step.
void OpenvpnProvider::later(std::function<void()> call) { soon_ = loop_.after(milliseconds(0), std::move(call)); }

// ---- Adopting

Result<std::unique_ptr<Management>> OpenvpnProvider::open_management() {
  return Management::connect(loop_, paths_.socket,
                             {[this](const Line& line) { heard(line); },
                              [this](const std::string& reason) {
                                management_.reset();
                                if (phase_ != Phase::stopping) stop(reason);
                              }});
}

void OpenvpnProvider::adopt() {
  phase_ = Phase::adopting;
  auto management = open_management();
  if (management) {
    auto process = Daemon::adopt(loop_, (*management)->peer(), [this](const std::string& r) { ended(r); });
    if (process) {
      daemon_ = std::move(*process);
      management_ = std::move(*management);
      const auto digest = read_file(paths_.digest, 64);
      if (!digest || *digest != digest_of(configuration_text())) return later([this] { stop({}); });
      management_->send("state");
      timer_ = loop_.after(adopt_limit, [this] { stop({}); });
      return;
    }
  }
  later([this] { adopted(false, {}); });
}

void OpenvpnProvider::adopted(bool connected, const std::optional<policy::Endpoint>& server) {
  timer_.reset();
  if (connected && server) {
    server_ = server;
    management_->send("state on");
    return come_up();
  }
  if (daemon_) return stop({});
  phase_ = Phase::idle;
  report(TunnelStatus::disconnected);
  if (std::exchange(again_, false)) connect(request_);
}

// ---- Connecting

void OpenvpnProvider::connect(const ConnectRequest& request) {
  const bool same = request.underlay == request_.underlay && request.names == request_.names;
  request_ = request;
  if (phase_ == Phase::enrolling) return;
  if (to_be_enrolled() != nullptr && phase_ == Phase::idle && (!enrolled_ || has_expired(enrolled_->certificate))) {
    return later([this] {
      // All of it anew: the directives hold the certificate that has expired.
      const auto begun = configure(TunnelConfiguration(configuration_));
      begun ? report(TunnelStatus::connecting, "enrols its identity")
            : report(TunnelStatus::disconnected, begun.error().what);
    });
  }
  if (phase_ == Phase::stopping || phase_ == Phase::adopting) {
    again_ = true;
    return;
  }
  if (phase_ == Phase::idle) return later([this] { attempt(); });
  if (same || phase_ == Phase::asking) return;
  // By another network it begins anew: a server need not allow what floats.
  again_ = true;
  later([this] { stop({}); });
}

/// Each attempt takes the next of all addresses of all servers that the interface can reach.
bool OpenvpnProvider::choose_server() {
  struct Choice {
    Address address;
    const Remote* remote;
  };
  std::vector<Choice> all;
  const auto own = request_.underlay.empty() ? std::vector<Address>() : addresses_of(request_.underlay);
  for (const Remote& remote : directives_.remotes) {
    const auto found = request_.names.find(remote.host);
    if (found == request_.names.end()) continue;
    for (const Address& address : found->second) {
      const auto same = [&](const Address& a) { return a.v6 == address.v6; };
      if (request_.underlay.empty() || std::any_of(own.begin(), own.end(), same)) all.push_back({address, &remote});
    }
  }
  if (all.empty()) return false;
  const auto& [address, remote] = all[attempts_++ % all.size()];
  server_ = {address, static_cast<std::uint8_t>(remote->tcp ? IPPROTO_TCP : IPPROTO_UDP), remote->port};
  server_line_ = "remote " + address.to_string() + " " + std::to_string(remote->port) + " " +
                 (remote->tcp ? "tcp" : "udp") + (address.v6 ? "6" : "4") + (remote->tcp ? "-client\n" : "\n");
  return true;
}

// What the profile leaves out is asked for before anything is tried: a server would not wait for it.
bool OpenvpnProvider::login_is_said() {
  const bool complete = (!directives_.key_is_locked || said(Question::Kind::passphrase) != nullptr) &&
                        (!directives_.asks_login || (said(Question::Kind::user) != nullptr &&
                                                     (challenge_ || said(Question::Kind::password) != nullptr) &&
                                                     (!challenge_ || said(Question::Kind::code) != nullptr)));
  if (complete) return true;
  const bool told = std::exchange(phase_, Phase::asking) == Phase::asking;
  const Question& open = *interview_.open();
  report(
      TunnelStatus::connecting,
      told ? std::string() : (open.refused ? "the server refuses it; asks for the " : "asks for the ") + open.prompt);
  return false;
}

// The profile's word, or somebody's; null: he is being asked.
const WipedBytes* OpenvpnProvider::said(Question::Kind kind) {
  if (kind == Question::Kind::user && !user_.empty()) return &user_;
  if (kind == Question::Kind::password && !password_.empty()) return &password_;
  if (kind == Question::Kind::code)
    return interview_.answer_to({kind, challenge_ ? challenge_->text : std::string(), challenge_ && challenge_->echo});
  const auto* tunnel = configuration_.policy->body().tunnels()->Get(configuration_.tunnel);
  const bool of_user = kind == Question::Kind::password;
  return interview_.answer_to(
      {kind, question_text(kind, of_user ? text_of(user_) : std::string_view(), policy::view(tunnel->name())),
       kind == Question::Kind::user});
}

void OpenvpnProvider::attempt() {
  reason_.clear();
  if (!login_is_said()) return;
  if (!choose_server()) {
    phase_ = Phase::idle;
    return report(TunnelStatus::disconnected, "no server of the tunnel can be reached by the interface");
  }
  ::unlink(paths_.socket.c_str());
  ::unlink(paths_.environment.c_str());
  WipedText text = configuration_text();
  auto ready = write_file(paths_.script, script);
  if (ready) ready = write_file(paths_.digest, digest_of(text));
  text.append(server_line_);
  DaemonProgram program{options_.program,
                        {"--config", "stdin"},
                        {},
                        cgroup_.empty() ? std::string() : options_.cgroup_mount + cgroup_,
                        text};
  auto process = ready ? Daemon::start(loop_, program, [this](const std::string& reason) { ended(reason); })
                       : Result<std::unique_ptr<Daemon>>(tl::unexpected(ready.error()));
  if (!process) {
    phase_ = Phase::idle;
    return report(TunnelStatus::disconnected, process.error().what + " (" + process.error().where + ")");
  }
  daemon_ = std::move(*process);
  phase_ = Phase::starting;
  report(TunnelStatus::connecting);
  await_socket(socket_tries);
}

void OpenvpnProvider::await_socket(int tries) {
  if (auto management = open_management()) {
    management_ = std::move(*management);
    phase_ = Phase::held;
    timer_ = loop_.after(options_.patience, [this] { stop("the server does not answer"); });
    return;
  }
  if (tries == 0) return stop("openvpn does not listen");
  timer_ = loop_.after(poll_interval, [this, tries] { await_socket(tries - 1); });
}

void OpenvpnProvider::release() {
  phase_ = Phase::connecting;
  management_->send("state on");
  management_->send("hold release");
}

// ---- What it says

void OpenvpnProvider::heard(const Line& line) {
  switch (line.kind) {
    case Line::Kind::hold:
      if (phase_ == Phase::held) soon_ = loop_.after(until_allowed, [this] { release(); });
      return;
    case Line::Kind::state:
      return state(line);
    case Line::Kind::password:
      return asked(line);
    case Line::Kind::fatal:
      return stop(line.what);
    case Line::Kind::end:
      // The answer to "state" held no line that says that it is connected.
      if (phase_ == Phase::adopting) adopted(false, {});
      return;
    case Line::Kind::success:
    case Line::Kind::error:
    case Line::Kind::other:
      return;
  }
}

void OpenvpnProvider::state(const Line& line) {
  if (phase_ == Phase::adopting) {
    // NAME,DETAIL,LOCAL,REMOTE,PORT
    std::uint16_t port = 0;
    const auto address = line.more.size() > 3 ? Address::parse(line.more[2]) : std::nullopt;
    if (line.what != "CONNECTED" || !address || !ascii::read_number(line.more[3], port) || port == 0) return;
    const auto remote = std::find_if(directives_.remotes.begin(), directives_.remotes.end(),
                                     [&](const Remote& r) { return r.port == port; });
    const bool tcp = remote != directives_.remotes.end() && remote->tcp;
    const auto protocol = static_cast<std::uint8_t>(tcp ? IPPROTO_TCP : IPPROTO_UDP);
    return adopted(true, policy::Endpoint{*address, protocol, port});
  }
  if (line.what == "CONNECTED" && phase_ == Phase::connecting) return come_up();
  if (line.what == "RECONNECTING" || line.what == "EXITING")
    stop(phase_ == Phase::up ? "the connection to the server is lost" : "the server does not let us in");
}

void OpenvpnProvider::asked(const Line& line) {
  if (line.failed) return login_failed(line);
  if (line.what == "Private Key") return answer_passphrase();
  if (line.what != "Auth") return stop("openvpn asks for a password that the profile does not have");
  if (line.challenge) challenge_ = line.challenge;  // of the profile, asked with the password
  answer_login();
}

void OpenvpnProvider::answer_login() {
  const WipedBytes* user = said(Question::Kind::user);
  const bool dynamic = challenge_ && !challenge_->state.empty();
  const WipedBytes* password = user == nullptr || dynamic ? nullptr : said(Question::Kind::password);
  const bool wants_code = challenge_ && user != nullptr && (dynamic || password != nullptr);
  const WipedBytes* code = wants_code ? said(Question::Kind::code) : nullptr;
  if (interview_.open()) {
    // While it is up, too: openvpn asks with each new key.
    awaited_ = Awaited::login;
    timer_.reset();
    return report(phase_ == Phase::up ? TunnelStatus::connected : TunnelStatus::connecting,
                  "asks for the " + interview_.open()->prompt);
  }
  awaited_ = Awaited::nothing;
  if (phase_ != Phase::up) timer_ = loop_.after(options_.patience, [this] { stop("the server does not answer"); });
  WipedText user_line("username \"Auth\" "), password_line("password \"Auth\" ");
  const std::string_view plain = password == nullptr ? std::string_view() : text_of(*password);
  const bool quoted =
      quote(text_of(*user), user_line) &&
      quote(challenge_ ? std::string_view(answer_text(*challenge_, plain, text_of(*code))) : plain, password_line);
  challenge_.reset();
  interview_.forget(Question::Kind::code);  // good for one time only
  if (!quoted) return stop("the user or the password holds characters that openvpn cannot be told");
  management_->send(user_line);
  management_->send(password_line);
}

void OpenvpnProvider::answer_passphrase() {
  const WipedBytes* passphrase = said(Question::Kind::passphrase);
  if (passphrase == nullptr) {
    awaited_ = Awaited::passphrase;
    timer_.reset();
    return report(TunnelStatus::connecting, "asks for the " + interview_.open()->prompt);
  }
  awaited_ = Awaited::nothing;
  WipedText line("password \"Private Key\" ");
  if (!quote(text_of(*passphrase), line)) return stop("the passphrase holds characters that openvpn cannot be told");
  management_->send(line);
}

// What somebody has said can be said anew, at once; what the profile says cannot.
void OpenvpnProvider::login_failed(const Line& line) {
  if (line.what == "Private Key") {
    interview_.refused(Question::Kind::passphrase);
    refused_ = true;
    return stop("the passphrase does not open the key");
  }
  challenge_ = line.challenge;
  if (challenge_ && !challenge_->answered) {
    const std::string text = challenge_->text;
    challenge_.reset();
    return stop("the server says: " + text);
  }
  refused_ = challenge_.has_value() || user_.empty() || password_.empty();
  if (!challenge_) {
    interview_.forget(Question::Kind::user);
    if (password_.empty()) interview_.refused(Question::Kind::password);
  }
  stop(challenge_ ? "the server asks for more" : "the server refuses the user or the password");
}

void OpenvpnProvider::come_up() {
  timer_.reset();
  const auto text = read_file(paths_.environment, longest_environment);
  if (!text) return stop("openvpn has not said what the server has assigned");
  auto settings = read_environment(*text);
  if (!settings) return stop(settings.error().what + " (" + settings.error().where + ")");
  if (settings->interface != interface_) return stop("openvpn has made another interface");
  network_ = std::move(*settings);
  auto ready = network_.mtu == 0 ? Result<void>() : set_mtu(interface_, network_.mtu);
  if (ready) ready = bring_up(interface_, network_.addresses);
  if (!ready) return stop(ready.error().what);
  phase_ = Phase::up;
  report(TunnelStatus::connected);
  if (std::exchange(again_, false)) connect(request_);
}

// ---- Ending

void OpenvpnProvider::disconnect() {
  again_ = false;
  challenge_.reset();
  interview_.forget();
  if (enrolment_) return enrolled(fail(ErrorKind::environment, "it is not wanted any more"));
  if (phase_ == Phase::stopping) return;
  later([this] { daemon_ ? stop({}) : ended({}); });
}

// Its interface goes with it.
void OpenvpnProvider::stop(const std::string& reason) {
  if (phase_ == Phase::stopping) return;
  timer_.reset();
  soon_.reset();
  awaited_ = Awaited::nothing;
  if (!daemon_) return ended(reason);
  if (phase_ == Phase::up && !reason.empty()) report(TunnelStatus::reasserting, reason);
  phase_ = Phase::stopping;
  reason_ = reason;
  daemon_->stop();
}

void OpenvpnProvider::ended(const std::string& reason) {
  const bool wanted = phase_ == Phase::stopping;
  timer_.reset();
  soon_.reset();
  management_.reset();
  daemon_.reset();
  phase_ = Phase::idle;
  if (std::exchange(refused_, false) && !again_) return attempt();
  report(TunnelStatus::disconnected, wanted ? reason_ : reason);
  if (std::exchange(again_, false)) connect(request_);
}

}  // namespace vpn::agent::openvpn

namespace vpn::agent {

ProviderFactory openvpn_factory(OpenvpnOptions options) {
  return [options = std::move(options)](Loop& loop, const TunnelConfiguration& configuration,
                                        Provider::Listener listener) -> std::unique_ptr<Provider> {
    const auto* tunnel = configuration.policy->body().tunnels()->Get(configuration.tunnel);
    if (tunnel->provider() != policy::fb::Provider::openvpn || tunnel->app_proxy()) return nullptr;
    return std::make_unique<openvpn::OpenvpnProvider>(loop, options, std::move(listener));
  };
}

}  // namespace vpn::agent
