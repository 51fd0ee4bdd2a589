#include "agent/control/lookup_holds.h"

#include <utility>

#include "agent/dns/message.h"

namespace vpn::agent {

bool LookupHolds::may_proceed(const LookupAsked& asked, Proceed proceed) {
  const std::uint32_t tunnel = asked.verdict.tunnel;
  if (tunnel != policy::none) {
    if (asked.verdict.verdict != policy::Verdict::drop || !rules_.may_wait(tunnel)) return true;
    if (hosts_.is_never(tunnel, asked.name)) return true;
    held_[tunnel].push_back(std::move(proceed));
    rules_.used(tunnel);
    return false;
  }
  if (asked.verdict.verdict == policy::Verdict::drop) return true;
  // Nothing takes it now; a VPN that is down may be meant to.
  for (const std::uint32_t t : hosts_.down()) {
    switch (hosts_.judge(t, asked.name)) {
      case HostEvaluations::Outcome::needed:
        if (held_for(t, proceed)) return false;
        break;
      case HostEvaluations::Outcome::pending:
        hosts_.when_known(t, asked.name, [this, asked, proceed] {
          if (may_proceed(asked, proceed)) proceed();
        });
        return false;
      default:
        break;
    }
  }
  return true;
}

bool LookupHolds::answered(const LookupAsked& asked, bool resolved, Proceed again) {
  const bool of_host = asked.type == dns::type_a || asked.type == dns::type_aaaa;
  if (resolved || !of_host || asked.verdict.tunnel != policy::none) return true;
  for (const std::uint32_t t : hosts_.down())
    if (hosts_.unresolved(t, asked.name) && held_for(t, again)) return false;
  return true;
}

bool LookupHolds::held_for(std::uint32_t tunnel, Proceed proceed) {
  rules_.needed(tunnel, hosts_.why(tunnel));
  if (!rules_.may_wait(tunnel)) return false;
  held_[tunnel].push_back(std::move(proceed));
  return true;
}

bool LookupHolds::wants_all() const { return hosts_.evaluates_any(); }

void LookupHolds::release(std::uint32_t tunnel) {
  const auto held = held_.extract(tunnel);
  if (held.empty()) return;
  for (const Proceed& proceed : held.mapped()) proceed();
}

}  // namespace vpn::agent
