/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Connections that wait for their tunnel (on-demand): connect() is let through, the first packets are dropped at
 * egress, TCP sends them again. By then the kernel has chosen the address of another interface for the connection,
 * which nobody inside the tunnel knows: its packets get the tunnel's on their way in, and the answers the other one on
 * their way back.
 */
#ifndef VPN_DATAPATH_WAITING_H
#define VPN_DATAPATH_WAITING_H

#include "agent/datapath/bpf/memory.h"

/* Whether a connection that was about to be refused may wait. One that is bound to an interface may not: it would
 * never leave by the tunnel. */
static __always_inline int vpn_may_wait(const struct vpn_question* q) {
  const __u32 own = q->slot % VPN_SLOTS;
  const __u8 rule = q->verdict.rule;
  const struct vpn_status* s;
  if (q->verdict.verdict != VPN_DROP || q->packet.protocol != VPN_TCP || q->packet.scope) return 0;
  if (q->verdict.tunnel == VPN_NO_TUNNEL || (rule != VPN_S4E && rule != VPN_S5F && rule != VPN_S6B)) return 0;
  s = bpf_map_lookup_elem(&status, &own);
  return s && *(volatile const __u32*)&s->connected[q->verdict.tunnel] == VPN_WAITS;
}

/* The first packet of a connection that has waited goes into a tunnel. */
VPN_STATIC int vpn_note_waited(struct __sk_buff* skb, const struct vpn_flow_key* flow) {
  struct vpn_waited_key key = {0};
  struct vpn_ip own = {0};
  __u32 v4 = 0;
  if (flow->version == 6) {
    if (!vpn_load(skb, 8, own.word, 16)) return 0;
  } else {
    if (!vpn_load(skb, 12, &v4, 4)) return 0;
    vpn_map_v4(own.word, v4);
  }
  __builtin_memcpy(key.remote.word, flow->remote, 16);
  key.remote_port = flow->port;
  key.local_port = flow->local_port;
  return bpf_map_update_elem(&waited, &key, &own, BPF_ANY) == 0;
}

static __always_inline int vpn_is_same(const struct vpn_ip* a, const __u32* b) {
  return a->word[0] == b[0] && a->word[1] == b[1] && a->word[2] == b[2] && a->word[3] == b[3];
}

/* Writes an address at `offset` of the IP header in place of another. Tunnels' packets begin with it. */
static __always_inline int vpn_write_address(struct __sk_buff* skb, int v6, __u32 offset, const __u32* from,
                                             const struct vpn_ip* to) {
  const __u32 check = v6 ? 40 + 16 : 20 + 16; /* of TCP */
  int i;
  if (!v6) {
    if (bpf_l3_csum_replace(skb, 10, from[3], to->word[3], 4) ||
        bpf_l4_csum_replace(skb, check, from[3], to->word[3], BPF_F_PSEUDO_HDR | 4))
      return 0;
    return bpf_skb_store_bytes(skb, offset, &to->word[3], 4, 0) == 0;
  }
#pragma unroll
  for (i = 0; i < 4; ++i)
    if (bpf_l4_csum_replace(skb, check, from[i], to->word[i], BPF_F_PSEUDO_HDR | 4)) return 0;
  return bpf_skb_store_bytes(skb, offset, to->word, 16, 0) == 0;
}

/* A packet at a tunnel's interface: of a connection that has waited, it gets the other address. What cannot be written
 * is dropped: half of it would be worse. */
VPN_STATIC int vpn_translate(struct __sk_buff* skb, int incoming) {
  struct vpn_waited_key key = {0};
  struct vpn_source_key place = {0};
  struct vpn_flow_key flow = {0};
  const struct vpn_ip *own, *inside, *to;
  __u32 old[4], offset;
  if (!vpn_ordinary(skb, incoming, &flow) || flow.protocol != VPN_TCP) return VPN_TC_PASS;
  __builtin_memcpy(key.remote.word, flow.remote, 16);
  key.remote_port = flow.port;
  key.local_port = flow.local_port;
  own = bpf_map_lookup_elem(&waited, &key);
  place.interface = skb->ifindex;
  place.v6 = flow.version == 6;
  inside = bpf_map_lookup_elem(&sources, &place);
  if (!own || !inside) return VPN_TC_PASS;
  if (place.v6) {
    offset = incoming ? 24 : 8;
    if (!vpn_load(skb, offset, old, 16)) return VPN_TC_PASS;
  } else {
    offset = incoming ? 16 : 12;
    vpn_map_v4(old, 0);
    if (!vpn_load(skb, offset, &old[3], 4)) return VPN_TC_PASS;
  }
  /* A later connection with the same ports may have the tunnel's address itself. */
  if (!vpn_is_same(incoming ? inside : own, old)) return VPN_TC_PASS;
  to = incoming ? own : inside;
  return vpn_write_address(skb, place.v6, offset, old, to) ? VPN_TC_PASS : VPN_TC_DROP;
}

#endif
