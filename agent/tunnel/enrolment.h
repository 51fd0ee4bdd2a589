// Identities of SCEP and ACME payloads. How a device enrols is its administrator's to know: a program of his reads the
// request and writes the identity (docs/tunnels.md, "Enrolled identities").
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "agent/loop/loop.h"
#include "agent/tunnel/identity.h"
#include "agent/tunnel/wiped.h"
#include "policy/policy.h"
#include "policy/result.h"

namespace vpn::agent {

struct EnrolmentOptions {
  std::string program;             ///< absolute path; empty: there is none
  std::chrono::seconds limit{60};  ///< then it is ended
  std::string cgroup = {};         ///< folder in cgroup v2 in which it runs; empty: the agent's own
};

/// Whether the identity's key is not in the policy, for it is of SCEP or ACME.
bool is_to_be_enrolled(const policy::fb::Identity& identity);

/// The policy's identity with this number, where it is to be enrolled; null otherwise.
const policy::fb::Identity* identity_to_enrol(const policy::Policy& policy, std::uint32_t number);

/// What the program reads: one JSON object with `version`, `kind`, `uuid` and `settings`, the payload's keys. It may
/// hold the payload's challenge. Errors: invalid_input: a secret of it is missing.
Result<WipedBytes> enrolment_request(const policy::fb::Identity& identity, const FindSecret& secrets);

/// The program at work. Destroying it ends the program.
class Enrolment {
 public:
  using Done = std::function<void(Result<DeviceIdentity>)>;
  /// `done` is called once, from the loop; it may destroy this. Errors: environment: the program cannot be started.
  static Result<std::unique_ptr<Enrolment>> start(Loop& loop, const EnrolmentOptions& options,
                                                  std::span<const std::byte> request, Done done);
  /// With the request for this identity. Errors: also those of enrolment_request().
  static Result<std::unique_ptr<Enrolment>> start(Loop& loop, const EnrolmentOptions& options,
                                                  const policy::fb::Identity& identity, const FindSecret& secrets,
                                                  Done done);
  Enrolment(const Enrolment&) = delete;
  Enrolment& operator=(const Enrolment&) = delete;
  ~Enrolment();

 private:
  struct Work;
  explicit Enrolment(std::shared_ptr<Work> work) : work_(std::move(work)) {}
  std::shared_ptr<Work> work_;  ///< lives until the program has ended
};

}  // namespace vpn::agent
