/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What arrives at an interface and has no socket, or must not reach one: packets to a tunnel's address from elsewhere,
 * foreign encapsulations, redirects, ICMP errors, and what is to be forwarded.
 */
#ifndef VPN_DATAPATH_ARRIVAL_H
#define VPN_DATAPATH_ARRIVAL_H

#include "agent/datapath/bpf/judge_packet.h"

struct vpn_arrival {
  struct vpn_control* control;
  __u64 current;
  __u32 kind; /* of the interface */
};

static __always_inline int vpn_drop_arrival(struct __sk_buff* skb, struct vpn_control* c, const struct vpn_owner* owner,
                                            const struct vpn_question* q, const __u32* remote) {
  struct vpn_counter_key counted = {0};
  vpn_counted_as(&counted, owner, q->packet.owner, &q->verdict, q->packet.incoming);
  counted.verdict = VPN_DROP;
  vpn_count(vpn_counter(c, &counted), 1, skb->len);
  vpn_report_drop(owner, q, remote, 0, 0);
  return c->flags & VPN_AUDIT ? VPN_TC_PASS : VPN_TC_DROP;
}

/* The owner of the socket that sent the packet which an ICMP error quotes. */
VPN_STATIC int vpn_quoted_owner(struct __sk_buff* skb, const struct vpn_headers* quoted, struct vpn_owner* owner) {
  struct bpf_sock_tuple tuple = {0};
  struct bpf_sock* sk;
  __u32 size;
  owner->flags = VPN_OWNER_KERNEL;
  if (quoted->v6) {
    __builtin_memcpy(tuple.ipv6.saddr, quoted->destination, 16);
    __builtin_memcpy(tuple.ipv6.daddr, quoted->source, 16);
    tuple.ipv6.sport = quoted->destination_port;
    tuple.ipv6.dport = quoted->source_port;
    size = sizeof(tuple.ipv6);
  } else {
    tuple.ipv4.saddr = quoted->destination[3];
    tuple.ipv4.daddr = quoted->source[3];
    tuple.ipv4.sport = quoted->destination_port;
    tuple.ipv4.dport = quoted->source_port;
    size = sizeof(tuple.ipv4);
  }
  if (quoted->protocol == VPN_TCP)
    sk = bpf_sk_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
  else if (quoted->protocol == VPN_UDP)
    sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
  else
    return 0;
  if (sk) {
    const struct vpn_socket* s = bpf_sk_storage_get(&sockets, sk, 0, 0);
    if (s)
      *owner = s->owner;
    else
      owner->flags = VPN_OWNER_UNKNOWN;
    bpf_sk_release(sk);
  }
  return 0;
}

/* The packet at an offset, as this device sent it. 0 where there is none. */
VPN_STATIC int vpn_read_quoted(struct __sk_buff* skb, __u32 offset, const struct vpn_arrival* a,
                               struct vpn_packet* quoted, struct vpn_owner* owner) {
  struct vpn_headers h;
  const __u64 now = bpf_ktime_get_coarse_ns();
  __u64 until = VPN_FOREVER;
  if (!vpn_read_headers(skb, offset, &h)) return 0;
  vpn_quoted_owner(skb, &h, owner);
  vpn_fill_packet(quoted, &h, 0);
  quoted->owner = vpn_class(owner, vpn_slot(a->current));
  vpn_exempt(quoted, h.destination, owner, 0, now, &until);
  if (a->control->flags & VPN_HAS_NAMES) quoted->domain = vpn_domain(h.destination, owner, now, &until);
  return 1;
}

/* An ICMP error meets the verdict of the flow that it quotes. */
VPN_STATIC int vpn_icmp_error(struct __sk_buff* skb, const struct vpn_headers* h, struct vpn_arrival* a,
                              struct vpn_question* q) {
  struct vpn_packet quoted = {0};
  struct vpn_owner owner = {0};
  if (vpn_read_quoted(skb, h->payload + 8, a, &quoted, &owner))
    vpn_answer(q, &quoted);
  else
    vpn_answer(q, 0);
  if (q->verdict.verdict == VPN_ACCEPT) return VPN_TC_PASS;
  return vpn_drop_arrival(skb, a->control, &owner, q, h->source);
}

static __always_inline int vpn_is_group(const struct vpn_headers* h) {
  const __u32 last = bpf_ntohl(h->destination[3]);
  return h->v6 ? bpf_ntohl(h->destination[0]) >> 24 == 0xff : last >> 28 == 0xe || last == 0xffffffff;
}

/* Forwarded packets: those that leave are judged by their destination and get the row that routes them; those that
 * arrive by their sender. What they may do beyond is in the mark, where the gate's forward chain reads it. */
VPN_STATIC int vpn_forward(struct __sk_buff* skb, const struct vpn_headers* h, struct vpn_arrival* a,
                           struct vpn_question* q) {
  const struct vpn_owner owner = {.flags = VPN_OWNER_KERNEL};
  const struct vpn_control* c = a->control;
  const int arrives = a->kind != VPN_INTERFACE_INNER;
  __u32 mark;
  if (vpn_is_group(h)) return VPN_TC_PASS;
  if (!arrives) {
    vpn_fill_packet(&q->packet, h, 0);
    q->packet.interface = 0;
  }
  vpn_answer(q, 0);
  if (!arrives && q->verdict.rule == VPN_S0) return VPN_TC_PASS; /* to this device */
  if (q->verdict.verdict == VPN_DROP || q->verdict.verdict == VPN_PROXY) {
    /* What arrives may be for a socket of the device: its owner decides, and the forward chain refuses what has no
     * mark. */
    if (arrives) return VPN_TC_PASS;
    return vpn_drop_arrival(skb, a->control, &owner, q, h->destination);
  }
  mark = arrives || q->verdict.verdict == VPN_TUNNEL ? c->inward : c->outward;
  skb->mark = arrives ? mark : vpn_with_row(c, mark, q->mark);
  return VPN_TC_PASS;
}

/* A packet to a tunnel's address that does not come out of that tunnel tells whoever sent it by the answer that the
 * address and its connections exist (CVE-2019-14899). */
static __always_inline int vpn_probes_tunnel(const struct __sk_buff* skb, const struct vpn_control* c,
                                             const __u32* destination) {
  struct vpn_ip address;
  const __u32* own;
  __u32 kind;
  if (!(c->flags & VPN_HAS_TUNNEL_ADDRESSES)) return 0;
  __builtin_memcpy(address.word, destination, 16);
  own = bpf_map_lookup_elem(&tunnel_addresses, &address);
  if (!own || *own == skb->ifindex) return 0;
  kind = vpn_interface_kind(skb->ifindex);
  return kind != VPN_INTERFACE_LOOPBACK && kind != VPN_INTERFACE_INNER;
}

/* Most of what arrives: TCP or UDP in IPv4 for a socket here, whose program judges it. */
static __always_inline int vpn_is_for_a_socket(struct __sk_buff* skb, const struct vpn_control* c) {
  struct vpn_ipv4 ip;
  __u32 destination[4];
  if (skb->protocol != bpf_htons(0x0800) || (c->flags & VPN_FORWARDS) || !vpn_load(skb, 0, &ip, sizeof(ip))) return 0;
  if (ip.protocol != VPN_TCP && ip.protocol != VPN_UDP) return 0;
  vpn_map_v4(destination, ip.destination);
  return !vpn_probes_tunnel(skb, c, destination);
}

VPN_STATIC int vpn_judge_arrival(struct __sk_buff* skb, const struct vpn_headers* h, struct vpn_arrival* a,
                                 struct vpn_question* q, int refuse) {
  const struct vpn_owner owner = {.flags = VPN_OWNER_KERNEL};
  vpn_answer(q, 0);
  if (!refuse && q->verdict.verdict == VPN_ACCEPT) return VPN_TC_PASS;
  return vpn_drop_arrival(skb, a->control, &owner, q, h->source);
}

static __always_inline int vpn_arrive(struct __sk_buff* skb) {
  struct vpn_arrival a;
  struct vpn_headers h;
  struct vpn_question q = {0};
  a.control = vpn_control_now();
  if (!a.control) return VPN_TC_DROP;
  if (vpn_is_for_a_socket(skb, a.control)) return VPN_TC_PASS;
  if (skb->protocol != bpf_htons(0x0800) && skb->protocol != bpf_htons(0x86dd)) return VPN_TC_PASS;
  if (!vpn_read_headers(skb, 0, &h)) return VPN_TC_DROP;
  a.current = vpn_current(a.control, bpf_ktime_get_coarse_ns());
  a.kind = vpn_interface_kind(skb->ifindex);
  vpn_fill_packet(&q.packet, &h, 1);
  q.packet.interface = skb->ifindex;
  q.slot = vpn_slot(a.current);
  if (vpn_probes_tunnel(skb, a.control, h.destination) || vpn_is_redirect(&q.packet))
    return vpn_judge_arrival(skb, &h, &a, &q, 1);
  if (vpn_is_icmp_error(&q.packet)) return vpn_icmp_error(skb, &h, &a, &q);
  if (vpn_is_encapsulation(h.protocol)) return vpn_judge_arrival(skb, &h, &a, &q, 0);
  if (a.control->flags & VPN_FORWARDS) return vpn_forward(skb, &h, &a, &q);
  return VPN_TC_PASS;
}

#endif
