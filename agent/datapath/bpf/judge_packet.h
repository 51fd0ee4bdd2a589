/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* From a socket and a packet to what becomes of it: what the programs for packets and for sockets share. */
#ifndef VPN_DATAPATH_JUDGE_PACKET_H
#define VPN_DATAPATH_JUDGE_PACKET_H

#include "agent/datapath/bpf/memory.h"
#include "agent/datapath/bpf/owner.h"
#include "agent/datapath/bpf/report.h"

#define VPN_FOREVER (~0ull)

/* Whose packet it is to the rules: the DHCP client of a service that has given up being root counts as uid 0 (S1.a). */
static __always_inline __u32 vpn_uid(const struct vpn_control* c, const struct vpn_packet* p, __u32 uid) {
  return uid == c->network_uid && vpn_is_dhcp(p) ? 0 : uid;
}

static __always_inline void vpn_take_exemption(struct vpn_packet* p, const struct vpn_exemption_key* key, __u64 now,
                                               __u64* until) {
  const struct vpn_exemption* e = bpf_map_lookup_elem(&exemptions, key);
  if (!e || now >= e->until || (e->interface && e->interface != p->interface)) return;
  p->exempt = (__u8)e->rule;
  if (e->until < *until) *until = e->until;
}

/* S1.c, S1.d, S1.f. `remote` is in network byte order, IPv4 mapped; `mark` that of the packet. */
static __always_inline void vpn_exempt(struct vpn_packet* p, const __u32* remote, const struct vpn_owner* owner,
                                       __u32 mark, __u64 now, __u64* until) {
  struct vpn_exemption_key key = {0};
  __builtin_memcpy(key.address.word, remote, 16);
  key.port = bpf_htons(p->remote_port);
  key.protocol = p->protocol;
  if (owner->provider) {
    key.who = owner->provider;
    vpn_take_exemption(p, &key, now, until);
  }
  if (!p->exempt && (owner->flags & VPN_OWNER_AGENT)) {
    key.who = VPN_WHO_AGENT;
    vpn_take_exemption(p, &key, now, until);
  }
  if (!p->exempt && mark) {
    key.who = mark;
    key.kernel = 1;
    vpn_take_exemption(p, &key, now, until);
  }
}

/* The class of the name under which this app knows the address. What is no app of its own knows what its spawner does.
 */
static __always_inline __u32 vpn_domain(const __u32* remote, const struct vpn_owner* owner, __u64 now, __u64* until) {
  struct vpn_name_key key;
  const struct vpn_name* name;
  __builtin_memcpy(key.address.word, remote, 16);
  key.app = owner->app ? owner->app : owner->spawner;
  name = bpf_map_lookup_elem(&names, &key);
  if (!name || now >= name->until) return 0;
  if (name->until < *until) *until = name->until;
  return name->domain;
}

/* Who a packet is counted for. */
static __always_inline void vpn_counted_as(struct vpn_counter_key* key, const struct vpn_owner* owner, __u32 class,
                                           const struct vpn_verdict* v, int incoming) {
  key->app = owner->app;
  key->spawner = owner->spawner;
  key->owner = (__u8)(class < VPN_FIRST_APP ? class : VPN_FIRST_APP);
  key->verdict = v->verdict;
  key->rule = v->rule;
  key->tunnel = v->tunnel;
  key->incoming = (__u8)incoming;
}

static __always_inline __u32 vpn_with_row(const struct vpn_control* c, __u32 mark, __u32 row) {
  return (mark & ~c->row_mask) | ((row << (c->row_shift & 31)) & c->row_mask);
}

#endif
