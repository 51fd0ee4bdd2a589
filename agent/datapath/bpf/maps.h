/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What the agent writes and the programs read, and the other way round. Both sides include this file; sizes are
 * asserted. VPN_LAYOUT changes with every change here, so that no agent adopts maps of another shape.
 */
#ifndef VPN_DATAPATH_MAPS_H
#define VPN_DATAPATH_MAPS_H

#include "policy/kernel/packet.h"

#define VPN_LAYOUT 8

/* --- control: one entry, mapped by the agent ---------------------------------------------------------------------- */

enum vpn_control_flags {
  VPN_AUDIT = 1,           /* decide and count, let everything pass */
  VPN_HAS_CGROUPS = 2,     /* there are entries in `cgroups` */
  VPN_HAS_EXECUTABLES = 4, /* ... in `executables` */
  VPN_HAS_NAMES = 8,       /* ... in `names` */
  VPN_FORWARDS = 16,       /* there is an inner bridge */
  VPN_HAS_TUNNEL_ADDRESSES = 32,
  VPN_HAS_PATTERNS = 64, /* ... in `patterns` */
  VPN_STEERS = 128,      /* lookups of some owners go to the forwarder, or what proxies carry to the relay */
  VPN_HAS_WAITED = 256,  /* connections have waited for a tunnel, or may */
};

struct vpn_control {
  /* `generation << 8 | slot`: which tables are in force. A packet reads it once. The generation changes with
   * everything that may change a verdict, but for the status of a tunnel: verdicts that sockets remember are those of
   * one generation. 0: nothing was published yet. */
  __u64 current;
  __u64 heartbeat;       /* CLOCK_MONOTONIC, ns */
  __u64 heartbeat_limit; /* ns */
  __u64 netns;           /* cookie of the network namespace that is guarded */
  __u32 flags;           /* vpn_control_flags */
  __u32 ticket;          /* what the gate wants to see in the mark; 0: none yet */
  __u32 row_mask;        /* the bits of a mark that hold the route row */
  __u32 row_shift;
  __u32 outward; /* written beside the row into forwarded packets: may leave by any interface, */
  __u32 inward;  /* ... by a tunnel or an inner bridge only */
  __u32 next_counter;
  __u32 layout;         /* VPN_LAYOUT */
  __u32 priority;       /* beside the ticket in what may leave: the half that a tap cannot read */
  __u32 forwarder;      /* of lookups: its IPv4 address, network byte order; in IPv6 it is at ::1 */
  __u64 questions_read; /* CLOCK_MONOTONIC, ns: the forwarder has read all that was sent to it before */
  __u16 forwarder_port; /* network byte order */
  __u16 relay_port;     /* likewise: of what proxies carry, at the forwarder's addresses */
  __u32 network_uid;    /* whose DHCP is the system's, besides that of uid 0 (S1.a); 0: nobody's */
  __u64 relay_read;     /* as questions_read, of the relay's datagrams */
  __u64 policy;         /* whose classes of names are in the tables and in `names` */
};

#define VPN_SLOTS 2       /* of tables, app classes, pairs and status; the active one and the one to fill */
#define VPN_STALE_SLOTS 2 /* tables for a stale heartbeat: at slot + VPN_STALE_SLOTS */
#define VPN_MAX_COUNTERS 16384
#define VPN_MAX_INTERFACES 1024

/* --- status: one entry for each slot, mapped by the agent --------------------------------------------------------- */

enum vpn_tunnel_word { /* in the order of vpn::agent::TunnelWord */
                       VPN_DOWN,
                       VPN_CONNECTED,
                       VPN_WAITS, /* down, and TCP connections wait for it */
};

struct vpn_status {
  __u32 connected[VPN_MAX_TUNNELS + 1];
  __u32 spawners; /* for `pairs`: as_owner * spawners + as_spawner */
  __u32 numbers;  /* given when this was published. A higher one is of a policy to come: nothing is known of it here */
  __u32 streams_only[(VPN_MAX_TUNNELS + 1) / 32]; /* a bit for each tunnel whose proxy carries no datagrams */
};

/* --- owners ------------------------------------------------------------------------------------------------------- */

enum vpn_owner_flags {
  VPN_OWNER_AGENT = 1,
  VPN_OWNER_UNKNOWN = 2, /* unattributed: a socket from before, or whose cgroup or executable is not certain yet */
  VPN_OWNER_KERNEL = 4,  /* the kernel's own socket: `forwarded` */
  VPN_OWNER_ASKING = 8,  /* the agent's, for a lookup of this owner: judged as if the owner had sent it */
};

struct vpn_owner { /* in `cgroups`, in `executables`, and of each socket */
  __u32 app;
  __u32 spawner;
  __u32 provider;
  __u32 flags;
};

struct vpn_executable {
  __u64 inode;
  __u32 device; /* as the kernel has it: major << 20 | minor */
  __u32 unused;
};

/* Patterns of cgroups' names, for cgroups that the agent has not seen yet: a name that starts and ends so, or is the
 * start as a whole. What all patterns of one shape have in common is looked up first. */
#define VPN_PATTERN_START 96
#define VPN_PATTERN_END 28
#define VPN_SHAPES 64
#define VPN_MAX_PATTERNS 65536
#define VPN_MAX_CGROUPS 65536

struct vpn_shape {
  __u8 used;
  __u8 whole;
  __u8 start; /* lengths */
  __u8 end;
};

struct vpn_pattern {
  struct vpn_shape shape;
  char start[VPN_PATTERN_START];
  char end[VPN_PATTERN_END];
};

struct vpn_pattern_owner {
  struct vpn_owner owner; /* VPN_OWNER_UNKNOWN: it takes more than this to tell */
  __u32 order;            /* among several that match, the lowest */
};

#define VPN_PAIR_STEERED (1u << 31) /* in `pairs`, beside the class: lookups of such owners go to the forwarder */

struct vpn_app_class { /* the two halves of the class of an app */
  __u32 as_owner;
  __u32 as_spawner;
};

/* --- addresses ---------------------------------------------------------------------------------------------------- */

struct vpn_ip { /* network byte order; IPv4 as ::ffff:a.b.c.d */
  __u32 word[4];
};

#define VPN_WHO_AGENT 0xffffffffu

struct vpn_exemption_key {
  struct vpn_ip address;
  __u32 who; /* number of the provider, or VPN_WHO_AGENT; the mark of packets that the kernel makes (`kernel`) */
  __u16 port;
  __u8 protocol;
  __u8 kernel; /* 1: its own packets. Tunnels to one server have a mark each */
};

struct vpn_exemption {
  __u64 until;     /* CLOCK_MONOTONIC, ns */
  __u32 interface; /* 0: any */
  __u32 rule;
};

struct vpn_name_key {
  struct vpn_ip address;
  __u32 app;
};

struct vpn_name {
  __u64 until;
  __u32 domain;
  __u32 unused;
};

/* Who sends from a port of this device to the forwarder, or to the relay. */
struct vpn_asker_key {
  struct vpn_ip address;
  __u16 port;
  __u8 protocol;
  __u8 relay;
};

struct vpn_asker {
  struct vpn_owner owner;
  struct vpn_ip asked; /* the resolver or server that it thinks it asks; all zero: ourselves */
  __u16 asked_port;    /* network byte order */
  __u16 proxy;         /* 1 + the tunnel whose proxy is to carry it */
  __u32 uid;
  __u64 last; /* CLOCK_MONOTONIC, ns: its last packet */
};

/* A TCP connection that has waited for its tunnel (on-demand) has the address of the interface by which it would have
 * left without one. Inside the tunnel it has the tunnel's. */
struct vpn_waited_key {
  struct vpn_ip remote;
  __u16 remote_port; /* network byte order */
  __u16 local_port;
};

struct vpn_source_key { /* the tunnel's own address */
  __u32 interface;
  __u32 v6;
};

enum vpn_interface_kind { /* in the order of vpn::agent::InterfaceKind, from 1; 0: unknown */
                          VPN_INTERFACE_LOOPBACK = 1,
                          VPN_INTERFACE_TUNNEL,
                          VPN_INTERFACE_PHYSICAL,
                          VPN_INTERFACE_STACKED,
                          VPN_INTERFACE_INNER,
};

/* --- sockets ------------------------------------------------------------------------------------------------------ */

#define VPN_CLASS_BITS 20

enum vpn_action { VPN_PASS = 1, VPN_STAMP = 2 };

/* The last verdict of a socket in one direction. Readers on other CPUs see `sequence` change when it is being written
 * (it is odd then) and judge anew. */
struct vpn_memory {
  __u32 sequence;
  __u32 interface;
  __u64 current; /* of vpn_control, with VPN_STALE_SLOTS added to the slot where the heartbeat was stale */
  __u64 until;   /* when something that the verdict rests on expires */
  __u32 remote[4];
  __u16 port; /* network byte order, as remote */
  __u8 protocol;
  __u8 version;
  __u32 counter;
  __u8 action;
  __u8 tunnel; /* whose status it depends on, or VPN_NO_TUNNEL */
  __u8 connected;
  __u8 unused;
  __u32 scope;
};

enum vpn_waiting { VPN_HAS_TO_WAIT = 1, VPN_NOTED = 2 /* in the map `waited` */ };

struct vpn_process {
  __u64 started; /* since boot, ns */
  __u64 program; /* inode of what it ran then: what it runs later is another process here */
};

struct vpn_socket {
  struct vpn_owner owner;
  __u64 netns;
  __u64 class_word;         /* vpn_control.current << VPN_CLASS_BITS | class of the owner */
  __u32 row;                /* in the socket's mark */
  __u32 domain;             /* VPN_OWNER_ASKING: class of the name that is looked up */
  struct vpn_process maker; /* or who was found to have it */
  struct vpn_memory out, in;
  __u32 asked[4];   /* whom a steered socket asked last, as it shall see it; network byte order, IPv4 mapped */
  __u16 asked_port; /* 0: never steered */
  __u16 waited;     /* its connection waits, or has waited, for a tunnel: vpn_waiting */
  __u16 proxy;      /* 1 + the tunnel whose proxy is to carry what it sends there; 0: it asked a resolver */
  __u16 unused;
};

/* --- counters and events ------------------------------------------------------------------------------------------ */

struct vpn_counter_key {
  __u32 app;
  __u32 spawner;
  __u8 owner; /* vpn_owner_class; VPN_FIRST_APP for any app */
  __u8 verdict;
  __u8 rule;
  __u8 tunnel;
  __u8 incoming;
  __u8 unused[3];
};

struct vpn_counter { /* on each CPU; entry 0 for what found no room */
  __u64 packets;
  __u64 bytes;
};

struct vpn_drop_key { /* one event a second for each; where the agent ends connections (S3), for each connection */
  struct vpn_ip remote;
  __u32 app;
  __u32 spawner;
  __u16 port;
  __u8 protocol;
  __u8 rule;
  __u16 connection; /* its own port */
  __u16 incoming;
};

enum vpn_drop_flags { VPN_DROP_INCOMING = 1, VPN_DROP_EARLY = 2, VPN_DROP_WAITS = 4 };

struct vpn_drop_event {
  __u64 when;
  __u64 cookie; /* of the socket; 0: none */
  struct vpn_ip remote;
  __u32 app;
  __u32 spawner;
  __u32 pid;
  __u32 uid;
  __u32 interface;
  __u16 remote_port; /* host byte order */
  __u16 local_port;
  __u8 protocol;
  __u8 rule;
  __u8 tunnel;
  __u8 flags;
  __u32 unused;
};

VPN_CHECK(sizeof(struct vpn_control) == 104);
VPN_CHECK(sizeof(struct vpn_status) == 1064);
VPN_CHECK(sizeof(struct vpn_owner) == 16);
VPN_CHECK(sizeof(struct vpn_executable) == 16);
VPN_CHECK(sizeof(struct vpn_pattern) == 128);
VPN_CHECK(sizeof(struct vpn_pattern_owner) == 20);
VPN_CHECK(sizeof(struct vpn_app_class) == 8);
VPN_CHECK(sizeof(struct vpn_exemption_key) == 24);
VPN_CHECK(sizeof(struct vpn_exemption) == 16);
VPN_CHECK(sizeof(struct vpn_name_key) == 20);
VPN_CHECK(sizeof(struct vpn_name) == 16);
VPN_CHECK(sizeof(struct vpn_asker_key) == 20);
VPN_CHECK(sizeof(struct vpn_asker) == 48);
VPN_CHECK(sizeof(struct vpn_waited_key) == 20);
VPN_CHECK(sizeof(struct vpn_source_key) == 8);
VPN_CHECK(sizeof(struct vpn_memory) == 56);
VPN_CHECK(sizeof(struct vpn_socket) == 192);
VPN_CHECK(sizeof(struct vpn_counter_key) == 16);
VPN_CHECK(sizeof(struct vpn_counter) == 16);
VPN_CHECK(sizeof(struct vpn_drop_key) == 32);
VPN_CHECK(sizeof(struct vpn_drop_event) == 64);

#endif
