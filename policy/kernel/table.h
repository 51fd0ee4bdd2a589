/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The specialised table: a policy in one device state, as an array of 64-bit words that the kernel reads in place.
 * policy/kernel_table.h makes it, policy/kernel/judge.h reads it. Nothing in it is stored on disk: both sides are of
 * one build, and VPN_TABLE_MAGIC changes with every change of the layout.
 *
 *   header   VPN_W_COUNT words, see vpn_word_index
 *   v4       starts of ranges of IPv4 destinations, `address << 32 | class`, ascending, the first at 0
 *   v6       likewise for IPv6: all upper halves, all lower halves, all classes
 *   ports    starts of ranges of `protocol << 16 | remote port`, `key << 32 | class` (port 0 where there are none)
 *   places   a word for each class of destinations: vpn_destination_flags
 *   index    for each owner class, port class, domain class (in this order, the last one fastest): the row
 *   rows     for each row, for each class of destinations: a cell
 *   marks    for each owner class, domain class: the mark of such a socket, 1 to VPN_MAX_MARKS
 *   tunnels  for each tunnel of the policy: the index of its interface, 0: none
 *
 * A cell: bits 0-7 vpn_verdict_kind, 8-15 vpn_rule, 16-23 tunnel, 24-31 vpn_place and vpn_cell_flags; bits 32-63 the
 * same for the moment in which the cell's tunnel is not connected any more. All zero: drop.
 *
 * Numbers of owner classes, port classes, domain classes and marks depend on the policy alone, those of destination
 * classes and rows on the state too.
 */
#ifndef VPN_POLICY_KERNEL_TABLE_H
#define VPN_POLICY_KERNEL_TABLE_H

#if !defined(__VMLINUX_H__)
#include <linux/types.h>
#endif

#define VPN_TABLE_MAGIC 0x76706e7461620002ull
#define VPN_SEARCH_STEPS 22 /* a search among up to 2^22 ranges */
#define VPN_MAX_TUNNELS 255 /* tunnels of a policy that the kernel can hold */
#define VPN_NO_TUNNEL 255
#define VPN_MAX_MARKS 254        /* 0: no mark */
#define VPN_MARK_DIRECT 255      /* of the agent's own sockets and of the providers' */
#define VPN_MAX_WORDS (1u << 27) /* 1 GiB */

enum vpn_word_index {
  VPN_W_MAGIC,
  VPN_W_FLAGS,        /* vpn_table_flags */
  VPN_W_PRIMARY,      /* index of the primary interface; 0: none */
  VPN_W_NAT64_LENGTH, /* 32, 40, 48, 56, 64, 96; 0: the network has no NAT64 prefix of its own */
  VPN_W_NAT64_HIGH,
  VPN_W_NAT64_LOW,
  VPN_W_OWNERS, /* number of classes */
  VPN_W_PORT_CLASSES,
  VPN_W_DOMAINS,
  VPN_W_DESTINATIONS,
  VPN_W_TUNNEL_COUNT,
  VPN_W_V4, /* first word of the section */
  VPN_W_V4_COUNT,
  VPN_W_V6,
  VPN_W_V6_COUNT,
  VPN_W_PORTS,
  VPN_W_PORTS_COUNT,
  VPN_W_PLACES,
  VPN_W_INDEX,
  VPN_W_ROWS,
  VPN_W_ROW_COUNT,
  VPN_W_MARKS,
  VPN_W_TUNNELS,
  VPN_W_COUNT,
};

enum vpn_table_flags {
  VPN_TABLE_ALWAYS_ON = 1, /* S3 is in force */
  VPN_TABLE_ENGAGED = 2,   /* a VPN of S5 is engaged */
};

enum vpn_destination_flags {
  VPN_DESTINATION_SELF = 1, /* loopback, or an address of the device (S0) */
  VPN_DESTINATION_DHCP = 2, /* where a DHCP client may send (S1.a) */
};

/* Zero is drop, so that whatever is missing drops. */
enum vpn_verdict_kind { VPN_DROP, VPN_TUNNEL, VPN_DIRECT, VPN_PROXY, VPN_SYSTEM, VPN_ACCEPT };

/* In the order of vpn::policy::Rule. */
enum vpn_rule {
  VPN_S0,
  VPN_S1A,
  VPN_S1B,
  VPN_S1C,
  VPN_S1D,
  VPN_S1E,
  VPN_S1F,
  VPN_S3,
  VPN_S3A,
  VPN_S3B,
  VPN_S3C,
  VPN_S3D,
  VPN_S3E,
  VPN_S4,
  VPN_S4E,
  VPN_S5,
  VPN_S5A,
  VPN_S5B,
  VPN_S5C,
  VPN_S5D,
  VPN_S5E,
  VPN_S5F,
  VPN_S6B,
  VPN_S7,
  VPN_S8,
  VPN_RULES,
  VPN_NO_RULE = 255, /* no table, or one that does not hold together */
};

/* By which interface a packet that is not dropped may leave. */
enum vpn_place {
  VPN_ANYWHERE,   /* `system` */
  VPN_BY_TUNNEL,  /* the interface of the verdict's tunnel, and no other */
  VPN_BY_PRIMARY, /* the primary interface */
  VPN_OFF_TUNNEL, /* any interface that is no tunnel: S1, local networks */
};

enum vpn_cell_flags {                          /* beside the place */
                      VPN_CELL_SCOPED = 0x80,  /* a flow that its app scoped to an interface is `system` (S7) */
                      VPN_CELL_UNNAMED = 0x40, /* the verdict names no tunnel, although another one would hold without
                                                  the cell's (S7) */
};

#endif
