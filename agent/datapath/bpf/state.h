/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The maps, and the verdict from the table that is in force. */
#ifndef VPN_DATAPATH_STATE_H
#define VPN_DATAPATH_STATE_H

#include "agent/datapath/bpf/kernel.h"
#include "agent/datapath/bpf/maps.h"

#define VPN_STATIC static __attribute__((noinline))

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct vpn_control);
} control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, VPN_SLOTS);
  __type(key, __u32);
  __type(value, struct vpn_status);
} status SEC(".maps");

struct table_words {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, VPN_SLOTS + VPN_STALE_SLOTS);
  __type(key, __u32);
  __array(values, struct table_words);
} tables SEC(".maps");

struct app_classes {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(__u32)); /* by size: clang leaves types out that only an inner map names */
  __uint(value_size, sizeof(struct vpn_app_class));
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, VPN_SLOTS);
  __type(key, __u32);
  __array(values, struct app_classes);
} apps SEC(".maps");

struct class_pairs {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, VPN_SLOTS);
  __type(key, __u32);
  __array(values, struct class_pairs);
} pairs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, VPN_MAX_INTERFACES);
  __type(key, __u32);
  __type(value, __u32);
} interfaces SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, struct vpn_ip);
  __type(value, __u32);
} tunnel_addresses SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 16384);
  __type(key, struct vpn_exemption_key);
  __type(value, struct vpn_exemption);
} exemptions SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 65536);
  __type(key, struct vpn_name_key);
  __type(value, struct vpn_name);
} names SEC(".maps");

/* The forwarder reads who asks; what it does not read in time may be somebody else's (lookups.h). */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct vpn_asker_key);
  __type(value, struct vpn_asker);
} askers SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct vpn_waited_key);
  __type(value, struct vpn_ip);
} waited SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct vpn_source_key);
  __type(value, struct vpn_ip);
} sources SEC(".maps");

/* Numbers that the agent gave to identifiers, by a hash of them: here so that the next agent gives the same ones. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1 << 18);
  __type(key, __u64);
  __type(value, __u32);
} numbers SEC(".maps");

static __always_inline struct vpn_control* vpn_control_now(void) {
  const __u32 zero = 0;
  return bpf_map_lookup_elem(&control, &zero);
}

/* --- The verdict -------------------------------------------------------------------------------------------------- */

/* The tunnel whose status a verdict depended on. */
struct vpn_asked {
  __u8 tunnel; /* or VPN_NO_TUNNEL */
  __u8 connected;
  __u8 count; /* more than one: not to be remembered */
};

struct vpn_handle {
  void* words;
  struct vpn_status* status;
  struct vpn_asked* asked;
};

#define VPN_TABLE const struct vpn_handle*

static __always_inline __u64 vpn_word(VPN_TABLE table, __u32 index) {
  const __u64* word = table->words ? bpf_map_lookup_elem(table->words, &index) : 0;
  return word ? *word : 0;
}

static __always_inline int vpn_tunnel_connected(VPN_TABLE table, __u32 tunnel) {
  const int connected = table->status && tunnel < VPN_MAX_TUNNELS &&
                        *(volatile __u32*)&table->status->connected[tunnel & VPN_MAX_TUNNELS] == VPN_CONNECTED;
  table->asked->tunnel = (__u8)tunnel;
  table->asked->connected = (__u8)connected;
  table->asked->count++;
  return connected;
}

static __always_inline __u32 vpn_interface_kind(__u32 interface) {
  const __u32* kind = bpf_map_lookup_elem(&interfaces, &interface);
  return kind ? *kind : 0;
}

static __always_inline int vpn_is_tunnel(VPN_TABLE table, __u32 interface) {
  (void)table;
  return vpn_interface_kind(interface) == VPN_INTERFACE_TUNNEL;
}

/* The verifier looks at a callback once, at the rounds of a loop each. */
#define VPN_STEP static
#define VPN_REPEAT(times, step, search) bpf_loop(times, step, search, 0)
#include "policy/kernel/judge.h"

struct vpn_question {
  struct vpn_packet packet;
  __u32 slot; /* of `tables` */
  /* answers */
  struct vpn_verdict verdict;
  struct vpn_asked asked;
  __u8 may_leave;
  __u8 waits; /* it was not refused: the connection waits */
  __u32 mark; /* that routes such packets; 0: none */
};

/* Before the first table: S0 as far as it needs no address of the device, S1 as far as it needs none of the network. */
static __always_inline struct vpn_verdict vpn_without_table(const struct vpn_packet* p) {
  const struct vpn_address a = p->remote;
  const int loopback = p->v6 ? a.high == 0 && a.low == 1 : (a.low >> 24) == 127;
  const int dhcp =
      p->v6 ? a.high >> 54 == 0x3fa || (a.high == 0xff02000000000000ull && a.low == 0x10002) : a.low == 0xffffffff;
  if (loopback) return vpn_make_verdict(p->scope > 1 ? VPN_DROP : VPN_SYSTEM, VPN_S0, VPN_ANYWHERE);
  if (vpn_is_dhcp(p) && (p->uid == 0 || p->owner == VPN_FORWARDED) && dhcp)
    return vpn_make_verdict(VPN_DIRECT, VPN_S1A, VPN_OFF_TUNNEL);
  if (vpn_is_discovery(p) || vpn_is_membership(p)) return vpn_make_verdict(VPN_DIRECT, VPN_S1B, VPN_OFF_TUNNEL);
  return vpn_make_verdict(VPN_DROP, VPN_NO_RULE, VPN_ANYWHERE);
}

/* A function of its own to the verifier, which so looks at it once. `quoted`: what an incoming ICMP error quotes, or
 * null. Returns 0. */
__attribute__((noinline)) int vpn_answer(struct vpn_question* q, struct vpn_packet* quoted) {
  struct vpn_handle table = {0};
  __u32 slot, own;
  if (!q) return 0;
  slot = q->slot;
  own = slot % VPN_SLOTS;
  q->asked.tunnel = VPN_NO_TUNNEL;
  q->asked.connected = 0;
  q->asked.count = 0;
  table.words = bpf_map_lookup_elem(&tables, &slot);
  table.status = bpf_map_lookup_elem(&status, &own);
  table.asked = &q->asked;
  if (vpn_word(&table, VPN_W_MAGIC) == VPN_TABLE_MAGIC) {
    q->verdict = vpn_judge(&table, &q->packet, quoted);
    q->may_leave = (__u8)vpn_may_leave(&table, &q->verdict, q->packet.interface);
    q->mark = q->packet.exempt ? VPN_MARK_DIRECT : vpn_mark(&table, q->packet.owner, q->packet.domain);
    return 0;
  }
  q->verdict = vpn_without_table(&q->packet);
  q->mark = 0;
  q->may_leave = q->verdict.verdict == VPN_SYSTEM ||
                 (q->verdict.verdict == VPN_DIRECT && !vpn_is_tunnel(&table, q->packet.interface));
  if (q->packet.incoming) q->verdict.verdict = q->may_leave ? VPN_ACCEPT : VPN_DROP;
  return 0;
}

/* --- Time and generations ----------------------------------------------------------------------------------------- */

/* What is in force: vpn_control.current, the slot moved to the stale tables when the agent has been silent. */
static __always_inline __u64 vpn_current(const struct vpn_control* c, __u64 now) {
  const __u64 current = *(volatile const __u64*)&c->current;
  const __s64 age = (__s64)(now - *(volatile const __u64*)&c->heartbeat);
  return age > (__s64)c->heartbeat_limit ? current + VPN_STALE_SLOTS : current;
}

static __always_inline __u32 vpn_slot(__u64 current) { return (__u32)(current & 0xff) % (VPN_SLOTS + VPN_STALE_SLOTS); }

#endif
