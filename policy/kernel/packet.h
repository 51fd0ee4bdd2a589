/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What a packet is, as far as the rules ask: shared by the eBPF programs and by decide(). Plain C without state. The
 * other half, which reads the table, is policy/kernel/judge.h.
 */
#ifndef VPN_POLICY_KERNEL_PACKET_H
#define VPN_POLICY_KERNEL_PACKET_H

#include "policy/kernel/table.h"

#define VPN_INLINE static inline __attribute__((always_inline))

#if defined(__cplusplus)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

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

/* What the rules ask of a packet, in host byte order. Ports are 0 but for TCP, UDP, DCCP, SCTP and UDP-Lite. */
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

#if defined(__cplusplus)
#define VPN_CHECK(what) static_assert(what, #what)
#else
#define VPN_CHECK(what) _Static_assert(what, #what)
#endif
VPN_CHECK(sizeof(struct vpn_packet) == 48);

/* --- Addresses ---------------------------------------------------------------------------------------------------- */

/* The IPv4 address behind a NAT64 prefix of `length` bits (RFC 6052 2.2: bits 64 to 71 are skipped). What is in those
 * bits or behind the IPv4 address does not matter: a translator ignores it, so it must not hide the address from the
 * rules either. */
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

/* `length` is one of RFC 6052's: 32, 40, 48, 56, 64, 96. */
VPN_INLINE int vpn_in_prefix(const struct vpn_address* a, const struct vpn_address* prefix, __u64 length) {
  if (length < 64) return ((a->high ^ prefix->high) >> (64 - length)) == 0;
  if (a->high != prefix->high) return 0;
  return length == 64 || ((a->low ^ prefix->low) >> (128 - length)) == 0;
}

VPN_INLINE int vpn_is_nat64_length(__u64 length) {
  return length == 96 || (length >= 32 && length <= 64 && length % 8 == 0);
}

/* Whether an IPv6 address is IPv4-mapped or behind a NAT64 prefix, 64:ff9b::/96 or the network's own (`length` 0:
 * none): it is judged as the IPv4 address in it. */
VPN_INLINE int vpn_embeds(const struct vpn_address* a, const struct vpn_address* nat64, __u64 length, __u32* v4) {
  if ((a->high == 0 && a->low >> 32 == 0xffff) || (a->high == 0x0064ff9b00000000ull && a->low >> 32 == 0)) {
    *v4 = (__u32)a->low;
    return 1;
  }
  if (!vpn_is_nat64_length(length) || !vpn_in_prefix(a, nat64, length)) return 0;
  *v4 = vpn_translated(a, length);
  return 1;
}

/* --- S1: what keeps the device on its network --------------------------------------------------------------------- */

/* S1.a but for the destination and the sender. */
VPN_INLINE int vpn_is_dhcp(const struct vpn_packet* p) {
  return p->remote_port == (p->v6 ? 547 : 67) && p->local_port == (p->v6 ? 546 : 68) && p->protocol == VPN_UDP;
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

#if defined(__cplusplus)
#pragma GCC diagnostic pop
#endif
#endif
