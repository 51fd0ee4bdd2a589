// Properties of decide() over many flows, policies and states: no allocation, no shared state, locality of changes.
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "policy_generated.h"
#include "tests/support/allocations.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"
#include "tests/unit/policy/random.h"

namespace vpn::test {
namespace {

using made::ListKind;
using policy::InterfaceType;
using policy::Role;
using policy::Service;
using policy::TunnelStatus;
using policy::Verdict;

const std::vector<std::string> identifiers{"a.mail", "a.browser", "a.terminal", "/usr/bin/ssh", "a.phone", "a.portal"};
const std::vector<std::string> hosts{"", "example.com", "www.example.com", "mail.example.net", "example.org"};
const std::vector<std::string> remotes{
    "127.0.0.1",       "192.168.1.20",         "192.168.1.50", "10.1.2.3", "10.9.1.1",     "203.0.113.80",
    "203.0.113.5",     "17.249.1.1",           "224.0.0.251",  "fe80::1",  "2001:db8::80", "::ffff:10.1.2.3",
    "255.255.255.255", "64:ff9b::203.0.113.80"};
const std::vector<std::string> interfaces{"", "wlan0", "lo", "utun0", "eth9"};

/// A policy of every kind of VPN; with or without always-on.
PolicyMaker random_policy(Random& random, const std::string& prefix = "") {
  PolicyMaker m;
  m.services();
  m.servers({"vpn.example.com"});
  m.probe("example.org", 443);
  const bool always_on = random.chance(30);
  if (always_on) {
    m.always_on_tunnel(prefix + "A#0", static_cast<std::uint8_t>(random.below(4)));
    m.always_on().captive_websheet = random.chance(50);
    m.always_on().captive_all = random.chance(50);
    if (random.chance(50)) m.service_exception(Service::apns, random.chance(50));
  }
  for (const char* id : {"V", "W"}) {
    if (random.chance(40)) continue;
    const std::uint32_t v = m.per_app(prefix + id, random.chance(30));
    m.app(random.pick(identifiers)).governed.insert(v);
    m.app("a.terminal").tools[v] = {"/usr/bin/ssh"};
    m.domains(ListKind::excluded, v, {"example.com"});
    m.domains(ListKind::safari, v, {"example.net", "example.org"});
  }
  for (const char* id : {"D", "E"}) {
    if (random.chance(40)) continue;
    made::DeviceT& d = m.device(prefix + id, random.chance(20));
    d.include_all = random.chance(40);
    d.enforce_routes = !d.include_all && random.chance(50);
    d.exclude_local = random.chance(50);
    d.exclude_apns = random.chance(50);
    d.exclude_cellular = random.chance(50);
    d.exclude_device_communication = random.chance(50);
  }
  m.app("a.browser", {Role::browser});
  m.app("a.phone", {Role::cellular_services});
  m.app("a.portal", {Role::captive_websheet, Role::captive_plugin});
  for (const std::string& name : identifiers) m.app(name);
  return m;
}

S random_state(Random& random, const std::string& prefix = "") {
  S s = on_wifi();
  s.interfaces[0].type = static_cast<InterfaceType>(random.below(4));
  s.captive = random.chance(20);
  s.probing = random.chance(20);
  if (random.chance(10)) s.primary("");
  int n = 0;
  for (const char* id : {"A#0", "V", "W", "D", "E"}) {
    s.tunnel(prefix + id, static_cast<TunnelStatus>(random.below(6)), "utun" + std::to_string(n++));
    if (random.chance(40)) s.tunnels.back().status = TunnelStatus::connected;
    s.includes({"10.0.0.0/8"}).excludes({"10.9.0.0/16"}).endpoint("203.0.113.5", "udp", 4500);
    if (random.chance(50)) s.includes({"0.0.0.0/0", "::/0"});
  }
  return s;
}

F random_flow(Random& random) {
  const std::vector<std::string> protocols{"tcp", "tcp", "udp", "udp", "icmp", "icmpv6", "igmp", "gre"};
  const std::vector<int> ports{53, 67, 443, 443, 631, 4500, 5353};
  F f(random.pick(protocols), random.pick(remotes), random.pick(ports));
  const std::vector<std::string> owners{"other", "unattributed", "forwarded"};
  if (random.chance(70)) {
    f.by(random.pick(identifiers));
  } else {
    f.by(random.pick(owners));
  }
  if (random.chance(20)) f.spawned(random.pick(identifiers));
  f.to(random.pick(hosts));
  if (random.chance(20)) f.bound(random.pick(interfaces));
  if (random.chance(10)) f.by_agent();
  if (random.chance(10)) f.of(static_cast<Service>(random.below(policy::service_count)));
  if (random.chance(30)) f.type(static_cast<int>(random.below(150)));
  if (random.chance(30)) f.in(random.pick(interfaces));
  if (random.chance(20)) f.from_port(68).user(0);
  return f;
}

class Decide : public testing::Test {
 protected:
  static constexpr int policies = 60, flows = 200;
  Random random;
};

TEST_F(Decide, DoesNotAllocate) {
  std::size_t counted = 0;
  for (int p = 0; p < policies; ++p) {
    PolicyMaker maker = random_policy(random);
    const policy::Policy policy = maker.make();
    const policy::Situation situation(policy, random_state(random));
    for (int i = 0; i < flows; ++i) {
      F flow = random_flow(random);
      const F quoted = random_flow(random);
      if (i % 8 == 0) flow.quotes(quoted);
      const std::size_t before = allocations();
      decide(situation, flow);
      counted += allocations() - before;
    }
  }
  EXPECT_EQ(counted, 0U);
  EXPECT_GT(allocations(), 0U) << "the counter counts";
}

TEST_F(Decide, DependsOnItsArgumentsAlone) {
  for (int p = 0; p < policies; ++p) {
    PolicyMaker maker = random_policy(random);
    const policy::Policy policy = maker.make();
    const S state = random_state(random);
    const policy::Situation situation(policy, state);
    const policy::Situation again = policy::Situation(policy, random_state(random)).in(state);
    for (int i = 0; i < flows; ++i) {
      const F flow = random_flow(random);
      const std::string first = says(policy, decide(situation, flow));
      EXPECT_EQ(says(policy, decide(situation, flow)), first);
      EXPECT_EQ(says(policy, decide(again, flow)), first) << "a situation made from another";
    }
  }
}

TEST_F(Decide, IsSafeToShareBetweenThreads) {
  // Under the tsan preset this is what finds a race (CONTRIBUTING.md).
  for (int p = 0; p < 10; ++p) {
    PolicyMaker maker = random_policy(random);
    const policy::Policy policy = maker.make();
    const policy::Situation situation(policy, random_state(random));
    std::vector<F> all;
    for (int i = 0; i < flows; ++i) all.push_back(random_flow(random));
    std::array<std::vector<std::string>, 4> heard;
    const auto work = [&](std::vector<std::string>& out) {
      std::vector<policy::Passed> passed;
      for (const F& flow : all) out.push_back(says(policy, decide(situation, flow, &passed)));
      const policy::Situation next = situation.in(S());
      for (const F& flow : all) out.push_back(says(policy, decide(next, flow)));
    };
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < heard.size(); ++i) others.emplace_back(work, std::ref(heard[i]));
    work(heard[0]);
    for (std::thread& other : others) other.join();
    for (const auto& other : heard) EXPECT_EQ(other, heard[0]);
  }
}

TEST_F(Decide, NamesOfTunnelsDoNotMatter) {
  for (int p = 0; p < policies; ++p) {
    const std::uint64_t seed = random.bits();
    const auto all = [&](const std::string& prefix) {
      Random replay(seed);
      PolicyMaker maker = random_policy(replay, prefix);
      const policy::Policy policy = maker.make();
      const policy::Situation situation(policy, random_state(replay, prefix));
      std::vector<std::tuple<Verdict, policy::Rule, std::uint32_t, std::uint32_t>> out;
      for (int i = 0; i < flows; ++i) {
        const policy::Decision d = decide(situation, random_flow(replay));
        out.emplace_back(d.verdict, d.rule, d.tunnel, d.source);
      }
      return out;
    };
    EXPECT_EQ(all("0C6E1B1E-"), all("zz-"));
  }
}

TEST_F(Decide, AnExceptionChangesOnlyTheFlowsThatItNames) {
  for (int p = 0; p < policies; ++p) {
    PolicyMaker maker = random_policy(random);
    maker.always_on_tunnel("B#0");
    const S state = random_state(random).up("B#0", "utun9");
    const policy::Policy before = maker.make();
    const std::string app = random.pick(identifiers);
    const bool udp_only = random.chance(50);
    (udp_only ? maker.app(app).exception_udp : maker.app(app).exception_any) = maker.source("ApplicationExceptions[0]");
    const policy::Policy after = maker.make();
    const policy::Situation was(before, state), is(after, state);
    for (int i = 0; i < flows; ++i) {
      const F flow = random_flow(random);
      const std::string old = says(before, decide(was, flow)), now = says(after, decide(is, flow));
      const policy::Flow& judged = flow;
      const bool named =
          judged.owner == policy::Owner::app && judged.app == app && (!udp_only || judged.protocol == 17);
      if (!named) {
        EXPECT_EQ(now, old);
      } else if (now != old) {
        EXPECT_NE(now.find("S3.c @ ApplicationExceptions[0]"), std::string::npos) << old << " became " << now;
      }
    }
  }
}

TEST_F(Decide, IncomingFollowsTheOutgoingVerdict) {
  for (int p = 0; p < policies; ++p) {
    PolicyMaker maker = random_policy(random);
    const policy::Policy policy = maker.make();
    const S state = random_state(random);
    const policy::Situation situation(policy, state);
    for (int i = 0; i < flows; ++i) {
      F out = random_flow(random);
      out.incoming = false;
      out.scope = {};
      // Discovery, encapsulations and redirects have rules of their own for each direction.
      if (out.protocol == 58 || out.protocol == 47 || (out.protocol == 1 && out.icmp_type == 5)) continue;
      const policy::Decision left = decide(situation, out);
      int accepted_from_tunnels = 0, accepted_from_links = 0;
      for (const char* on : {"utun0", "utun1", "utun2", "utun3", "utun4", "wlan0", "eth9"}) {
        const policy::Decision back = decide(situation, F(out).in(on));
        EXPECT_EQ(back.rule, left.rule);
        EXPECT_EQ(back.source, left.source);
        ASSERT_TRUE(back.verdict == Verdict::accept || back.verdict == Verdict::drop);
        (on[0] == 'u' ? accepted_from_tunnels : accepted_from_links) += back.verdict == Verdict::accept ? 1 : 0;
      }
      const std::pair got(accepted_from_tunnels, accepted_from_links);
      switch (left.verdict) {
        case Verdict::tunnel:
          EXPECT_EQ(got, std::pair(1, 0));
          break;
        case Verdict::direct:
          EXPECT_EQ(got, std::pair(0, 2));
          break;
        case Verdict::system:
          EXPECT_EQ(got, std::pair(5, 2));
          break;
        default:
          EXPECT_EQ(got, std::pair(0, 0));
      }
    }
  }
}

TEST_F(Decide, NothingIsDirectUnderAlwaysOnButS1AndExceptions) {
  for (int p = 0; p < policies; ++p) {
    PolicyMaker maker = random_policy(random);
    maker.always_on_tunnel("B#0");
    const policy::Policy policy = maker.make();
    const policy::Situation situation(policy, random_state(random));
    for (int i = 0; i < flows; ++i) {
      F flow = random_flow(random);
      flow.incoming = false;
      const policy::Decision d = decide(situation, flow);
      const std::string_view rule = to_string(d.rule);
      const bool exempt = rule.starts_with("S1") || rule == "S3.a" || rule == "S3.b";
      EXPECT_EQ(d.verdict == Verdict::system && rule != "S0", false);
      EXPECT_EQ(d.verdict == Verdict::direct && !exempt, false) << rule;
      EXPECT_NE(d.verdict, Verdict::accept);
      EXPECT_NE(d.verdict, Verdict::proxy);
    }
  }
}

// --- What keeps a decision bounded ---

TEST(Limits, TheReaderRefusesMoreThanOneDeviceCanHave) {
  PolicyMaker devices;
  for (std::uint32_t i = 0; i < policy::most_devices; ++i) devices.device("D" + std::to_string(i));
  EXPECT_NO_THROW(devices.make());
  devices.device("one more");
  EXPECT_THROW(devices.make(), std::runtime_error);

  PolicyMaker per_app;
  for (std::uint32_t i = 0; i < policy::most_per_app; ++i) per_app.per_app("V" + std::to_string(i));
  EXPECT_NO_THROW(per_app.make());
  per_app.per_app("one more");
  EXPECT_THROW(per_app.make(), std::runtime_error);

  // Each selector with prefixes takes a dimension of the range table.
  PolicyMaker selectors;
  for (std::uint32_t i = 0; i <= policy::most_service_selectors; ++i) {
    auto s = std::make_unique<made::ServiceSelectorT>();
    s->service = static_cast<std::uint8_t>(Service::cellular_only);
    s->prefixes = {"203.0.113." + std::to_string(i % 250) + "/32"};
    selectors.body.services.push_back(std::move(s));
  }
  EXPECT_THROW(selectors.make(), std::runtime_error);
  selectors.body.services.pop_back();
  const policy::Policy policy = selectors.make();
  EXPECT_EQ(says(policy, on_wifi(), F("udp", "203.0.113.7", 9)), "direct S1.e");
  EXPECT_EQ(says(policy, on_wifi(), F("udp", "203.0.113.251", 9)), "system S8");
}

}  // namespace
}  // namespace vpn::test
