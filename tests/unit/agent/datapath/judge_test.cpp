// The kernel's verdict against the same header in user space: two compilers, one of them with a verifier behind it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>

#include "agent/datapath/kernel_map.h"
#include "judge.skel.h"
#include "judge_case.h"
#include "tables.h"

namespace vpn::agent::test {
namespace {

constexpr std::uint32_t interface_count = 12, tunnel_kind = 2;

struct Reader {
  const std::vector<std::uint64_t>& words;
  const std::array<std::uint32_t, VPN_MAX_TUNNELS + 1>& connected;
  const std::array<std::uint32_t, interface_count>& kinds;
};

#define VPN_TABLE const Reader&
__u64 vpn_word(VPN_TABLE table, __u32 index) { return index < table.words.size() ? table.words[index] : 0; }
int vpn_tunnel_connected(VPN_TABLE table, __u32 tunnel) {
  return tunnel < VPN_MAX_TUNNELS && table.connected[tunnel] != 0 ? 1 : 0;
}
int vpn_is_tunnel(VPN_TABLE table, __u32 interface) {
  return interface < table.kinds.size() && table.kinds[interface] == tunnel_kind ? 1 : 0;
}
#include "policy/kernel/judge.h" /* in here, for another reader of tables has its own in this program */

struct Destroy {
  void operator()(judge* skeleton) const { judge::destroy(skeleton); }
};

class JudgeInKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it loads a program into the kernel";
    skeleton_.reset(judge::open_and_load());
    ASSERT_TRUE(skeleton_);
    auto memory = Mapping::of(::bpf_map__fd(skeleton_->maps.cases), sizeof(vpn_judge_case) * VPN_JUDGE_CASES);
    ASSERT_TRUE(memory);
    memory_ = std::move(*memory);
  }
  vpn_judge_case* cases() const { return static_cast<vpn_judge_case*>(memory_.get()); }

  void install(const std::vector<std::uint64_t>& table, const std::array<std::uint32_t, VPN_MAX_TUNNELS + 1>& connected,
               const std::array<std::uint32_t, interface_count>& kinds) {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
    const Descriptor inner(
        ::bpf_map_create(BPF_MAP_TYPE_ARRAY, "t", 4, 8, static_cast<std::uint32_t>(table.size()), &options));
    ASSERT_TRUE(inner);
    const auto memory = Mapping::of(inner.get(), table.size() * 8);
    ASSERT_TRUE(memory);
    std::memcpy(memory->get(), table.data(), table.size() * 8);
    const std::uint32_t zero = 0;
    const int fd = inner.get();
    ASSERT_EQ(::bpf_map_update_elem(::bpf_map__fd(skeleton_->maps.tables), &zero, &fd, BPF_ANY), 0);
    std::vector<std::uint32_t> status(connected.begin(), connected.end());
    status.resize(::bpf_map__value_size(skeleton_->maps.status) / 4);
    ASSERT_EQ(::bpf_map_update_elem(::bpf_map__fd(skeleton_->maps.status), &zero, status.data(), BPF_ANY), 0);
    for (std::uint32_t i = 1; i < kinds.size(); ++i)
      ASSERT_EQ(::bpf_map_update_elem(::bpf_map__fd(skeleton_->maps.interfaces), &i, &kinds[i], BPF_ANY), 0);
  }

  void ask(std::uint32_t count) {
    std::uint32_t argument = count;
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.ctx_in = &argument;
    run.ctx_size_in = sizeof(argument);
    ASSERT_EQ(::bpf_prog_test_run_opts(::bpf_program__fd(skeleton_->progs.judge_all), &run), 0);
  }

  std::unique_ptr<judge, Destroy> skeleton_;
  Mapping memory_;
};

/// Verdict for verdict, place for place, mark for mark. The count is for CI; VPN_FLOWS says another.
TEST_F(JudgeInKernel, AgreesWithUserSpaceOnAMillionFlows) {
  const char* wanted = std::getenv("VPN_FLOWS");
  const char* given_seed = std::getenv("VPN_SEED");
  const std::uint64_t seed = given_seed ? std::strtoull(given_seed, nullptr, 10) : std::random_device{}();
  std::uint64_t left = wanted ? std::strtoull(wanted, nullptr, 10) : 1000000, differences = 0, passed = 0;
  std::cout << "VPN_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  while (left > 0) {
    const Content content = random_content(random);
    const auto table = words(content);
    std::array<std::uint32_t, VPN_MAX_TUNNELS + 1> connected{};
    std::array<std::uint32_t, interface_count> kinds{};
    for (auto& one : connected) one = static_cast<std::uint32_t>(random() % 2);
    for (auto& kind : kinds) kind = static_cast<std::uint32_t>(random() % 6);
    kinds[0] = 0;
    install(table, connected, kinds);
    const Reader reader{table, connected, kinds};
    const auto batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, VPN_JUDGE_CASES / 10));
    for (std::uint32_t i = 0; i < batch; ++i) {
      vpn_judge_case& one = cases()[i];
      one = {};
      one.packet = random_packet(random, content);
      one.quoted = random_packet(random, content);
      one.quoted.incoming = 0;
      one.has_quoted = random() % 4 == 0;
    }
    ask(batch);
    for (std::uint32_t i = 0; i < batch; ++i) {
      const vpn_judge_case& one = cases()[i];
      vpn_packet packet = one.packet, quoted = one.quoted;
      const vpn_verdict v = vpn_judge(reader, &packet, one.has_quoted != 0 ? &quoted : nullptr);
      const auto leave = static_cast<std::uint8_t>(vpn_may_leave(reader, &v, packet.interface));
      const std::uint32_t mark = packet.exempt != 0 ? VPN_MARK_DIRECT : vpn_mark(reader, packet.owner, packet.domain);
      passed += leave;
      if (v.verdict == one.verdict && v.rule == one.rule && v.tunnel == one.tunnel && v.place == one.place &&
          leave == one.may_leave && mark == one.mark)
        continue;
      if (differences++ < 5)
        ADD_FAILURE() << "flow " << i << ": here " << int{v.verdict} << "/" << int{v.rule} << "/" << int{v.tunnel}
                      << ", kernel " << int{one.verdict} << "/" << int{one.rule} << "/" << int{one.tunnel};
    }
    left -= batch;
  }
  EXPECT_EQ(differences, 0u);
  EXPECT_GT(passed, 0u) << "a comparison of drops alone would prove little";
}

/// The cost of a verdict, with ranges of both families by the million: what a packet pays that no socket remembers.
TEST_F(JudgeInKernel, SearchesAMillionRanges) {
  std::mt19937_64 random(1);
  Content content = simple(3, 2, {drop_cell, drop_cell, system_cell});
  content.v4.clear();
  for (std::uint32_t i = 0; i < 1000000; ++i) content.v4.push_back({i * 4096u, i % 2});
  const auto table = words(content);
  const std::array<std::uint32_t, VPN_MAX_TUNNELS + 1> connected{};
  const std::array<std::uint32_t, interface_count> kinds{};
  install(table, connected, kinds);
  for (std::uint32_t i = 0; i < VPN_JUDGE_CASES; ++i) {
    vpn_judge_case& one = cases()[i];
    one = {};
    one.packet.remote.low = static_cast<std::uint32_t>(random());
    one.packet.protocol = VPN_TCP;
    one.packet.remote_port = 443;
    one.packet.owner = VPN_OTHER;
  }
  ask(VPN_JUDGE_CASES);
  for (std::uint32_t i = 0; i < VPN_JUDGE_CASES; ++i) {
    const vpn_judge_case& one = cases()[i];
    const bool self = std::min<std::uint64_t>(one.packet.remote.low >> 12, 999999) % 2 == 1;
    ASSERT_EQ(one.rule, self ? VPN_S0 : VPN_S8) << one.packet.remote.low;
  }
}

}  // namespace
}  // namespace vpn::agent::test
