// A conversation with one charon about one connection: the requests that loading, connecting and looking take.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/tunnel/strongswan/association.h"
#include "agent/tunnel/strongswan/plan.h"
#include "agent/tunnel/strongswan/vici_client.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

/// Callbacks run from the loop; each may destroy the session, and none is called after it.
class Session {
 public:
  using Done = std::function<void(Result<void>)>;
  struct Handlers {
    std::function<void()> changed;                          ///< something happened to an association: look() again
    std::function<void(const std::string& reason)> closed;  ///< charon is gone, or talks nonsense
  };

  /// Errors: unreadable, nobody listens there (yet).
  static Result<std::unique_ptr<Session>> open(Loop& loop, const std::string& socket, Handlers handlers);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  pid_t peer() const { return client_->peer(); }
  /// Asks for the events, and whether charon has ML-KEM. To be called first, and once.
  void attach(std::function<void(Result<bool> ml_kem)> done);
  /// Whether charon has that connection.
  void has_connection(const std::string& name, std::function<void(bool)> done);
  /// Sends them one after the other; the first error ends it, but for an authority of the system that charon does not
  /// understand (`lenient`).
  void load(std::vector<Request> requests, bool lenient, Done done);
  /// Connects; the error has what charon logged last of it. One at a time: a second call gives the first one up.
  void initiate(const std::string& name, Done done);
  void give_up() { initiator_.reset(); }
  /// Whether the last initiate() failed because the server did not take the user's name and password.
  bool login_refused() const { return login_refused_; }
  /// Deletes all associations of that name, without waiting for the server. `done` is called when charon knows.
  void terminate(const std::string& name, std::function<void()> done);
  /// The associations of that name. `patient`: those, too, that charon is busy with, as soon as it is done with them.
  void look(const std::string& name, bool patient, std::function<void(std::vector<Association>)> done);

 private:
  Session() = default;
  void on_event(std::string_view event, const Section& message);

  Loop* loop_ = nullptr;
  std::string socket_;
  Handlers handlers_;
  std::unique_ptr<ViciClient> client_, initiator_;
  std::string wanted_;              ///< name of the connection that is being looked at
  std::vector<Association> found_;  ///< what the events of this look have brought
  std::string last_log_;            ///< of initiate()
  bool login_refused_ = false;      ///< likewise
};

}  // namespace vpn::agent::strongswan
