/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Lookups: what governed apps send to port 53 of whatever resolver goes to the agent's forwarder on loopback, and the
 * app sees the resolver that it asked ("Lookups" of docs/semantics.md). The forwarder learns who asks from `askers`,
 * which is written while the question is on its way to it.
 */
#ifndef VPN_DATAPATH_LOOKUPS_H
#define VPN_DATAPATH_LOOKUPS_H

#include "agent/datapath/bpf/judge_packet.h"

#define VPN_LOOKUP_PORT 53
#define VPN_MPTCP 262

static __always_inline int vpn_is_lookup(const struct bpf_sock_addr* ctx) {
  const __u32 protocol = ctx->protocol;
  return ctx->user_port == bpf_htons(VPN_LOOKUP_PORT) && ctx->type != VPN_SOCK_RAW &&
         (protocol == VPN_UDP || protocol == VPN_TCP || protocol == VPN_MPTCP);
}

static __always_inline int vpn_is_mapped(const __u32* a) { return !(a[0] | a[1]) && a[2] == bpf_htonl(0xffff); }

/* Whether this is where the forwarder listens. `port` is in network byte order. */
static __always_inline int vpn_is_forwarder(const struct vpn_control* c, const __u32* a, __u16 port) {
  if (!port || port != c->forwarder_port) return 0;
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

/* A socket is about to talk to port 53. 1: to the forwarder from now on. 0: refuse. `datagram`: what it sends was bound
 * to its device before this is asked. */
static __always_inline int vpn_steer(struct bpf_sock_addr* ctx, struct vpn_socket* s, const struct vpn_control* c,
                                     const __u32* remote, int v6, int datagram) {
  struct bpf_sock* sk = ctx->sk;
  if (!sk) return 0;
  if (sk->bound_dev_if > 1) {
    int none = 0; /* of no use on loopback, where Linux would put it on the device's wire */
    if (bpf_setsockopt(ctx, VPN_SOL_SOCKET, VPN_SO_BINDTOIFINDEX, &none, sizeof(none)) || datagram) return 0;
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
  ctx->user_port = c->forwarder_port;
  return 1;
}

/* What comes from the forwarder comes from the resolver that was asked, as far as the app can see. */
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
  if (!vpn_is_forwarder(c, seen, (__u16)ctx->user_port) || vpn_is_mapped(seen) != vpn_is_mapped(s->asked)) return;
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

/* Notes who sends from this port. 0: refuse. A port that was another owner's is given to the new one only when the
 * forwarder has read what the old one sent from it: so nobody's question is taken for another's. */
VPN_STATIC int vpn_note_asker(struct __sk_buff* skb, const struct vpn_socket* s, const struct vpn_flow_key* flow,
                              __u64 questions_read) {
  struct vpn_asker_key key = {0};
  struct vpn_asker value = {0};
  const struct vpn_asker* old;
  if (!s || !flow) return 0;
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
  }
  old = bpf_map_lookup_elem(&askers, &key);
  if (old &&
      (old->owner.app != value.owner.app || old->owner.spawner != value.owner.spawner ||
       old->owner.provider != value.owner.provider || old->owner.flags != value.owner.flags) &&
      old->last >= questions_read)
    return 0;
  return bpf_map_update_elem(&askers, &key, &value, BPF_ANY) == 0;
}

#endif
