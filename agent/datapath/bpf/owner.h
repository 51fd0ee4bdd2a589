/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* Whose socket is it: cgroup, then executable by device and inode, then the ancestors' executables. */
#ifndef VPN_DATAPATH_OWNER_H
#define VPN_DATAPATH_OWNER_H

#include "agent/datapath/bpf/state.h"

#define VPN_CGROUP_LEVELS 12
#define VPN_ANCESTORS 8

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1 << 16);
  __type(key, __u64);
  __type(value, struct vpn_owner);
} cgroups SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 1 << 18);
  __type(key, struct vpn_executable);
  __type(value, struct vpn_owner);
} executables SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  /* A connection that is accepted is its listener's owner's. */
  __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  __type(key, int);
  __type(value, struct vpn_socket);
} sockets SEC(".maps");

static __always_inline struct vpn_owner* vpn_executable_owner(struct task_struct* task) {
  struct vpn_executable key = {0};
  struct inode* inode = task->mm->exe_file->f_inode; /* reads through null give 0 */
  key.inode = inode->i_ino;
  key.device = inode->i_sb->s_dev;
  return bpf_map_lookup_elem(&executables, &key);
}

/* The owner of the nearest cgroup that has one. */
static __always_inline struct vpn_owner* vpn_cgroup_owner(struct task_struct* task) {
  struct cgroup* own = task->cgroups->dfl_cgrp;
  int level = own->level;
  for (int i = 0; i < VPN_CGROUP_LEVELS; ++i) {
    struct cgroup* group = 0;
    struct vpn_owner* owner;
    __u64 id;
    if (level < 0) return 0;
    if (bpf_core_read(&group, sizeof(group), &own->ancestors[level])) return 0;
    id = BPF_CORE_READ(group, kn, id);
    owner = bpf_map_lookup_elem(&cgroups, &id);
    if (owner) return owner;
    --level;
  }
  return 0;
}

struct vpn_ancestry {
  struct task_struct* task;
  __u32 self;
  __u32 spawner;
};

static long vpn_next_ancestor(__u32 i, struct vpn_ancestry* a) {
  struct task_struct* parent = a->task->real_parent;
  struct vpn_owner* owner;
  (void)i;
  if (!parent || parent->tgid <= 1) return 1;
  owner = vpn_executable_owner(parent);
  if (owner && owner->app && owner->app != a->self) {
    a->spawner = owner->app;
    return 1;
  }
  a->task = parent;
  return 0;
}

/* The app of the nearest ancestor that is another one than `self`. In a callback, for the verifier takes its time over
 * every step from one structure of the kernel to the next. */
static __always_inline __u32 vpn_spawner(struct task_struct* task, __u32 self) {
  struct vpn_ancestry a = {task, self, 0};
  bpf_loop(VPN_ANCESTORS, vpn_next_ancestor, &a, 0);
  return a.spawner;
}

/* An app's exceptions hold for its own executables and cgroups only: what it merely spawned has it as spawner. */
static __always_inline void vpn_find_owner(struct task_struct* task, __u32 flags, struct vpn_owner* out) {
  const struct vpn_owner* executable = flags & VPN_HAS_EXECUTABLES ? vpn_executable_owner(task) : 0;
  const struct vpn_owner* group = flags & VPN_HAS_CGROUPS ? vpn_cgroup_owner(task) : 0;
  if (executable) {
    *out = *executable;
    if (group) {
      if (!out->app) out->app = group->app;
      if (!out->spawner && group->app != out->app) out->spawner = group->app;
      if (!out->provider) out->provider = group->provider;
      out->flags |= group->flags;
    }
  } else if (group) {
    *out = *group;
    return; /* all that runs in an app's cgroup is the app's */
  }
  if (!out->spawner && (flags & VPN_HAS_EXECUTABLES)) out->spawner = vpn_spawner(task, out->app);
}

/* The table's class of an owner. */
static __always_inline __u32 vpn_class(const struct vpn_owner* owner, __u32 slot) {
  const __u32 own = slot % VPN_SLOTS;
  struct vpn_app_class* half;
  struct vpn_status* s;
  void *by_app, *by_pair;
  __u32 pair = 0;
  __u64* class;
  if (owner->flags & VPN_OWNER_UNKNOWN) return VPN_UNATTRIBUTED;
  if (owner->flags & VPN_OWNER_KERNEL) return VPN_FORWARDED;
  if (!owner->app && !owner->spawner) return VPN_OTHER;
  by_app = bpf_map_lookup_elem(&apps, &own);
  by_pair = bpf_map_lookup_elem(&pairs, &own);
  s = bpf_map_lookup_elem(&status, &own);
  if (!by_app || !by_pair || !s) return VPN_UNATTRIBUTED;
  half = bpf_map_lookup_elem(by_app, &owner->app);
  if (half) pair = half->as_owner * s->spawners;
  half = bpf_map_lookup_elem(by_app, &owner->spawner);
  if (half) pair += half->as_spawner;
  class = bpf_map_lookup_elem(by_pair, &pair);
  return class ? (__u32) * class : VPN_UNATTRIBUTED;
}

/* A socket's class; looked up again when something else is in force. Class and generation are one word, so that no CPU
 * takes the class of one table for that of another. */
static __always_inline __u32 vpn_socket_class(struct vpn_socket* s, __u64 current) {
  const __u64 known = *(volatile __u64*)&s->class_word;
  __u32 class;
  if (known >> VPN_CLASS_BITS == current) return (__u32)known & ((1u << VPN_CLASS_BITS) - 1);
  class = vpn_class(&s->owner, vpn_slot(current));
  if (class >> VPN_CLASS_BITS == 0) *(volatile __u64*)&s->class_word = current << VPN_CLASS_BITS | class;
  return class;
}

/* A socket that sock_create did not see: from before the guard, or the kernel's own. */
VPN_STATIC struct vpn_socket* vpn_unseen_socket(struct bpf_sock* sk) {
  struct vpn_socket fresh = {0};
  struct sock* raw = 0;
  struct net* net = 0;
  if (!sk) return 0;
  /* A bpf_sock is the kernel's sock; through the stack it becomes a plain number that CO-RE reads from. */
  bpf_probe_read_kernel(&raw, sizeof(raw), &sk);
  if (!raw) return 0;
  net = BPF_CORE_READ(raw, __sk_common.skc_net.net);
  fresh.netns = BPF_CORE_READ(net, net_cookie);
  fresh.owner.flags = BPF_CORE_READ_BITFIELD_PROBED(raw, sk_kern_sock) ? VPN_OWNER_KERNEL : VPN_OWNER_UNKNOWN;
  return bpf_sk_storage_get(&sockets, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
}

#endif
