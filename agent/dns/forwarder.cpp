#include "agent/dns/forwarder.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "agent/dns/exchange.h"
#include "agent/dns/inventions.h"

namespace vpn::agent::dns {
namespace {

// Who finds these turns to a resolver of its own, past us: the browser's canary, and RFC 9462 6.1, by which a forwarder
// must not hand on what its upstream says of itself.
bool leads_past_us(std::string_view name) {
  constexpr std::array<std::string_view, 2> names{"use-application-dns.net", "resolver.arpa"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view n) {
    return name == n || (name.ends_with(n) && name[name.size() - n.size() - 1] == '.');
  });
}

// One A record for the name that was asked (RFC 1035, 4.1.3).
Bytes invented_answer(View query, const policy::Address& address) {
  Bytes out = refusal(query, Rcode::no_error);
  if (out.size() <= header_size) return out;  // a question that cannot be repeated
  constexpr std::size_t answer_count = 7;
  out[answer_count] = 1;
  constexpr std::array<std::uint8_t, 12> record{0xc0, header_size, 0, 1, 0, 1, 0, 0, 0, Inventions::lives.count(), 0,
                                                4};
  out.insert(out.end(), record.begin(), record.end());
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(address.v4() >> shift & 0xff));
  return out;
}

}  // namespace

struct Forwarder::Question {
  Asker asker;
  Query query;
  Bytes message;
  bool stream = false;
  bool gate_asked = false, gate_told = false, waits = false;
  Choice choice;
  Reply reply;
  std::unique_ptr<Waiting> waiting;
};

Forwarder::Forwarder(Loop& loop, LookupRules& rules)
    : loop_(loop), rules_(rules), self_(std::make_shared<Forwarder*>(this)), links_(loop) {}

Result<std::unique_ptr<Forwarder>> Forwarder::open(Loop& loop, std::span<const ForwarderPlace> places,
                                                   LookupRules& rules) {
  std::unique_ptr<Forwarder> out(new Forwarder(loop, rules));
  Forwarder* const self = out.get();
  Listeners::Hooks hooks;
  hooks.asker = [self](std::uint8_t protocol, const policy::Address& address, std::uint16_t port) {
    return self->rules_.asker(protocol, address, port);
  };
  hooks.asked = [self](const Asker& asker, View query, bool stream, Reply reply) {
    self->asked(asker, query, stream, std::move(reply));
  };
  hooks.read_until = [self](std::chrono::nanoseconds before) { self->rules_.questions_read(before); };
  auto listeners = Listeners::open(loop, places, hooks);
  if (!listeners) return tl::unexpected(listeners.error());
  out->listeners_ = std::move(*listeners);
  return out;
}

Forwarder::~Forwarder() { *self_ = nullptr; }

void Forwarder::asked(const Asker& asker, View query, bool stream, Reply reply) {
  ReadQuery read = read_query(query);
  if (!read.query) {
    if (read.refusal) reply(refusal(query, *read.refusal));
    return;
  }
  ++counts_.asked;
  if (leads_past_us(read.query->name)) return reply(refusal(query, Rcode::name_error));
  const auto same = std::count_if(pending_.begin(), pending_.end(), [&](const auto& p) {
    return p.second->asker.owner.app == asker.owner.app && p.second->asker.owner.spawner == asker.owner.spawner;
  });
  const bool strange = asker.owner.uncertain || asker.owner.agent || asker.owner.provider != 0;
  if (strange || pending_.size() >= most_pending || static_cast<std::size_t>(same) >= most_of_one) {
    ++counts_.refused;
    return reply(refusal(query, strange ? Rcode::refused : Rcode::server_failure));
  }
  auto question = std::make_unique<Question>();
  question->asker = asker;
  question->query = std::move(*read.query);
  question->message.assign(query.begin(), query.end());
  question->stream = stream;
  question->reply = std::move(reply);
  pending_.emplace(++last_, std::move(question));
  go_on(last_);
}

LookupGate::Proceed Forwarder::go_on_later(std::uint64_t number) {
  return [weak = std::weak_ptr<Forwarder*>(self_), number] {
    const auto self = weak.lock();
    if (self == nullptr || *self == nullptr) return;
    const auto it = (*self)->pending_.find(number);
    if (it == (*self)->pending_.end() || !it->second->waits) return;
    // Not within what the gate is doing.
    it->second->waits = false;
    it->second->waiting = (*self)->loop_.after(std::chrono::milliseconds(0), [f = *self, number] { f->go_on(number); });
  };
}

void Forwarder::go_on(std::uint64_t number) {
  Question& q = *pending_.find(number)->second;
  q.waits = false;
  q.choice = rules_.choose(q.asker, q.query);
  LookupGate* const gate = rules_.gate();
  if (gate != nullptr && !std::exchange(q.gate_asked, true)) {
    q.waits = true;
    q.waiting = loop_.after(lookup_hold_limit, [this, number] { go_on(number); });
    if (!gate->may_proceed(rules_.describe(q.asker, q.query, q.choice), go_on_later(number))) return;
    q.waits = false;
  }
  if (q.choice.by_proxy) {
    const bool wants_one = q.query.type == type_a;
    const auto address = wants_one ? rules_.invent(q.query) : std::nullopt;
    if (wants_one && !address) {
      ++counts_.failed;
      return fail(number, Rcode::server_failure);
    }
    ++counts_.answered;
    return end(number, address ? invented_answer(q.message, *address) : refusal(q.message, Rcode::no_error));
  }
  if (!q.choice.resolver) {
    ++counts_.refused;
    rules_.refused(q.asker, q.query, q.choice);
    return fail(number, Rcode::server_failure);
  }
  ExchangeRequest request;
  request.query = q.message;
  request.stream = q.stream;
  request.resolver = *q.choice.resolver;
  if (request.resolver.transport != Transport::cleartext) request.trust = rules_.trust(request.resolver);
  request.links = &links_;
  request.standing = rules_.standing(q.asker, q.query);
  request.prepare = [this, asker = q.asker, query = q.query](int socket) {
    return rules_.ask_for(socket, asker, query);
  };
  q.waiting = exchange(loop_, std::move(request),
                       [this, number](std::optional<Bytes> answer) { answered(number, std::move(answer)); });
}

void Forwarder::answered(std::uint64_t number, std::optional<Bytes> answer) {
  Question& q = *pending_.find(number)->second;
  const auto read = answer ? read_answer(*answer) : std::nullopt;
  LookupGate* const gate = rules_.gate();
  if (gate != nullptr && !std::exchange(q.gate_told, true)) {
    const bool resolved = read && read->rcode == Rcode::no_error;
    q.waits = true;
    q.waiting = loop_.after(lookup_hold_limit, [this, number] { go_on(number); });
    if (!gate->answered(rules_.describe(q.asker, q.query, q.choice), resolved, go_on_later(number))) return;
    q.waits = false;
  }
  if (!read || !rules_.tie(q.asker, q.query, read->addresses)) {
    ++counts_.failed;
    return fail(number, Rcode::server_failure);
  }
  ++counts_.answered;
  end(number, !q.stream && answer->size() > q.query.room ? truncated(*answer) : *answer);
}

void Forwarder::fail(std::uint64_t number, Rcode rcode) {
  end(number, refusal(pending_.find(number)->second->message, rcode));
}

void Forwarder::end(std::uint64_t number, const Bytes& answer) {
  const auto it = pending_.find(number);
  const std::unique_ptr<Question> question = std::move(it->second);
  pending_.erase(it);
  question->reply(answer);
}

void Forwarder::cancel_all() {
  while (!pending_.empty()) {
    ++counts_.failed;
    fail(pending_.begin()->first, Rcode::server_failure);
  }
  links_.clear();
}

}  // namespace vpn::agent::dns
