/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The part of the verdict that the kernel needs: what a packet is, and the verdict of docs/semantics.md for it, read
 * from a specialised table (policy/kernel/table.h). Plain C: the eBPF programs include it, and so does the C++, which
 * runs it against decide() in the tests. No loop without a bound, no index that is not checked by the reader of words.
 *
 * Who includes this file defines before:
 *   #define VPN_TABLE ...                                          the type of a handle to a table
 *   static __u64 vpn_word(VPN_TABLE table, __u32 index);           0 where there is no such word
 *   static int vpn_tunnel_connected(VPN_TABLE table, __u32 tunnel);
 *   static int vpn_is_tunnel(VPN_TABLE table, __u32 interface);    whether an interface is some tunnel's
 * Zero is the safe value everywhere: a word that is not there gives `drop`.
 */
#ifndef VPN_POLICY_KERNEL_JUDGE_H
#define VPN_POLICY_KERNEL_JUDGE_H

#include "policy/kernel/packet.h"

#ifndef VPN_STEP
#define VPN_STEP VPN_INLINE
#endif

#if defined(__cplusplus)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

struct vpn_verdict {
  __u8 verdict; /* vpn_verdict_kind */
  __u8 rule;    /* vpn_rule */
  __u8 tunnel;  /* index into the policy's tunnels, or VPN_NO_TUNNEL */
  __u8 place;   /* vpn_place */
};

VPN_CHECK(sizeof(struct vpn_verdict) == 4);

VPN_INLINE struct vpn_verdict vpn_make_verdict(__u8 verdict, __u8 rule, __u8 place) {
  const struct vpn_verdict out = {verdict, rule, VPN_NO_TUNNEL, place};
  return out;
}

/* --- Addresses ---------------------------------------------------------------------------------------------------- */

/* An IPv4-mapped address, and one behind a NAT64 prefix, is judged as the IPv4 address in it. */
VPN_INLINE void vpn_take_out_embedded(VPN_TABLE table, struct vpn_packet* p) {
  const struct vpn_address nat64 = {vpn_word(table, VPN_W_NAT64_HIGH), vpn_word(table, VPN_W_NAT64_LOW)};
  __u32 v4;
  if (!p->v6 || !vpn_embeds(&p->remote, &nat64, vpn_word(table, VPN_W_NAT64_LENGTH), &v4)) return;
  p->v6 = 0;
  p->remote.high = 0;
  p->remote.low = v4;
}

/* --- Classes: searches for the last start of a range that is not above a key -------------------------------------- */

/* How a step is done again and again until it returns 1: the kernel has its own way, which its verifier likes. */
#ifndef VPN_REPEAT
#define VPN_REPEAT(times, step, search)  \
  for (__u32 i_ = 0; i_ < (times); ++i_) \
    if (step(i_, search)) break
#endif

struct vpn_search {
  VPN_TABLE table;
  __u32 begin;
  __u32 count;
  __u32 all;
  struct vpn_address key;
};

/* Words are `start << 32 | class`, ascending, the first one at 0. */
VPN_STEP long vpn_find_step(__u32 i, struct vpn_search* s) {
  const __u32 half = s->count / 2;
  (void)i;
  if (half == 0) return 1;
  if ((__u32)(vpn_word(s->table, s->begin + half) >> 32) <= (__u32)s->key.low) s->begin += half;
  s->count -= half;
  return 0;
}

VPN_INLINE __u32 vpn_find(VPN_TABLE table, __u32 first, __u32 count, __u32 key) {
  struct vpn_search s = {table, first, count, count, {0, key}};
  VPN_REPEAT(VPN_SEARCH_STEPS, vpn_find_step, &s);
  return (__u32)vpn_word(table, s.begin);
}

/* First all upper halves of the starts, then all lower halves, then all classes. */
VPN_STEP long vpn_find6_step(__u32 i, struct vpn_search* s) {
  const __u32 half = s->count / 2;
  __u64 high;
  (void)i;
  if (half == 0) return 1;
  high = vpn_word(s->table, s->begin + half);
  if (high < s->key.high || (high == s->key.high && vpn_word(s->table, s->begin + half + s->all) <= s->key.low))
    s->begin += half;
  s->count -= half;
  return 0;
}

VPN_INLINE __u32 vpn_find6(VPN_TABLE table, __u32 first, __u32 count, const struct vpn_address* key) {
  struct vpn_search s = {table, first, count, count, *key};
  VPN_REPEAT(VPN_SEARCH_STEPS, vpn_find6_step, &s);
  return (__u32)vpn_word(table, s.begin + 2 * count);
}

VPN_INLINE __u32 vpn_destination_class(VPN_TABLE table, const struct vpn_packet* p) {
  if (p->v6)
    return vpn_find6(table, (__u32)vpn_word(table, VPN_W_V6), (__u32)vpn_word(table, VPN_W_V6_COUNT), &p->remote);
  return vpn_find(table, (__u32)vpn_word(table, VPN_W_V4), (__u32)vpn_word(table, VPN_W_V4_COUNT),
                  (__u32)p->remote.low);
}

/* --- Outgoing ----------------------------------------------------------------------------------------------------- */

VPN_INLINE struct vpn_verdict vpn_unpack(__u64 cell) {
  const struct vpn_verdict out = {(__u8)cell, (__u8)(cell >> 8), (__u8)(cell >> 16), (__u8)(cell >> 24)};
  return out;
}

/* The table's cell for what the rules after S1 say; `destination` is the class of p->remote. */
VPN_INLINE struct vpn_verdict vpn_cell(VPN_TABLE table, const struct vpn_packet* p, __u32 destination) {
  const __u32 owners = (__u32)vpn_word(table, VPN_W_OWNERS);
  const __u32 ports = (__u32)vpn_word(table, VPN_W_PORT_CLASSES);
  const __u32 domains = (__u32)vpn_word(table, VPN_W_DOMAINS);
  const __u32 destinations = (__u32)vpn_word(table, VPN_W_DESTINATIONS);
  const __u32 key = (__u32)p->protocol << 16 | p->remote_port;
  const __u32 port =
      vpn_find(table, (__u32)vpn_word(table, VPN_W_PORTS), (__u32)vpn_word(table, VPN_W_PORTS_COUNT), key);
  __u32 owner = p->owner;
  struct vpn_verdict out = vpn_make_verdict(VPN_DROP, VPN_NO_RULE, VPN_ANYWHERE);
  if (vpn_word(table, VPN_W_MAGIC) != VPN_TABLE_MAGIC || destination >= destinations || port >= ports ||
      p->domain >= domains)
    return out;
  if (owner >= owners) owner = VPN_UNATTRIBUTED; /* of a class that came with another table */
  {
    const __u32 index = (owner * ports + port) * domains + p->domain;
    const __u32 row = (__u32)vpn_word(table, (__u32)vpn_word(table, VPN_W_INDEX) + index);
    const __u64 cell = vpn_word(table, (__u32)vpn_word(table, VPN_W_ROWS) + row * destinations + destination);
    out = vpn_unpack(cell);
    if (out.tunnel != VPN_NO_TUNNEL && !vpn_tunnel_connected(table, out.tunnel)) {
      out = vpn_unpack(cell >> 32);
      /* Two tunnels went at once: the table knows of one. The agent is writing the next table. */
      if (out.verdict != VPN_DROP && out.tunnel != VPN_NO_TUNNEL && !vpn_tunnel_connected(table, out.tunnel))
        out.verdict = VPN_DROP;
    }
  }
  if ((out.place & VPN_CELL_UNNAMED) != 0) out.tunnel = VPN_NO_TUNNEL;
  if ((out.place & (VPN_CELL_SCOPED | VPN_CELL_UNNAMED)) != 0) {
    const int scoped = (out.place & VPN_CELL_SCOPED) != 0;
    out.place &= (__u8) ~(VPN_CELL_SCOPED | VPN_CELL_UNNAMED);
    if (scoped && p->scope != 0 && !p->incoming) return vpn_make_verdict(VPN_SYSTEM, VPN_S7, VPN_ANYWHERE);
  }
  return out;
}

/* The verdict of the rules S0 to S8 for a packet that leaves, or for what a packet that arrives would be answered with.
 * p->remote is without embedded IPv4 (vpn_take_out_embedded). */
VPN_INLINE struct vpn_verdict vpn_outgoing(VPN_TABLE table, const struct vpn_packet* p) {
  const __u32 destination = vpn_destination_class(table, p);
  const int known = destination < (__u32)vpn_word(table, VPN_W_DESTINATIONS);
  const __u64 flags = known ? vpn_word(table, (__u32)vpn_word(table, VPN_W_PLACES) + destination) : 0;
  struct vpn_verdict out;
  if ((flags & VPN_DESTINATION_SELF) != 0) { /* S0 */
    const int off_device = !p->incoming && p->scope > 1 && !vpn_is_tunnel(table, p->scope);
    return vpn_make_verdict(off_device ? VPN_DROP : VPN_SYSTEM, VPN_S0, VPN_ANYWHERE);
  }
  if (vpn_is_dhcp(p) && (p->uid == 0 || p->owner == VPN_FORWARDED) && (flags & VPN_DESTINATION_DHCP) != 0)
    return vpn_make_verdict(VPN_DIRECT, VPN_S1A, VPN_OFF_TUNNEL);
  if (vpn_is_discovery(p) || vpn_is_membership(p)) return vpn_make_verdict(VPN_DIRECT, VPN_S1B, VPN_OFF_TUNNEL);
  if (p->exempt == VPN_S1C || p->exempt == VPN_S1D) return vpn_make_verdict(VPN_DIRECT, p->exempt, VPN_OFF_TUNNEL);
  out = vpn_cell(table, p, destination);
  if (p->exempt == VPN_S1F && out.rule != VPN_S1E) return vpn_make_verdict(VPN_DIRECT, VPN_S1F, VPN_OFF_TUNNEL);
  return out;
}

/* Whether a packet with this verdict may leave by this interface. What is dropped may leave by none. */
VPN_INLINE int vpn_may_leave(VPN_TABLE table, const struct vpn_verdict* v, __u32 interface) {
  if (v->verdict == VPN_DROP || v->verdict == VPN_ACCEPT) return 0;
  if (v->verdict == VPN_PROXY) return 0; /* what reaches the wire was not handed to the provider */
  switch (v->place) {
    case VPN_ANYWHERE:
      return 1;
    case VPN_BY_TUNNEL:
      return interface != 0 && interface == (__u32)vpn_word(table, (__u32)vpn_word(table, VPN_W_TUNNELS) + v->tunnel);
    case VPN_BY_PRIMARY:
      return interface != 0 && interface == (__u32)vpn_word(table, VPN_W_PRIMARY);
    case VPN_OFF_TUNNEL:
      return !vpn_is_tunnel(table, interface);
    default:
      return 0;
  }
}

/* --- Incoming ----------------------------------------------------------------------------------------------------- */

/* Encapsulations from outside a tunnel, while everything has to be in one (CVE-2020-10136 and its like). */
VPN_INLINE int vpn_is_foreign_encapsulation(VPN_TABLE table, const struct vpn_packet* p, struct vpn_verdict* out) {
  const __u64 flags = vpn_word(table, VPN_W_FLAGS);
  if (flags == 0 || !vpn_is_encapsulation(p->protocol) || vpn_is_tunnel(table, p->interface)) return 0;
  *out = vpn_make_verdict(VPN_DROP, (flags & VPN_TABLE_ALWAYS_ON) != 0 ? VPN_S3 : VPN_S5, VPN_ANYWHERE);
  return 1;
}

/* What becomes of a packet that arrives; `back` is the verdict of vpn_outgoing() for the flow back to its sender, or
 * for the flow that it quotes. */
VPN_INLINE struct vpn_verdict vpn_arriving(VPN_TABLE table, const struct vpn_packet* p, struct vpn_verdict back) {
  int accept = 0;
  switch (back.verdict) {
    case VPN_TUNNEL: {
      const __u32 own = (__u32)vpn_word(table, (__u32)vpn_word(table, VPN_W_TUNNELS) + back.tunnel);
      accept = own != 0 && p->interface == own;
      break;
    }
    case VPN_DIRECT:
      accept = !vpn_is_tunnel(table, p->interface);
      break;
    case VPN_SYSTEM:
      accept = 1;
      break;
    default:
      break;
  }
  back.verdict = accept && !vpn_is_redirect(p) ? VPN_ACCEPT : VPN_DROP;
  return back;
}

/* The verdict for a packet: what decide() says. `quoted` is the packet that an ICMP error quotes, as this device sent
 * it (not incoming, without scope), or null. Embedded IPv4 is taken out of both. */
VPN_INLINE struct vpn_verdict vpn_judge(VPN_TABLE table, struct vpn_packet* p, struct vpn_packet* quoted) {
  struct vpn_packet* judged = p;
  struct vpn_verdict out;
  vpn_take_out_embedded(table, p);
  if (p->incoming) {
    if (vpn_is_foreign_encapsulation(table, p, &out)) return out;
    if (quoted && vpn_is_icmp_error(p)) {
      vpn_take_out_embedded(table, quoted);
      judged = quoted;
    }
  }
  out = vpn_outgoing(table, judged);
  return p->incoming ? vpn_arriving(table, p, out) : out;
}

/* --- Marks -------------------------------------------------------------------------------------------------------- */

/* The mark that routes a socket's packets: of its owner's class and of the class of the name that it talks to. It is
 * the same in every state of the device. */
VPN_INLINE __u32 vpn_mark(VPN_TABLE table, __u32 owner, __u32 domain) {
  const __u32 domains = (__u32)vpn_word(table, VPN_W_DOMAINS);
  if (owner >= (__u32)vpn_word(table, VPN_W_OWNERS)) owner = VPN_UNATTRIBUTED;
  if (domain >= domains) domain = 0;
  return (__u32)vpn_word(table, (__u32)vpn_word(table, VPN_W_MARKS) + owner * domains + domain);
}

#if defined(__cplusplus)
#pragma GCC diagnostic pop
#endif
#endif
