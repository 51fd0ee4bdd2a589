#include "agent/control/prober.h"

#include <algorithm>
#include <utility>

#include "agent/network/lookup.h"

namespace vpn::agent {
namespace {

constexpr std::uint8_t tcp = 6, udp = 17;
constexpr std::size_t most_resolvers = 3, most_probed = 4;

}  // namespace

// One question with its time limit, and what may leave for it.
class Prober::Run : public Waiting {
 public:
  explicit Run(Prober& prober) : prober_(prober), network_(prober.network_) {
    prober_.runs_.insert(this);
    until_ = prober_.loop_.now() + longest_probe;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() override { retire(); }

  const std::vector<Exemption>& exemptions() const { return exemptions_; }

 protected:
  void allow(const std::vector<policy::Address>& addresses, std::uint8_t protocol, std::uint16_t port) {
    exemptions_.clear();
    for (const policy::Address& a : addresses) {
      Exemption e;
      e.rule = Exemption::Rule::S1f;
      e.address = a;
      e.protocol = protocol;
      e.port = port;
      e.interface = network_.index;
      e.expires = std::chrono::duration_cast<std::chrono::nanoseconds>(until_.time_since_epoch());
      exemptions_.push_back(e);
    }
    prober_.exempt_();
  }

  // It is over: nothing may leave for it any more.
  void retire() {
    step_.reset();
    timer_.reset();
    if (prober_.runs_.erase(this) != 0 && !exemptions_.empty()) prober_.exempt_();
  }

  Prober& prober_;
  Network network_;
  Loop::Clock::time_point until_;
  std::unique_ptr<Waiting> timer_, step_;

 private:
  std::vector<Exemption> exemptions_;
};

class Prober::PageRun final : public Run {
 public:
  PageRun(Prober& prober, Question question, std::function<void(HttpAnswer)> callback)
      : Run(prober), question_(std::move(question)), callback_(std::move(callback)) {
    timer_ = prober_.loop_.after(std::chrono::milliseconds(0), [this] { begin(); });
  }

 private:
  void begin() {
    const auto url = parse_http_url(question_.url);
    if (!url) return finish_with("the URL cannot be read");
    if (network_.interface.empty()) return finish_with("there is no network");
    url_ = *url;
    timer_ = prober_.loop_.after(longest_probe, [this] { finish_with("it does not answer in time"); });
    if (url_.address) return fetch({*url_.address});
    LookupRequest request{url_.host, network_.interface, network_.resolvers};
    if (request.servers.size() > most_resolvers) request.servers.resize(most_resolvers);
    allow(request.servers, udp, 53);
    step_ =
        look_up(prober_.loop_, std::move(request), [this](LookupResult found) { fetch(std::move(found.addresses)); });
  }

  void fetch(std::vector<policy::Address> addresses) {
    if (addresses.size() > most_probed) addresses.resize(most_probed);
    if (addresses.empty()) return finish_with("its name cannot be looked up");
    allow(addresses, tcp, url_.port);
    HttpFetch fetch;
    fetch.url = url_;
    fetch.accept = question_.accept;
    fetch.interface = network_.interface;
    fetch.addresses = std::move(addresses);
    fetch.most_body = question_.most_body;
    fetch.limit = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(until_ - prober_.loop_.now()),
                           std::chrono::milliseconds(1));
    step_ = http_get(prober_.loop_, std::move(fetch), [this](HttpAnswer answer) { finish(std::move(answer)); });
  }

  void finish_with(std::string fault) {
    HttpAnswer answer;
    answer.fault = std::move(fault);
    finish(std::move(answer));
  }

  void finish(HttpAnswer answer) {
    retire();
    const auto callback = std::move(callback_);
    callback(std::move(answer));  // may destroy this
  }

  Question question_;
  std::function<void(HttpAnswer)> callback_;
  HttpUrl url_;
};

class Prober::ResolverRun final : public Run {
 public:
  ResolverRun(Prober& prober, const policy::Address& server, std::string name, std::function<void(bool)> callback)
      : Run(prober), server_(server), name_(std::move(name)), callback_(std::move(callback)) {
    timer_ = prober_.loop_.after(std::chrono::milliseconds(0), [this] { begin(); });
  }

 private:
  void begin() {
    if (network_.interface.empty()) return finish(false);
    timer_ = prober_.loop_.after(longest_probe, [this] { finish(false); });
    allow({server_}, udp, 53);
    LookupRequest request{name_, network_.interface, {server_}};
    request.only_whether_answered = true;
    step_ = look_up(prober_.loop_, std::move(request), [this](const LookupResult& found) { finish(found.answered); });
  }

  void finish(bool answered) {
    retire();
    const auto callback = std::move(callback_);
    callback(answered);  // may destroy this
  }

  policy::Address server_;
  std::string name_;
  std::function<void(bool)> callback_;
};

Prober::Prober(Loop& loop, std::function<void()> exempt) : loop_(loop), exempt_(std::move(exempt)) {}
Prober::~Prober() = default;

std::unique_ptr<Waiting> Prober::ask(Question question, std::function<void(HttpAnswer)> callback) {
  return std::make_unique<PageRun>(*this, std::move(question), std::move(callback));
}

std::unique_ptr<Waiting> Prober::ask_resolver(const policy::Address& server, std::string name,
                                              std::function<void(bool)> callback) {
  return std::make_unique<ResolverRun>(*this, server, std::move(name), std::move(callback));
}

std::vector<Exemption> Prober::exemptions() const {
  std::vector<Exemption> out;
  for (const Run* run : runs_) out.insert(out.end(), run->exemptions().begin(), run->exemptions().end());
  return out;
}

}  // namespace vpn::agent
