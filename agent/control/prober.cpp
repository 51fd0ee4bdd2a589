#include "agent/control/prober.h"

#include <algorithm>
#include <utility>

#include "agent/network/lookup.h"

namespace vpn::agent {
namespace {

constexpr std::uint8_t tcp = 6, udp = 17;
constexpr std::size_t most_resolvers = 3, most_probed = 4;

}  // namespace

class Prober::Run final : public Waiting {
 public:
  Run(Prober& prober, Question question, std::function<void(HttpAnswer)> callback)
      : prober_(prober), question_(std::move(question)), callback_(std::move(callback)), network_(prober.network_) {
    prober_.runs_.insert(this);
    until_ = prober_.loop_.now() + longest_probe;
    timer_ = prober_.loop_.after(std::chrono::milliseconds(0), [this] { begin(); });
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() override {
    if (prober_.runs_.erase(this) != 0 && !exemptions_.empty()) prober_.exempt_();
  }

  const std::vector<Exemption>& exemptions() const { return exemptions_; }

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
    step_ = look_up(prober_.loop_, std::move(request),
                    [this](std::vector<policy::Address> found) { fetch(std::move(found)); });
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

  void finish_with(std::string fault) {
    HttpAnswer answer;
    answer.fault = std::move(fault);
    finish(std::move(answer));
  }

  void finish(HttpAnswer answer) {
    step_.reset();
    timer_.reset();
    prober_.runs_.erase(this);
    if (!exemptions_.empty()) prober_.exempt_();
    const auto callback = std::move(callback_);
    callback(std::move(answer));  // may destroy this
  }

  Prober& prober_;
  Question question_;
  std::function<void(HttpAnswer)> callback_;
  Network network_;
  HttpUrl url_;
  Loop::Clock::time_point until_;
  std::vector<Exemption> exemptions_;
  std::unique_ptr<Waiting> timer_, step_;
};

Prober::Prober(Loop& loop, std::function<void()> exempt) : loop_(loop), exempt_(std::move(exempt)) {}
Prober::~Prober() = default;

std::unique_ptr<Waiting> Prober::ask(Question question, std::function<void(HttpAnswer)> callback) {
  return std::make_unique<Run>(*this, std::move(question), std::move(callback));
}

std::vector<Exemption> Prober::exemptions() const {
  std::vector<Exemption> out;
  for (const Run* run : runs_) out.insert(out.end(), run->exemptions().begin(), run->exemptions().end());
  return out;
}

}  // namespace vpn::agent
