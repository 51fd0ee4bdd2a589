#include "agent/dns/https.h"

#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <utility>

#include "agent/dns/channel.h"
#include "agent/dns/http.h"
#include "agent/dns/http2.h"
#include "agent/dns/stream.h"

namespace vpn::agent::dns {
namespace {

constexpr std::size_t most_plain = 16;

}  // namespace

// A question, as long as somebody waits for its answer.
class HttpsLinks::Asked final : public Waiting {
 public:
  Asked(Loop& loop, HttpsQuestion what, Done whom) : question(std::move(what)), loop_(loop), done_(std::move(whom)) {}
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;
  ~Asked() override;

  void finish(std::optional<Bytes> answer) {
    link = nullptr;
    over_ = loop_.after(std::chrono::milliseconds(0),
                        [done = std::move(done_), a = std::move(answer)]() mutable { done(std::move(a)); });
  }

  const HttpsQuestion question;
  Link* link = nullptr;     ///< that it is on
  std::int32_t number = 0;  ///< its HTTP/2 stream

 private:
  Loop& loop_;
  Done done_;
  std::unique_ptr<Waiting> over_;
};

// A connection. It is not destroyed by what it calls, but swept away later.
class HttpsLinks::Link {
 public:
  Link(HttpsLinks& links, Wire wire, const HttpsQuestion& first, bool alone)
      : links_(links),
        standing_(first.standing),
        resolver_(first.resolver),
        server_(first.server),
        alone_(alone),
        channel_(links.loop_, std::move(wire),
                 {[this] { opened(); }, [this](View piece) { came(piece); }, [this](bool whole) { closed(whole); }}) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() {
    if (client_ != nullptr && !over_) {
      client_->say_goodbye();
      channel_.send(client_->output());
    }
    for (Asked* const a : asked_) a->finish(std::nullopt);
  }

  bool is_for(const HttpsQuestion& q) const {
    const bool room = client_ == nullptr ? !alone_ && asked_.size() < Http2Client::most_open : client_->has_room();
    return !over_ && !left_ && room && standing_ == q.standing && server_ == q.server && resolver_ == q.resolver;
  }
  void take_on(Asked& a) {
    a.link = this;
    asked_.push_back(&a);
    idle_since_.reset();
    if (client_ == nullptr) return;
    put(a);
    send();
  }
  // Nobody waits for it any more: it has taken too long. Others find their own way from now on.
  void forget(Asked& a) {
    left_ = true;
    std::erase(asked_, &a);
    if (client_ != nullptr && a.number != 0) {
      client_->forget(a.number);
      send();
    }
    rest();
  }
  bool is_over() const { return over_ || (asked_.empty() && (left_ || alone_)); }
  const std::optional<Loop::Clock::time_point>& idle_since() const { return idle_since_; }

 private:
  void opened() {
    if (asked_.empty()) return end();
    if (!channel_.speaks_http2()) return speak_plainly();
    client_ = Http2Client::make();
    if (client_ == nullptr) return end();
    alone_ = false;
    std::erase(links_.plain_, resolver_);
    const std::vector<Asked*> waiting = asked_;
    for (Asked* const a : waiting) put(*a);
    send();
  }
  // One question has this connection to itself; the others need their own.
  void speak_plainly() {
    alone_ = true;
    const std::vector<Asked*> others(asked_.begin() + 1, asked_.end());
    asked_.resize(1);
    const HttpsQuestion& q = asked_.front()->question;
    const std::string text = http_request(http_place(resolver_, server_), q.query);
    channel_.send({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    links_.alone_from_now_on(others, resolver_);
  }
  void put(Asked& a) {
    a.number = client_->ask(http_place(resolver_, server_), a.question.query);
    if (a.number == 0) tell(a, std::nullopt);
  }
  void tell(Asked& a, std::optional<Bytes> answer) {
    std::erase(asked_, &a);
    a.finish(std::move(answer));
    rest();
  }
  void send() {
    const Bytes bytes = client_->output();
    if (!bytes.empty()) channel_.send(bytes);
  }

  void came(View piece) {
    if (over_) return;
    if (client_ == nullptr) return came_plainly(piece, false);
    const bool goes_on = client_->take(piece);
    for (Http2Client::Answer& answer : client_->answers()) {
      const auto it =
          std::find_if(asked_.begin(), asked_.end(), [&](const Asked* a) { return a->number == answer.question; });
      if (it != asked_.end()) tell(**it, std::move(answer.message));
    }
    send();
    if (!goes_on) end();
  }
  void came_plainly(View piece, bool ended) {
    if (asked_.empty()) return;
    const auto state = plain_.take({reinterpret_cast<const char*>(piece.data()), piece.size()}, ended);
    if (state == HttpAnswer::State::more) return;
    tell(*asked_.front(), state == HttpAnswer::State::whole ? std::optional(plain_.message()) : std::nullopt);
    end();
  }
  void closed(bool whole) {
    if (over_) return;
    if (client_ == nullptr && alone_ && whole) came_plainly({}, true);
    end();
  }
  // The end of the connection; what is still open gets no answer here.
  void end() {
    over_ = true;
    for (Asked* const a : std::exchange(asked_, {})) a->finish(std::nullopt);
    links_.sweep_soon();
  }
  void rest() {
    if (!asked_.empty()) return;
    idle_since_ = links_.loop_.now();
    links_.sweep_soon();
  }

  HttpsLinks& links_;
  const Standing standing_;
  const Resolver resolver_;
  const policy::Address server_;
  bool alone_;         ///< for one question
  bool left_ = false;  ///< takes no other question
  bool over_ = false;
  std::vector<Asked*> asked_;  ///< those that wait; their owners outlive neither them nor this
  std::optional<Loop::Clock::time_point> idle_since_;
  std::unique_ptr<Http2Client> client_;
  HttpAnswer plain_;
  Channel channel_;
};

HttpsLinks::Asked::~Asked() {
  if (link != nullptr) link->forget(*this);
}

HttpsLinks::HttpsLinks(Loop& loop) : loop_(loop) {}
HttpsLinks::~HttpsLinks() = default;

std::unique_ptr<Waiting> HttpsLinks::ask(HttpsQuestion question, Done done) {
  auto asked = std::make_unique<Asked>(loop_, std::move(question), std::move(done));
  return place(*asked) ? std::move(asked) : nullptr;
}

bool HttpsLinks::place(Asked& asked) {
  const bool alone = std::find(plain_.begin(), plain_.end(), asked.question.resolver) != plain_.end();
  const auto it = std::find_if(links_.begin(), links_.end(), [&](const auto& l) { return l->is_for(asked.question); });
  if (alone || it == links_.end()) return open(asked, alone);
  (*it)->take_on(asked);
  return true;
}

bool HttpsLinks::open(Asked& asked, bool alone) {
  const HttpsQuestion& q = asked.question;
  if (q.trust == nullptr) return false;
  Descriptor socket = connected_socket(q.server, q.resolver.port, SOCK_STREAM, q.prepare);
  if (!socket) return false;
  auto tls = TlsSession::open(q.trust, socket.get(), q.resolver.name, q.server, TlsSession::Speaks::http2_or_http1);
  if (tls == nullptr) return false;
  links_.push_back(std::make_unique<Link>(*this, Wire(std::move(socket), std::move(tls)), q, alone));
  links_.back()->take_on(asked);
  return true;
}

void HttpsLinks::alone_from_now_on(const std::vector<Asked*>& waiting, const Resolver& resolver) {
  if (plain_.size() >= most_plain) plain_.clear();
  if (std::find(plain_.begin(), plain_.end(), resolver) == plain_.end()) plain_.push_back(resolver);
  for (Asked* const a : waiting)
    if (!open(*a, true)) a->finish(std::nullopt);
}

void HttpsLinks::clear() {
  links_.clear();
  plain_.clear();
  sweeping_.reset();
}

void HttpsLinks::sweep_soon() {
  sweeping_ = loop_.after(std::chrono::milliseconds(0), [this] { sweep(); });
}

// What is over or has been idle for too long goes, then the longest idle, when there are too many.
void HttpsLinks::sweep() {
  sweeping_.reset();
  const Loop::Clock::time_point now = loop_.now();
  links_.remove_if(
      [&](const auto& l) { return l->is_over() || (l->idle_since() && now - *l->idle_since() >= idle_limit); });
  links_.sort([](const auto& a, const auto& b) {
    const auto since = [](const auto& l) { return l->idle_since().value_or(Loop::Clock::time_point::max()); };
    return since(a) < since(b);
  });
  auto idle = static_cast<std::size_t>(
      std::count_if(links_.begin(), links_.end(), [](const auto& l) { return l->idle_since().has_value(); }));
  for (; idle > most_idle; --idle) links_.pop_front();
  if (idle == 0) return;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*links_.front()->idle_since() + idle_limit - now);
  sweeping_ = loop_.after(left, [this] { sweep(); });
}

}  // namespace vpn::agent::dns
