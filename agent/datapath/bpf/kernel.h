/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The few types of the kernel that the programs look into, with the members that they need. libbpf moves every access
 * to where the running kernel has the member (CO-RE), so that a build depends on no machine's kernel.
 */
#ifndef VPN_DATAPATH_KERNEL_H
#define VPN_DATAPATH_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
/* These need the types from above. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
  __u32 s_dev;
};

struct inode {
  unsigned long i_ino;
  struct super_block* i_sb;
};

struct file {
  struct inode* f_inode;
};

struct mm_struct {
  struct file* exe_file;
};

struct kernfs_node {
  const char* name;
  __u64 id;
};

struct cgroup {
  int level;
  struct kernfs_node* kn;
  struct cgroup* ancestors[];
};

struct css_set {
  struct cgroup* dfl_cgrp;
};

struct task_struct {
  int tgid;
  struct mm_struct* mm;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  __u64 start_boottime;
  struct css_set* cgroups;
};

struct net {
  __u64 net_cookie;
};

typedef struct {
  struct net* net;
} possible_net_t;

struct sock_common {
  __u16 skc_family;
  possible_net_t skc_net;
};

struct sock {
  struct sock_common __sk_common;
  __u8 sk_kern_sock : 1;
};

struct ipv6_pinfo {
  int ucast_oif;
};

struct inet_sock {
  struct sock sk;
  struct ipv6_pinfo* pinet6;
  int uc_index;
};

struct socket {
  struct sock* sk;
};

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

#pragma clang attribute pop

/* Numbers of the kernel's interface to programs in user space, which never change. */
enum {
  VPN_AF_INET = 2,
  VPN_AF_INET6 = 10,
  VPN_SOCK_RAW = 3,
  VPN_SOL_SOCKET = 1,
  VPN_SOL_XDP = 283,
  VPN_SO_BINDTODEVICE = 25,
  VPN_SO_MARK = 36,
  VPN_SO_BINDTOIFINDEX = 62,
  VPN_TCP_SYN_SENT = 2,
  VPN_TCP_LISTEN = 10,
  VPN_TC_PASS = 0, /* TC_ACT_OK */
  VPN_TC_DROP = 2, /* TC_ACT_SHOT */
  VPN_PAGE = 4096,
};

#endif
