/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What a socket remembers of its last verdict in one direction, so that a packet costs one look-up and a comparison.
 * Several CPUs may send on one socket at once, so what is read may be in the middle of being written: a sequence lock
 * without waiting, whose losers judge anew.
 */
#ifndef VPN_DATAPATH_MEMORY_H
#define VPN_DATAPATH_MEMORY_H

#include "agent/datapath/bpf/packet.h"

/* Loads before it happen before loads after it. x86 keeps the order of loads; elsewhere an atomic on the stack does. */
static __always_inline void vpn_order_loads(void) {
#if defined(__TARGET_ARCH_x86)
  asm volatile("" ::: "memory");
#else
  __u64 fence = 0;
  asm volatile("" : : "r"(&fence) : "memory");
  if (__sync_fetch_and_add(&fence, 1) != 0) asm volatile("" ::: "memory");
#endif
}

/* What a verdict is remembered for. */
struct vpn_flow_key {
  __u64 current;
  __u32 remote[4];
  __u32 interface;
  __u32 scope;
  __u16 port;
  __u8 protocol; /* 0: not to be remembered, and not read from the packet yet */
  __u8 version;
  __u16 local_port; /* not compared: it is the socket's */
  __u16 unused;
};

/* The flow of an ordinary TCP or UDP packet, read in place; 0 for all others. */
static __always_inline int vpn_ordinary(struct __sk_buff* skb, int incoming, struct vpn_flow_key* key) {
  const void* data = (const void*)(long)skb->data;
  const void* end = (const void*)(long)skb->data_end;
  const struct vpn_ipv4* v4 = data;
  const struct vpn_ipv6* v6 = data;
  const __u16* ports;
  if (data + sizeof(*v4) + 4 > end) return 0;
  if (v4->version_length == 0x45) {
    if ((v4->fragment & bpf_htons(0x3fff)) != 0) return 0;
    vpn_map_v4(key->remote, incoming ? v4->source : v4->destination);
    key->protocol = v4->protocol;
    key->version = 4;
    ports = data + sizeof(*v4);
  } else if (v4->version_length >> 4 == 6) {
    if (data + sizeof(*v6) + 4 > end) return 0;
    __builtin_memcpy(key->remote, incoming ? v6->source : v6->destination, 16);
    key->protocol = v6->next;
    key->version = 6;
    ports = data + sizeof(*v6);
  } else {
    return 0;
  }
  key->port = ports[incoming ? 0 : 1];
  key->local_port = ports[incoming ? 1 : 0];
  return key->protocol == VPN_TCP || key->protocol == VPN_UDP;
}

struct vpn_remembered {
  __u32 counter;
  __u8 action;
};

/* Whether a tunnel's status is still what it was. */
static __always_inline int vpn_still(__u64 current, __u8 tunnel, __u8 connected) {
  const __u32 own = vpn_slot(current) % VPN_SLOTS;
  const struct vpn_status* s;
  if (tunnel == VPN_NO_TUNNEL) return 1;
  s = bpf_map_lookup_elem(&status, &own);
  return s && (*(volatile const __u32*)&s->connected[tunnel] == VPN_CONNECTED) == connected;
}

static __always_inline int vpn_recall(const struct vpn_memory* m, const struct vpn_flow_key* key, __u64 now,
                                      struct vpn_remembered* out) {
  const __u32 sequence = *(volatile const __u32*)&m->sequence;
  __u8 tunnel, connected;
  vpn_order_loads();
  if ((sequence & 1) || m->current != key->current || m->interface != key->interface || m->scope != key->scope ||
      m->port != key->port || m->protocol != key->protocol || m->version != key->version ||
      m->remote[3] != key->remote[3] || m->remote[2] != key->remote[2] || m->remote[1] != key->remote[1] ||
      m->remote[0] != key->remote[0] || now >= m->until)
    return 0;
  out->counter = m->counter;
  out->action = m->action;
  tunnel = m->tunnel;
  connected = m->connected;
  vpn_order_loads();
  return *(volatile const __u32*)&m->sequence == sequence && vpn_still(key->current, tunnel, connected);
}

static __always_inline void vpn_remember(struct vpn_memory* m, const struct vpn_flow_key* key, __u64 until,
                                         const struct vpn_question* q, __u8 action, __u32 counter) {
  const __u32 sequence = *(volatile __u32*)&m->sequence;
  if ((sequence & 1) || q->asked.count > 1) return;
  if (__sync_val_compare_and_swap(&m->sequence, sequence, sequence + 1) != sequence) return;
  m->current = key->current;
  m->interface = key->interface;
  m->scope = key->scope;
  __builtin_memcpy(m->remote, key->remote, 16);
  m->port = key->port;
  m->protocol = key->protocol;
  m->version = key->version;
  m->until = until;
  m->counter = counter;
  m->action = action;
  m->tunnel = q->asked.tunnel;
  m->connected = q->asked.connected;
  (void)__sync_val_compare_and_swap(&m->sequence, sequence + 1, sequence + 2);
}

#endif
