/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Runs the kernel's verdict over an array of packets, as the datapath's programs do for each of theirs. */
#include "agent/datapath/bpf/state.h"
#include "tests/unit/agent/datapath/judge_case.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, VPN_JUDGE_CASES);
  __type(key, __u32);
  __type(value, struct vpn_judge_case);
} cases SEC(".maps");

static long judge_one(__u32 i, void* context) {
  struct vpn_judge_case* one = bpf_map_lookup_elem(&cases, &i);
  struct vpn_question q = {0};
  struct vpn_packet quoted;
  (void)context;
  if (!one) return 1;
  q.packet = one->packet;
  quoted = one->quoted;
  if (one->has_quoted)
    vpn_answer(&q, &quoted);
  else
    vpn_answer(&q, 0);
  one->verdict = q.verdict.verdict;
  one->rule = q.verdict.rule;
  one->tunnel = q.verdict.tunnel;
  one->place = q.verdict.place;
  one->may_leave = q.may_leave;
  one->mark = q.mark;
  one->asked = q.asked.count ? q.asked.tunnel : VPN_NO_TUNNEL;
  return 0;
}

struct judge_arguments {
  __u32 count;
};

SEC("syscall")
int judge_all(struct judge_arguments* arguments) {
  bpf_loop(arguments->count, judge_one, 0, 0);
  return 0;
}
