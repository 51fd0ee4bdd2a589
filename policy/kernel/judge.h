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

#include "policy/kernel/table.h"

#define VPN_INLINE static inline __attribute__((always_inline))

enum vpn_protocol { VPN_ICMP = 1, VPN_IGMP = 2, VPN_TCP = 6, VPN_UDP = 17, VPN_ICMPV6 = 58 };

enum vpn_owner_class { /* owners that are no app of the policy; classes of apps follow */
                       VPN_FORWARDED = 0,
                       VPN_UNATTRIBUTED = 1,
                       VPN_OTHER = 2,
                       VPN_FIRST_APP = 3,
};

struct vpn_address { /* host byte order */
  __u64 high;        /* IPv6: upper half; IPv4: 0 */
  __u64 low;         /* IPv6: lower half; IPv4: the address */
};

/* What the rules ask of a packet, in host byte order. */
struct vpn_packet {
  struct vpn_address remote; /* destination, or sender of a packet that arrives */
  __u32 owner;               /* class of the owner: vpn_owner_class, or a class of apps of the table */
  __u32 domain;              /* class of the name that the address is tied to for this app; 0: in no list, or unknown */
  __u32 interface;           /* interface that it leaves by or came in by; 0: not known yet */
  __u32 scope;               /* interface that its socket is bound to; 0: none */
  __u32 uid;
  __u16 remote_port;
  __u16 local_port;
  __u8 v6;
  __u8 protocol;
  __u8 icmp_type;
  __u8 has_icmp_type; /* no type in a fragment that is not the first, nor in a packet too short for one */
  __u8 hop_limit;
  __u8 incoming;
  __u8 exempt; /* VPN_S1C, VPN_S1D or VPN_S1F: the rule by which its owner may talk to this endpoint; 0: none */
  __u8 unused;
};

struct vpn_verdict {
  __u8 verdict; /* vpn_verdict_kind */
  __u8 rule;    /* vpn_rule */
  __u8 tunnel;  /* index into the policy's tunnels, or VPN_NO_TUNNEL */
  __u8 place;   /* vpn_place */
};

#if defined(__cplusplus)
#define VPN_CHECK(what) static_assert(what, #what)
#else
#define VPN_CHECK(what) _Static_assert(what, #what)
#endif
VPN_CHECK(sizeof(struct vpn_packet) == 48);
VPN_CHECK(sizeof(struct vpn_verdict) == 4);

VPN_INLINE struct vpn_verdict vpn_make_verdict(__u8 verdict, __u8 rule, __u8 place) {
  const struct vpn_verdict out = {verdict, rule, VPN_NO_TUNNEL, place};
  return out;
}

/* --- Addresses ---------------------------------------------------------------------------------------------------- */

/* The IPv4 address behind a NAT64 prefix of `length` bits (RFC 6052 2.2: bits 64 to 71 are skipped). */
VPN_INLINE __u32 vpn_translated(const struct vpn_address* a, __u64 length) {
  switch (length) {
    case 32:
      return (__u32)a->high;
    case 40:
      return (__u32)((a->high & 0xffffff) << 8 | (a->low >> 48 & 0xff));
    case 48:
      return (__u32)((a->high & 0xffff) << 16 | (a->low >> 40 & 0xffff));
    case 56:
      return (__u32)((a->high & 0xff) << 24 | (a->low >> 32 & 0xffffff));
    case 64:
      return (__u32)(a->low >> 24);
    default:
      return (__u32)a->low;
  }
}

VPN_INLINE int vpn_in_prefix(const struct vpn_address* a, __u64 high, __u64 low, __u64 length) {
  if (length < 64) return ((a->high ^ high) >> (64 - length)) == 0;
  if (a->high != high) return 0;
  return length == 64 || ((a->low ^ low) >> (128 - length)) == 0; /* 96 at most: a shift of 32 */
}

/* An IPv4-mapped address, and one behind a NAT64 prefix, is judged as the IPv4 address in it. */
VPN_INLINE void vpn_take_out_embedded(VPN_TABLE table, struct vpn_packet* p) {
  __u32 v4;
  if (!p->v6) return;
  if ((p->remote.high == 0 && p->remote.low >> 32 == 0xffff) ||
      (p->remote.high == 0x0064ff9b00000000ull && p->remote.low >> 32 == 0)) {
    v4 = (__u32)p->remote.low;
  } else {
    const __u64 length = vpn_word(table, VPN_W_NAT64_LENGTH);
    if (length == 0 || length > 96 ||
        !vpn_in_prefix(&p->remote, vpn_word(table, VPN_W_NAT64_HIGH), vpn_word(table, VPN_W_NAT64_LOW), length))
      return;
    v4 = vpn_translated(&p->remote, length);
  }
  p->v6 = 0;
  p->remote.high = 0;
  p->remote.low = v4;
}

/* --- Classes: searches for the last start of a range that is not above a key -------------------------------------- */

/* Words are `start << 32 | class`, ascending, the first one at 0. */
VPN_INLINE __u32 vpn_find(VPN_TABLE table, __u32 first, __u32 count, __u32 key) {
  __u32 begin = first;
  for (int step = 0; step < VPN_SEARCH_STEPS; ++step) {
    const __u32 half = count / 2;
    if (half == 0) break;
    if ((__u32)(vpn_word(table, begin + half) >> 32) <= key) begin += half;
    count -= half;
  }
  return (__u32)vpn_word(table, begin);
}

/* First all upper halves of the starts, then all lower halves, then all classes. */
VPN_INLINE __u32 vpn_find6(VPN_TABLE table, __u32 first, __u32 count, const struct vpn_address* key) {
  const __u32 all = count;
  __u32 begin = first;
  for (int step = 0; step < VPN_SEARCH_STEPS; ++step) {
    const __u32 half = count / 2;
    if (half == 0) break;
    const __u64 high = vpn_word(table, begin + half);
    if (high < key->high || (high == key->high && vpn_word(table, begin + half + all) <= key->low)) begin += half;
    count -= half;
  }
  return (__u32)vpn_word(table, begin + 2 * all);
}

VPN_INLINE __u32 vpn_destination_class(VPN_TABLE table, const struct vpn_packet* p) {
  if (p->v6)
    return vpn_find6(table, (__u32)vpn_word(table, VPN_W_V6), (__u32)vpn_word(table, VPN_W_V6_COUNT), &p->remote);
  return vpn_find(table, (__u32)vpn_word(table, VPN_W_V4), (__u32)vpn_word(table, VPN_W_V4_COUNT),
                  (__u32)p->remote.low);
}

/* --- S1: what keeps the device on its network. decide_control_plane.cpp includes these too. ----------------------- */

/* S1.a but for the destination and the sender. */
VPN_INLINE int vpn_is_dhcp(const struct vpn_packet* p) {
  return p->protocol == VPN_UDP && p->remote_port == (p->v6 ? 547 : 67) && p->local_port == (p->v6 ? 546 : 68);
}

/* S1.b. Discovery and MLD exist in IPv6 only, IGMP in IPv4 only: their numbers in the other family would be a covert
 * channel. */
VPN_INLINE int vpn_is_discovery(const struct vpn_packet* p) {
  const __u8 t = p->icmp_type;
  if (p->protocol != VPN_ICMPV6 || !p->v6 || !p->has_icmp_type || p->hop_limit != 255) return 0;
  return t == 135 || t == 136 || t == (p->incoming ? 134 : 133);
}

VPN_INLINE int vpn_is_membership(const struct vpn_packet* p) {
  const __u8 t = p->icmp_type;
  if (p->hop_limit != 1) return 0;
  if (p->protocol == VPN_IGMP) return !p->v6;
  return p->protocol == VPN_ICMPV6 && p->v6 && p->has_icmp_type && ((t >= 130 && t <= 132) || t == 143);
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
  if ((out.place & VPN_CELL_SCOPED) != 0) {
    out.place &= (__u8)~VPN_CELL_SCOPED;
    if (p->scope != 0 && !p->incoming) return vpn_make_verdict(VPN_SYSTEM, VPN_S7, VPN_ANYWHERE);
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

VPN_INLINE int vpn_is_encapsulation(__u8 protocol) {
  switch (protocol) {
    case 4:   /* IP in IP */
    case 41:  /* IPv6 */
    case 47:  /* GRE */
    case 94:  /* IPIP */
    case 97:  /* EtherIP */
    case 98:  /* ENCAP */
    case 115: /* L2TP */
    case 137: /* MPLS */
      return 1;
    default:
      return 0;
  }
}

VPN_INLINE int vpn_is_redirect(const struct vpn_packet* p) {
  return p->has_icmp_type &&
         ((p->protocol == VPN_ICMP && p->icmp_type == 5) || (p->protocol == VPN_ICMPV6 && p->icmp_type == 137));
}

/* An ICMP error is judged by the packet that it quotes. */
VPN_INLINE int vpn_is_icmp_error(const struct vpn_packet* p) {
  const __u8 t = p->icmp_type;
  if (!p->has_icmp_type) return 0;
  if (p->protocol == VPN_ICMP) return t == 3 || t == 4 || t == 11 || t == 12;
  return p->protocol == VPN_ICMPV6 && t >= 1 && t <= 4;
}

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

#endif
