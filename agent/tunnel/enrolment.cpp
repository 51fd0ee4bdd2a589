#include "agent/tunnel/enrolment.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/files/descriptor.h"
#include "agent/tunnel/daemon.h"
#include "policy/flat_text.h"
#include "policy/types.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

constexpr std::size_t longest_output = std::size_t{1} << 20;

}  // namespace

bool is_to_be_enrolled(const policy::fb::Identity& identity) {
  const std::string_view kind = policy::view(identity.kind());
  return identity.secret() == policy::none && (kind == "scep" || kind == "acme");
}

const policy::fb::Identity* identity_to_enrol(const policy::Policy& policy, std::uint32_t number) {
  const auto* all = policy.body().identities();
  if (all == nullptr || number >= all->size()) return nullptr;
  return is_to_be_enrolled(*all->Get(number)) ? all->Get(number) : nullptr;
}

Result<WipedBytes> enrolment_request(const policy::fb::Identity& identity, const FindSecret& secrets) {
  using Json = nlohmann::json;
  Json settings = Json::object();
  if (const auto* all = identity.settings()) {
    for (const auto* s : *all) {
      const auto secret = s->secret() == policy::none ? std::nullopt : secrets(s->secret());
      if (s->secret() != policy::none && !secret)
        return fail(ErrorKind::invalid_input, "the value is not among the secrets", policy::copy(s->key()));
      settings[policy::copy(s->key())] = secret ? std::string(text_of(*secret)) : policy::copy(s->value());
    }
  }
  Json request = {{"version", 1},
                  {"kind", policy::copy(identity.kind())},
                  {"uuid", policy::copy(identity.uuid())},
                  {"settings", std::move(settings)}};
  std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  WipedBytes out = wiped(text);
  OPENSSL_cleanse(text.data(), text.size());
  for (auto& [key, value] : request["settings"].items()) {
    auto& plain = value.get_ref<std::string&>();
    OPENSSL_cleanse(plain.data(), plain.size());
  }
  return out;
}

struct Enrolment::Work {
  Done done;
  Descriptor output;
  WipedBytes text;
  std::string fault;  ///< why it is ended
  std::unique_ptr<Daemon> program;
  std::unique_ptr<Waiting> reading, limit;

  void read() {
    std::array<std::byte, 4096> piece{};
    for (;;) {
      const ssize_t n = ::read(output.get(), piece.data(), piece.size());
      if (n < 0 && errno == EINTR) continue;
      if (n == 0) reading.reset();
      if (n <= 0) break;
      text.insert(text.end(), piece.begin(), piece.begin() + n);
      if (text.size() > longest_output) {
        end("the enrolment program writes more than a mebibyte");
        break;
      }
    }
    OPENSSL_cleanse(piece.data(), piece.size());
  }

  void end(std::string why) {
    if (!fault.empty()) return;
    fault = std::move(why);
    reading.reset();
    program->stop();
  }

  void ended(const std::string& reason) {
    if (fault.empty()) read();
    reading.reset();
    limit.reset();
    if (fault.empty() && !program->succeeded()) fault = "the enrolment program: " + reason;
    const Done told = std::exchange(done, nullptr);
    if (!told) return;
    if (!fault.empty()) return told(fail(ErrorKind::environment, fault));
    told(read_enrolled(text));
  }
};

Result<std::unique_ptr<Enrolment>> Enrolment::start(Loop& loop, const EnrolmentOptions& options,
                                                    std::span<const std::byte> request, Done done) {
  if (options.program.empty())
    return fail(ErrorKind::environment, "no program is named that enrols identities of SCEP and ACME", {},
                "name one as `enrolment.program` in agent.yaml, or give the identity as a PKCS#12 payload");
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    return fail(ErrorKind::environment, std::string("cannot make a pipe: ") + std::strerror(errno));
  auto work = std::make_shared<Work>();
  work->output = Descriptor(pipe[0]);
  const Descriptor writing(pipe[1]);
  ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  work->done = std::move(done);
  DaemonProgram program{options.program, {}, {}, options.cgroup, text_of(request)};
  program.output = writing.get();
  // The program's end holds the last reference, so that it is waited for whoever has lost interest meanwhile.
  auto started = Daemon::start(loop, program, [work](const std::string& reason) {
    work->ended(reason);
    work->program.reset();
  });
  if (!started) return tl::unexpected(started.error());
  work->program = std::move(*started);
  work->reading = loop.readable(pipe[0], [raw = work.get()] { raw->read(); });
  work->limit = loop.after(options.limit, [raw = work.get()] { raw->end("the enrolment program takes too long"); });
  return std::unique_ptr<Enrolment>(new Enrolment(std::move(work)));
}

Result<std::unique_ptr<Enrolment>> Enrolment::start(Loop& loop, const EnrolmentOptions& options,
                                                    const policy::fb::Identity& identity, const FindSecret& secrets,
                                                    Done done) {
  const auto request = enrolment_request(identity, secrets);
  if (!request) return tl::unexpected(request.error());
  return start(loop, options, *request, std::move(done));
}

Enrolment::~Enrolment() {
  work_->done = nullptr;
  if (work_->program) work_->end("nobody wants it any more");
}

}  // namespace vpn::agent
