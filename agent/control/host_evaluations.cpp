#include "agent/control/host_evaluations.h"

#include <algorithm>
#include <utility>

#include "agent/files/files.h"

namespace vpn::agent {
namespace {

constexpr std::size_t most_required_servers = 4;
constexpr int http_ok = 200;

}  // namespace

struct HostEvaluations::Evaluation {
  std::string network;  // that was asked
  Outcome outcome = Outcome::pending;
  std::string why;
  bool server_missing = false, page_missing = false;  // yet
  std::size_t silent = 0, servers = 0;
  Loop::Clock::time_point until;
  std::vector<std::unique_ptr<Waiting>> asking;
  std::vector<std::function<void()>> waiting;
};

HostEvaluations::HostEvaluations(Loop& loop, Hooks hooks) : loop_(loop), hooks_(std::move(hooks)) {}
HostEvaluations::~HostEvaluations() = default;

void HostEvaluations::set(std::shared_ptr<const ActivePolicy> policy) {
  evaluations_.clear();
  seen_.clear();
  policy_ = std::move(policy);
  device_wide_ = device_wide(policy_->policy);
}

void HostEvaluations::rules_changed() {
  std::vector<std::function<void()>> waiting;
  for (auto it = evaluations_.begin(); it != evaluations_.end();) {
    const auto& [tunnel, rule, parameter] = it->first;
    const OnDemandLife& life = hooks_.life(tunnel);
    if (vpn::agent::evaluates(life) && life.network.rule == rule && life.network.network == it->second->network) {
      ++it;
      continue;
    }
    std::move(it->second->waiting.begin(), it->second->waiting.end(), std::back_inserter(waiting));
    it = evaluations_.erase(it);
  }
  std::erase_if(seen_, [&](const auto& seen) {
    const OnDemandLife& life = hooks_.life(seen.first);
    return !vpn::agent::evaluates(life) || life.network.network != seen.second.network;
  });
  for (const auto& done : waiting) done();
}

bool HostEvaluations::evaluates(std::uint32_t tunnel) const {
  return tunnel < device_wide_.size() && device_wide_[tunnel] && vpn::agent::evaluates(hooks_.life(tunnel));
}

bool HostEvaluations::evaluates_any() const {
  for (std::uint32_t t = 0; t < device_wide_.size(); ++t)
    if (evaluates(t)) return true;
  return false;
}

std::vector<std::uint32_t> HostEvaluations::down() const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t t = 0; t < device_wide_.size(); ++t)
    if (evaluates(t) && !hooks_.life(t).up) out.push_back(t);
  return out;
}

std::optional<HostRule> HostEvaluations::rule_for(std::uint32_t tunnel, std::string_view host) const {
  if (policy_ == nullptr || tunnel >= device_wide_.size()) return std::nullopt;
  const OnDemandLife& life = hooks_.life(tunnel);
  if (!vpn::agent::evaluates(life)) return std::nullopt;
  return host_rule(policy_->policy, tunnel, *life.network.rule, host);
}

HostEvaluations::Key HostEvaluations::key_of(std::uint32_t tunnel, const HostRule& rule) const {
  return {tunnel, hooks_.life(tunnel).network.rule.value_or(0), rule.index};
}

bool HostEvaluations::is_never(std::uint32_t tunnel, std::string_view host) const {
  const auto rule = rule_for(tunnel, host);
  return rule && rule->never;
}

HostEvaluations::Outcome HostEvaluations::judge(std::uint32_t tunnel, std::string_view host) {
  const auto rule = rule_for(tunnel, host);
  if (!rule) return Outcome::unspoken;
  if (rule->never || (!rule->needs_servers && rule->url.empty())) {
    const Outcome outcome = rule->never ? Outcome::never : Outcome::not_needed;
    note(tunnel, *rule, host, outcome, {});
    return outcome;
  }
  const Key key = key_of(tunnel, *rule);
  auto& known = evaluations_[key];
  if (known == nullptr || (known->outcome != Outcome::pending && loop_.now() >= known->until)) {
    known = std::make_unique<Evaluation>();
    begin(*known, key, *rule, host);
  }
  note(tunnel, *rule, host, known->outcome, known->why);
  return known->outcome;
}

void HostEvaluations::begin(Evaluation& e, const Key& key, const HostRule& rule, std::string_view host) {
  e.network = hooks_.life(std::get<0>(key)).network.network;
  if (rule.needs_servers) {
    e.server_missing = true;
    e.servers = std::min(rule.dns_servers.size(), most_required_servers);
    for (std::size_t i = 0; i < e.servers; ++i)
      e.asking.push_back(hooks_.ask(rule.dns_servers[i], std::string(host),
                                    [this, key](bool answered) { server_told(key, answered); }));
  }
  if (!rule.url.empty()) {
    e.page_missing = true;
    e.asking.push_back(
        hooks_.get(rule.url, [this, key, url = rule.url](const HttpAnswer& answer) { page_told(key, url, answer); }));
  }
  if (e.asking.empty()) {  // servers that are no addresses
    e.outcome = Outcome::needed;
    e.why = "none of RequiredDNSServers is an address";
    e.until = loop_.now() + lasts;
  }
}

void HostEvaluations::server_told(const Key& key, bool answered) {
  const auto it = evaluations_.find(key);
  if (it == evaluations_.end() || it->second->outcome != Outcome::pending) return;
  Evaluation& e = *it->second;
  if (answered) {
    e.server_missing = false;  // one that answers is enough
    if (!e.page_missing) finish(key, Outcome::not_needed, {});
  } else if (++e.silent == e.servers) {
    finish(key, Outcome::needed, "none of RequiredDNSServers answers");
  }
}

void HostEvaluations::page_told(const Key& key, const std::string& url, const HttpAnswer& answer) {
  const auto it = evaluations_.find(key);
  if (it == evaluations_.end() || it->second->outcome != Outcome::pending) return;
  Evaluation& e = *it->second;
  e.page_missing = false;
  if (answer.status == http_ok) {
    if (!e.server_missing) finish(key, Outcome::not_needed, {});
    return;
  }
  finish(key, Outcome::needed,
         "RequiredURLStringProbe " + printable(url) +
             " fails: " + (answer.status != 0 ? "status " + std::to_string(answer.status) : printable(answer.fault)));
}

void HostEvaluations::finish(const Key& key, Outcome outcome, std::string why) {
  Evaluation& e = *evaluations_.find(key)->second;
  e.outcome = outcome;
  e.why = std::move(why);
  e.until = loop_.now() + lasts;
  const auto ended = std::exchange(e.asking, {});
  const auto waiting = std::exchange(e.waiting, {});
  const auto seen = seen_.find(std::get<0>(key));
  if (seen != seen_.end() && seen->second.parameter == std::get<2>(key) && seen->second.outcome == Outcome::pending) {
    seen->second.outcome = outcome;
    seen->second.why = e.why;
  }
  for (const auto& done : waiting) done();
}

void HostEvaluations::when_known(std::uint32_t tunnel, std::string_view host, std::function<void()> done) {
  const auto rule = rule_for(tunnel, host);
  const auto it = rule ? evaluations_.find(key_of(tunnel, *rule)) : evaluations_.end();
  if (it != evaluations_.end()) it->second->waiting.push_back(std::move(done));
}

bool HostEvaluations::unresolved(std::uint32_t tunnel, std::string_view host) {
  const auto rule = rule_for(tunnel, host);
  if (!rule || rule->never) return false;
  note(tunnel, *rule, host, Outcome::needed, "the name does not resolve");
  return true;
}

void HostEvaluations::note(std::uint32_t tunnel, const HostRule& rule, std::string_view host, Outcome outcome,
                           std::string why) {
  seen_[tunnel] = {std::string(host), rule.index,     rule.source,
                   outcome,           std::move(why), hooks_.life(tunnel).network.network};
}

std::string HostEvaluations::why(std::uint32_t tunnel) const {
  const Seen* seen = last(tunnel);
  return seen == nullptr ? std::string() : seen->host + " needs it, " + seen->why;
}

const HostEvaluations::Seen* HostEvaluations::last(std::uint32_t tunnel) const {
  const auto it = seen_.find(tunnel);
  return it == seen_.end() ? nullptr : &it->second;
}

std::optional<HostEvaluations::Seen> HostEvaluations::about(std::uint32_t tunnel, std::string_view host) const {
  const auto rule = rule_for(tunnel, host);
  if (!rule) return std::nullopt;
  if (const Seen* seen = last(tunnel); seen != nullptr && seen->host == host) return *seen;
  Seen out;
  out.host = std::string(host);
  out.parameter = rule->index;
  out.source = rule->source;
  out.outcome = rule->never ? Outcome::never : Outcome::not_needed;
  const auto known = evaluations_.find(key_of(tunnel, *rule));
  if (!rule->never && (rule->needs_servers || !rule->url.empty())) {
    const bool fresh = known != evaluations_.end() &&
                       (known->second->outcome == Outcome::pending || loop_.now() < known->second->until);
    out.outcome = fresh ? known->second->outcome : Outcome::unspoken;
    if (fresh) out.why = known->second->why;
  }
  return out;
}

std::string_view to_string(HostEvaluations::Outcome outcome) {
  switch (outcome) {
    case HostEvaluations::Outcome::never:
      return "never";
    case HostEvaluations::Outcome::pending:
      return "pending";
    case HostEvaluations::Outcome::not_needed:
      return "not-needed";
    case HostEvaluations::Outcome::needed:
      return "needed";
    case HostEvaluations::Outcome::unspoken:
      break;
  }
  return "unknown";
}

}  // namespace vpn::agent
