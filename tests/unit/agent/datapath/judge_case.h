/* A packet, and what the kernel says of it. Shared by the test and its eBPF program. */
#ifndef VPN_TEST_JUDGE_CASE_H
#define VPN_TEST_JUDGE_CASE_H

#include "policy/kernel/packet.h"

#define VPN_JUDGE_CASES 50000

struct vpn_judge_case {
  struct vpn_packet packet;
  struct vpn_packet quoted;
  __u32 has_quoted;
  __u32 mark;
  __u8 verdict, rule, tunnel, place, may_leave, asked;
  __u8 unused[2];
};

VPN_CHECK(sizeof(struct vpn_judge_case) == 112);

#endif
