/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* From a packet's headers to what the rules ask of it. */
#ifndef VPN_DATAPATH_PACKET_H
#define VPN_DATAPATH_PACKET_H

#include "agent/datapath/bpf/state.h"

#define VPN_EXTENSIONS \
  8 /* IPv6 extension headers that are looked behind; more: judged by the protocol number reached */

struct vpn_headers {
  __u32 source[4]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
  __u32 destination[4];
  __u32 payload; /* offset of the transport header */
  __u16 source_port;
  __u16 destination_port;
  __u8 v6;
  __u8 protocol;
  __u8 hop_limit;
  __u8 icmp_type;
  __u8 has_icmp_type;
  __u8 has_ports;
  __u8 plain;     /* no extension headers, no fragment */
  __u8 not_first; /* a fragment that is not the first */
};

/* Headers as they lie on the wire. */
struct vpn_ipv4 {
  __u8 version_length, service;
  __u16 length, id, fragment;
  __u8 ttl, protocol;
  __u16 checksum;
  __u32 source, destination;
};

struct vpn_ipv6 {
  __u32 version;
  __u16 length;
  __u8 next, hop_limit;
  __u32 source[4], destination[4];
};

struct vpn_extension {
  __u8 next, length;
  __u16 fragment;
};

VPN_CHECK(sizeof(struct vpn_ipv4) == 20);
VPN_CHECK(sizeof(struct vpn_ipv6) == 40);

static __always_inline int vpn_load(struct __sk_buff* skb, __u32 offset, void* to, __u32 size) {
  return bpf_skb_load_bytes_relative(skb, offset, to, size, BPF_HDR_START_NET) == 0;
}

static __always_inline void vpn_map_v4(__u32* to, __u32 v4) {
  to[0] = 0;
  to[1] = 0;
  to[2] = bpf_htonl(0xffff);
  to[3] = v4;
}

/* Ports and ICMP types, where there are any. */
static __always_inline void vpn_read_transport(struct __sk_buff* skb, struct vpn_headers* h) {
  __u16 ports[2];
  if (h->not_first) return;
  switch (h->protocol) {
    case VPN_TCP:
    case VPN_UDP:
    case 33:  /* DCCP */
    case 132: /* SCTP */
    case 136: /* UDP-Lite */
      if (!vpn_load(skb, h->payload, ports, sizeof(ports))) return;
      h->source_port = ports[0];
      h->destination_port = ports[1];
      h->has_ports = 1;
      break;
    case VPN_ICMP:
    case VPN_ICMPV6:
      h->has_icmp_type = (__u8)vpn_load(skb, h->payload, &h->icmp_type, 1);
      break;
    default:
      break;
  }
}

static __always_inline int vpn_read_ipv4(struct __sk_buff* skb, __u32 offset, struct vpn_headers* h) {
  struct vpn_ipv4 ip;
  if (!vpn_load(skb, offset, &ip, sizeof(ip))) return 0;
  vpn_map_v4(h->source, ip.source);
  vpn_map_v4(h->destination, ip.destination);
  h->protocol = ip.protocol;
  h->hop_limit = ip.ttl;
  h->not_first = (bpf_ntohs(ip.fragment) & 0x1fff) != 0;
  h->plain = (ip.fragment & bpf_htons(0x3fff)) == 0;
  h->payload = offset + (ip.version_length & 15) * 4u;
  return 1;
}

static __always_inline int vpn_read_ipv6(struct __sk_buff* skb, __u32 offset, struct vpn_headers* h) {
  struct vpn_ipv6 ip;
  if (!vpn_load(skb, offset, &ip, sizeof(ip))) return 0;
  __builtin_memcpy(h->source, ip.source, 16);
  __builtin_memcpy(h->destination, ip.destination, 16);
  h->protocol = ip.next;
  h->hop_limit = ip.hop_limit;
  h->v6 = 1;
  h->plain = 1;
  h->payload = offset + (__u32)sizeof(ip);
  for (int i = 0; i < VPN_EXTENSIONS; ++i) {
    struct vpn_extension e;
    const __u8 kind = h->protocol;
    if (kind != 0 && kind != 43 && kind != 44 && kind != 51 && kind != 60 && kind != 135 && kind != 139 && kind != 140)
      break;
    h->plain = 0;
    if (!vpn_load(skb, h->payload, &e, sizeof(e))) return 1;
    h->protocol = e.next;
    if (kind == 44) {
      h->payload += 8;
      if (bpf_ntohs(e.fragment) & 0xfff8) {
        h->not_first = 1;
        break;
      }
    } else {
      h->payload += kind == 51 ? (e.length + 2) * 4u : (e.length + 1) * 8u;
    }
  }
  return 1;
}

/* The headers at an offset from the network header. 0 where there is no IP packet. A function of its own to the
 * verifier, as vpn_answer(). */
__attribute__((noinline)) int vpn_read_headers(struct __sk_buff* skb, __u32 offset, struct vpn_headers* h) {
  __u8 version = 0;
  int ok;
  if (!h) return 0;
  __builtin_memset(h, 0, sizeof(*h));
  if (!vpn_load(skb, offset, &version, 1)) return 0;
  version >>= 4;
  if (version == 4)
    ok = vpn_read_ipv4(skb, offset, h);
  else if (version == 6)
    ok = vpn_read_ipv6(skb, offset, h);
  else
    return 0;
  if (ok) vpn_read_transport(skb, h);
  return ok;
}

static __always_inline struct vpn_address vpn_host_order(const __u32* a, int v6) {
  struct vpn_address out;
  if (!v6) {
    out.high = 0;
    out.low = bpf_ntohl(a[3]);
  } else {
    out.high = (__u64)bpf_ntohl(a[0]) << 32 | bpf_ntohl(a[1]);
    out.low = (__u64)bpf_ntohl(a[2]) << 32 | bpf_ntohl(a[3]);
  }
  return out;
}

/* Seen from this device: what is remote. */
static __always_inline void vpn_fill_packet(struct vpn_packet* p, const struct vpn_headers* h, int incoming) {
  p->remote = vpn_host_order(incoming ? h->source : h->destination, h->v6);
  p->remote_port = bpf_ntohs(incoming ? h->source_port : h->destination_port);
  p->local_port = bpf_ntohs(incoming ? h->destination_port : h->source_port);
  p->v6 = h->v6;
  p->protocol = h->protocol;
  p->icmp_type = h->icmp_type;
  p->has_icmp_type = h->has_icmp_type;
  p->hop_limit = h->hop_limit;
  p->incoming = (__u8)incoming;
}

#endif
