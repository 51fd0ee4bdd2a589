/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What goes to the agent itself, on loopback: lookups, which governed apps send to port 53 of whatever resolver, to its
 * forwarder ("Lookups" of docs/semantics.md); and what a proxy is to carry, to its relay. The app sees whom it asked.
 * The agent learns who asks, and whom, from `askers`, which is written while the first packet is on its way.
 */
#ifndef VPN_DATAPATH_LOOKUPS_H
#define VPN_DATAPATH_LOOKUPS_H

#include "agent/datapath/bpf/judge_packet.h"

#define VPN_LOOKUP_PORT 53
#define VPN_CONNECTION_NOTED 5000000000ull /* ns */
#define VPN_MPTCP 262

static __always_inline int vpn_is_lookup(const struct bpf_sock_addr* ctx) {
  const __u32 protocol = ctx->protocol;
  return ctx->user_port == bpf_htons(VPN_LOOKUP_PORT) && ctx->type != VPN_SOCK_RAW &&
         (protocol == VPN_UDP || protocol == VPN_TCP || protocol == VPN_MPTCP);
}

static __always_inline int vpn_is_mapped(const __u32* a) { return !(a[0] | a[1]) && a[2] == bpf_htonl(0xffff); }

/* Whether this is where the agent listens. `port` is in network byte order. */
static __always_inline int vpn_is_ours(const struct vpn_control* c, const __u32* a, __u16 port) {
  if (!port || (port != c->forwarder_port && port != c->relay_port)) return 0;
  if (vpn_is_mapped(a)) return a[3] == c->forwarder;
  return !(a[0] | a[1] | a[2]) && a[3] == bpf_htonl(1);
}

/* The agent's own lookups, and those of the providers, go where they were meant to go. So do those of sockets of which
 * nobody knows yet whose they are: they have their verdict. */
static __always_inline int vpn_is_steered(const struct vpn_control* c, const struct vpn_socket* s, __u64 current) {
  if (!(c->flags & VPN_STEERS) || !c->forwarder_port || s->owner.flags || s->owner.provider) return 0;
  return (vpn_pair(&s->owner, vpn_slot(current)) & VPN_PAIR_STEERED) != 0;
}

/* By IP_UNICAST_IF or IPV6_UNICAST_IF, which no program can undo: what it sends to loopback would be put on that wire.
 */
static __always_inline int vpn_prefers_interface(struct bpf_sock* sk, int v6) {
  struct inet_sock* raw = 0; /* a plain number to the verifier, as in vpn_unseen_socket() */
  bpf_probe_read_kernel(&raw, sizeof(raw), &sk);
  if (BPF_CORE_READ(raw, uc_index)) return 1;
  return v6 && BPF_CORE_READ(raw, pinet6, ucast_oif);
}

enum vpn_steering { VPN_STEER_V6 = 1, VPN_STEER_DATAGRAM = 2 /* it was bound to its device before this is asked */ };

/* A socket is about to talk to somebody for whom we stand in: the relay where `proxy` is set, or the forwarder. 1: to
 * us from now on. 0: refuse. */
VPN_STATIC int vpn_steer(struct bpf_sock_addr* ctx, struct vpn_socket* s, const __u32* remote, int how) {
  const struct vpn_control* c = vpn_control_now();
  const int v6 = how & VPN_STEER_V6;
  struct bpf_sock* sk = ctx->sk;
  if (!sk || !c || !s) return 0;
  if (sk->bound_dev_if > 1) {
    int none = 0; /* of no use on loopback, where Linux would put it on the device's wire */
    if (bpf_setsockopt(ctx, VPN_SOL_SOCKET, VPN_SO_BINDTOIFINDEX, &none, sizeof(none)) || (how & VPN_STEER_DATAGRAM))
      return 0;
  }
  __builtin_memcpy(s->asked, remote, sizeof(s->asked));
  s->asked_port = (__u16)ctx->user_port;
  if (!v6) {
    ctx->user_ip4 = c->forwarder;
  } else if (vpn_is_mapped(remote)) {
    ctx->user_ip6[3] = c->forwarder;
  } else {
    ctx->user_ip6[0] = 0;
    ctx->user_ip6[1] = 0;
    ctx->user_ip6[2] = 0;
    ctx->user_ip6[3] = bpf_htonl(1);
  }
  ctx->user_port = s->proxy ? c->relay_port : c->forwarder_port;
  return 1;
}

enum { VPN_HAND_OVER = 2 };

static __always_inline int vpn_is_asked(const struct vpn_socket* s, const __u32* remote,
                                        const struct bpf_sock_addr* ctx) {
  return s->asked_port == (__u16)ctx->user_port && s->asked[0] == remote[0] && s->asked[1] == remote[1] &&
         s->asked[2] == remote[2] && s->asked[3] == remote[3];
}

/* Whether what a proxy is to carry can be handed over. Providers' and the agent's own never: what the relay itself
 * sends would come back to it. */
static __always_inline int vpn_hands_over(const struct vpn_control* c, const struct vpn_socket* s,
                                          const struct vpn_question* q) {
  const __u32 own = q->slot % VPN_SLOTS;
  const __u8 tunnel = q->verdict.tunnel;
  const struct vpn_status* now = bpf_map_lookup_elem(&status, &own);
  if (!now || !c->relay_port || !(c->flags & VPN_STEERS) || (c->flags & VPN_AUDIT) || s->owner.provider ||
      (s->owner.flags & (VPN_OWNER_AGENT | VPN_OWNER_KERNEL)))
    return 0;
  return q->packet.protocol == VPN_TCP || !(now->streams_only[tunnel / 32] >> (tunnel % 32) & 1);
}

/* What comes from us comes from whom it asked, as far as the app can see. */
static __always_inline void vpn_unsteer(struct bpf_sock_addr* ctx, const struct vpn_socket* s, int v6) {
  const struct vpn_control* c = vpn_control_now();
  __u32 seen[4];
  if (!c || !s || !s->asked_port) return;
  if (v6) {
    seen[0] = ctx->user_ip6[0];
    seen[1] = ctx->user_ip6[1];
    seen[2] = ctx->user_ip6[2];
    seen[3] = ctx->user_ip6[3];
  } else {
    vpn_map_v4(seen, ctx->user_ip4);
  }
  if (!vpn_is_ours(c, seen, (__u16)ctx->user_port) || vpn_is_mapped(seen) != vpn_is_mapped(s->asked)) return;
  if (v6) {
    ctx->user_ip6[0] = s->asked[0];
    ctx->user_ip6[1] = s->asked[1];
    ctx->user_ip6[2] = s->asked[2];
    ctx->user_ip6[3] = s->asked[3];
  } else {
    ctx->user_ip4 = s->asked[3];
  }
  ctx->user_port = s->asked_port;
}

/* What was noted before then has been read. A connection's ports are its own until both ends have closed it: what was
 * noted of one is of no more use a little later. */
static __always_inline __u64 vpn_read_until(const struct vpn_control* c, const struct vpn_asker_key* key, __u64 now) {
  if (!key->relay) return c->questions_read;
  return key->protocol == VPN_TCP ? now - VPN_CONNECTION_NOTED : c->relay_read;
}

/* The relay is told of datagrams' way by their port: to somebody else is another question. */
static __always_inline int vpn_is_same_asker(const struct vpn_asker* a, const struct vpn_asker* b) {
  if (a->owner.app != b->owner.app || a->owner.spawner != b->owner.spawner || a->owner.provider != b->owner.provider ||
      a->owner.flags != b->owner.flags || a->proxy != b->proxy)
    return 0;
  return !a->proxy || (a->asked_port == b->asked_port && a->asked.word[0] == b->asked.word[0] &&
                       a->asked.word[1] == b->asked.word[1] && a->asked.word[2] == b->asked.word[2] &&
                       a->asked.word[3] == b->asked.word[3]);
}

/* Notes who sends from this port. 0: refuse. A port that was another owner's is given to the new one only when the
 * forwarder has read what the old one sent from it: so nobody's question is taken for another's. */
VPN_STATIC int vpn_note_asker(struct __sk_buff* skb, const struct vpn_socket* s, const struct vpn_flow_key* flow) {
  struct vpn_asker_key key = {0};
  struct vpn_asker value = {0};
  const struct vpn_control* c = vpn_control_now();
  const struct vpn_asker* old;
  if (!s || !flow || !c) return 0;
  key.relay = flow->port == c->relay_port;
  /* A connection is one, whoever is at its ends: its first packet says all. */
  if (key.relay && flow->protocol == VPN_TCP && skb->sk && skb->sk->state != VPN_TCP_SYN_SENT) return 1;
  if (flow->version == 4) {
    vpn_map_v4(key.address.word, 0);
    if (!vpn_load(skb, __builtin_offsetof(struct vpn_ipv4, source), &key.address.word[3], 4)) return 0;
  } else if (!vpn_load(skb, __builtin_offsetof(struct vpn_ipv6, source), key.address.word, 16)) {
    return 0;
  }
  key.port = flow->local_port;
  key.protocol = flow->protocol;
  value.owner = s->owner;
  value.uid = bpf_get_socket_uid(skb);
  value.last = bpf_ktime_get_ns();
  if (s->asked_port) {
    __builtin_memcpy(value.asked.word, s->asked, 16);
    value.asked_port = s->asked_port;
    value.proxy = s->proxy;
  }
  old = bpf_map_lookup_elem(&askers, &key);
  if (old && old->last >= vpn_read_until(c, &key, value.last) && !vpn_is_same_asker(old, &value)) return 0;
  return bpf_map_update_elem(&askers, &key, &value, BPF_ANY) == 0;
}

#endif
