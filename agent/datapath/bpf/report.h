/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Counters for each owner, rule, verdict and tunnel, and events for what was refused. */
#ifndef VPN_DATAPATH_REPORT_H
#define VPN_DATAPATH_REPORT_H

#include "agent/datapath/bpf/state.h"

#define VPN_EVENT_INTERVAL 1000000000ull /* ns between two events of one kind */

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, VPN_MAX_COUNTERS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct vpn_counter_key);
  __type(value, __u32);
} counter_of SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, VPN_MAX_COUNTERS);
  __type(key, __u32);
  __type(value, struct vpn_counter);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct vpn_drop_key);
  __type(value, __u64);
} drop_times SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 18);
} drops SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} drops_lost SEC(".maps");

/* The entry of `counters` for a key; allotted at the first packet of its kind. */
static __always_inline __u32 vpn_counter(struct vpn_control* c, const struct vpn_counter_key* key) {
  __u32* known = bpf_map_lookup_elem(&counter_of, key);
  __u32 fresh;
  if (known) return *known;
  if (*(volatile __u32*)&c->next_counter >= VPN_MAX_COUNTERS - 1) return 0;
  fresh = __sync_fetch_and_add(&c->next_counter, 1) + 1;
  if (fresh >= VPN_MAX_COUNTERS) return 0;
  if (bpf_map_update_elem(&counter_of, key, &fresh, BPF_NOEXIST) == 0) return fresh;
  known = bpf_map_lookup_elem(&counter_of, key); /* another CPU was first */
  return known ? *known : 0;
}

/* Atomic although each CPU has its own: a softirq may come between load and store in process context. */
static __always_inline void vpn_count(__u32 counter, __u64 packets, __u64 bytes) {
  struct vpn_counter* n = bpf_map_lookup_elem(&counters, &counter);
  if (!n) return;
  __sync_fetch_and_add(&n->packets, packets);
  __sync_fetch_and_add(&n->bytes, bytes);
}

static __always_inline void vpn_lost_event(void) {
  const __u32 zero = 0;
  __u64* lost = bpf_map_lookup_elem(&drops_lost, &zero);
  if (lost) __sync_fetch_and_add(lost, 1);
}

/* `pid`: of the process that was refused before there was a packet, or 0. */
VPN_STATIC int vpn_report_drop(const struct vpn_owner* owner, const struct vpn_question* q, const __u32* remote,
                               __u32 pid, __u64 cookie) {
  struct vpn_drop_key key = {0};
  struct vpn_drop_event e = {0};
  __u64* last;
  e.when = bpf_ktime_get_ns();
  e.cookie = cookie;
  __builtin_memcpy(e.remote.word, remote, 16);
  e.app = owner->app;
  e.spawner = owner->spawner;
  e.pid = pid;
  e.uid = q->packet.uid;
  e.interface = q->packet.interface;
  e.remote_port = q->packet.remote_port;
  e.local_port = q->packet.local_port;
  e.protocol = q->packet.protocol;
  e.rule = q->verdict.rule;
  e.tunnel = q->verdict.tunnel;
  e.flags = (q->packet.incoming ? VPN_DROP_INCOMING : 0) | (pid ? VPN_DROP_EARLY : 0) | (q->waits ? VPN_DROP_WAITS : 0);
  key.remote = e.remote;
  key.app = e.app;
  key.spawner = e.spawner;
  key.port = e.remote_port;
  key.protocol = e.protocol;
  key.rule = e.rule;
  key.incoming = e.flags;
  if (cookie && e.protocol == VPN_TCP && ((e.rule >= VPN_S3 && e.rule <= VPN_S3E) || q->waits))
    key.connection = e.local_port;
  last = bpf_map_lookup_elem(&drop_times, &key);
  if (last && e.when - *last < VPN_EVENT_INTERVAL) return 0;
  bpf_map_update_elem(&drop_times, &key, &e.when, BPF_ANY);
  if (bpf_ringbuf_output(&drops, &e, sizeof(e), 0)) vpn_lost_event();
  return 0;
}

#endif
