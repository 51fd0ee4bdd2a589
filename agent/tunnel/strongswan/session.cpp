#include "agent/tunnel/strongswan/session.h"

#include <array>
#include <utility>

namespace vpn::agent::strongswan {
namespace {

// A server that does not answer is given up by charon itself after half a minute; EAP may take several rounds.
constexpr auto connect_limit = std::chrono::seconds(90);
// It may be fetching a revocation list while it has the association.
constexpr auto look_limit = std::chrono::seconds(60);
constexpr std::array changes{"ike-updown", "ike-rekey", "ike-update", "child-updown", "child-rekey"};

/// Lines that say why it failed; others (retransmissions, what is being sent) would hide them.
bool tells_why(std::string_view line) {
  for (const std::string_view word :
       {"received", "failed", "no trusted", "no private", "unable", "giving up", "not acceptable", "constraint",
        "does not match", "no acceptable", "revoked", "expired", "denied"}) {
    if (line.find(word) == std::string_view::npos) continue;
    // What every exchange begins with.
    return line.find("received packet") == std::string_view::npos &&
           line.find("received end entity") == std::string_view::npos;
  }
  return false;
}

bool says_login_refused(std::string_view line) {
  return line.find("EAP-MS-CHAPv2 failed") != std::string_view::npos ||
         line.find("received EAP_FAILURE") != std::string_view::npos ||
         (line.starts_with("XAuth authentication of") && line.ends_with("(myself) failed"));
}

std::string join(const std::string& what, const std::string& why) { return why.empty() ? what : what + ": " + why; }

}  // namespace

Result<std::unique_ptr<Session>> Session::open(Loop& loop, const std::string& socket, Handlers handlers) {
  std::unique_ptr<Session> out(new Session());
  out->loop_ = &loop;
  out->socket_ = socket;
  out->handlers_ = std::move(handlers);
  Session* self = out.get();
  auto client =
      ViciClient::connect(loop, socket,
                          {[self](std::string_view event, const Section& message) { self->on_event(event, message); },
                           [self](const std::string& reason) {
                             const auto closed = self->handlers_.closed;
                             closed(reason);
                           }});
  if (!client) return tl::unexpected(std::move(client.error()));
  out->client_ = std::move(*client);
  return out;
}

Session::~Session() = default;

void Session::on_event(std::string_view event, const Section& message) {
  if (event == "list-sa") {
    if (auto association = read_association(message, wanted_)) found_.push_back(std::move(*association));
    return;
  }
  const auto changed = handlers_.changed;
  changed();
}

void Session::attach(std::function<void(Result<bool>)> done) {
  client_->subscribe("list-sa", {});
  for (const char* event : changes) client_->subscribe(event, {});
  client_->request("get-algorithms", {}, [done = std::move(done)](Result<Section> reply) {
    if (!reply) return done(tl::unexpected(std::move(reply.error())));
    bool ml_kem = false;
    for (const auto& [kind, names] : reply->sections()) ml_kem = ml_kem || names->text("ML_KEM_768").has_value();
    done(ml_kem);
  });
}

void Session::has_connection(const std::string& name, std::function<void(bool)> done) {
  client_->request("get-conns", {}, [name, done = std::move(done)](Result<Section> reply) {
    bool there = false;
    if (reply) {
      for (const std::string_view found : reply->texts("conns")) there = there || found == name;
    }
    done(there);
  });
}

void Session::load(std::vector<Request> requests, bool lenient, Done done) {
  const auto shared = std::make_shared<Done>(std::move(done));
  const auto report = [shared](Result<void> result) {
    // Called once; what was sent behind a failure is answered, too.
    if (const Done first = std::exchange(*shared, nullptr)) first(std::move(result));
  };
  const std::size_t last = requests.size();
  std::size_t number = 0;
  for (Request& request : requests) {
    const bool ends = ++number == last;
    const bool optional = lenient && request.command == "load-cert";
    const std::string command = request.command;
    client_->request(
        request.command, std::move(request.message), [report, ends, optional, command](Result<Section> reply) {
          if (!reply && !optional) {
            return report(fail(ErrorKind::environment, "charon refuses " + command + ": " + reply.error().what));
          }
          if (ends) report({});
        });
  }
}

void Session::initiate(const std::string& name, Done done) {
  last_log_.clear();
  login_refused_ = false;
  // A connection of its own: no other request is answered on it before the tunnel is up or has failed.
  const auto shared = std::make_shared<Done>(std::move(done));
  auto client = ViciClient::connect(*loop_, socket_,
                                    {[this](std::string_view, const Section& message) {
                                       const std::string_view line = message.text("msg").value_or("");
                                       if (tells_why(line)) last_log_ = line;
                                       if (says_login_refused(line)) login_refused_ = true;
                                     },
                                     [this, shared](const std::string& reason) {
                                       const Done finish = std::exchange(*shared, nullptr);
                                       initiator_.reset();
                                       if (finish) finish(fail(ErrorKind::environment, reason));
                                     }});
  if (!client) return (*shared)(tl::unexpected(std::move(client.error())));
  initiator_ = std::move(*client);
  initiator_->subscribe("control-log", {});
  Section message;
  message.set("ike", name).set("child", child_name).set("loglevel", "1");
  message.set("timeout", std::to_string(std::chrono::milliseconds(connect_limit).count()));
  initiator_->request(
      "initiate", std::move(message),
      [this, shared](const Result<Section>& reply) {
        const Done finish = std::exchange(*shared, nullptr);
        const std::string why = last_log_;
        initiator_.reset();
        if (!finish) return;
        if (reply) return finish({});
        finish(fail(ErrorKind::environment, join("the server could not be connected to", why)));
      },
      connect_limit + std::chrono::seconds(5));
}

void Session::terminate(const std::string& name, std::function<void()> done) {
  Section message;
  message.set("ike", name).set("force", "yes").set("timeout", "-1");
  // That there is none is no error here.
  client_->request("terminate", std::move(message), [done = std::move(done)](const Result<Section>&) {
    if (done) done();
  });
}

void Session::look(const std::string& name, bool patient, std::function<void(std::vector<Association>)> done) {
  Section message;
  message.set("ike", name);
  if (!patient) message.set("noblock", "yes");
  client_->request(
      "list-sas", std::move(message),
      [this, done = std::move(done)](const Result<Section>&) {
        // Its events came before its answer; the name is that of the last look asked for, and there is one connection
        // only.
        done(std::exchange(found_, {}));
      },
      look_limit);
  wanted_ = name;
}

}  // namespace vpn::agent::strongswan
