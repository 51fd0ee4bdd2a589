/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Whose socket is it, and the only place that says so: the task's executable by device and inode; what that leaves
 * open, its cgroup; what that leaves open, the executables of its ancestors. The agent asks vpn_tell_owner().
 */
#ifndef VPN_DATAPATH_OWNER_H
#define VPN_DATAPATH_OWNER_H

#include "agent/datapath/bpf/state.h"

#define VPN_CGROUP_LEVELS 40
#define VPN_NAME_PARTS 5 /* of 63 bytes: a name has 255 at most */
#define VPN_ANCESTORS 8

/* An entry without an owner is that of a cgroup that is nobody's, nor is what is above it. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, VPN_MAX_CGROUPS);
  __type(key, __u64);
  __type(value, struct vpn_owner);
} cgroups SEC(".maps");

/* From the first on, until one is not used. The first is for a pattern that matches everything, or for none. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, VPN_SHAPES);
  __type(key, __u32);
  __type(value, struct vpn_shape);
} shapes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, VPN_MAX_PATTERNS);
  __type(key, struct vpn_pattern);
  __type(value, struct vpn_pattern_owner);
} patterns SEC(".maps");

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

struct vpn_naming {
  __u64 name; /* where the kernel has it */
  __u32 length;
  struct vpn_pattern_owner* best;
};

static long vpn_try_shape(__u32 i, struct vpn_naming* n) {
  struct vpn_pattern key = {0};
  const struct vpn_shape* shape = bpf_map_lookup_elem(&shapes, &i);
  const struct vpn_pattern_owner* found;
  __u32 start, end;
  if (!shape) return 1;
  key.shape = *shape;
  if (!key.shape.used) return i != 0;
  start = key.shape.start;
  end = key.shape.end;
  if (start > VPN_PATTERN_START || end > VPN_PATTERN_END) return 0;
  if (n->length < start + end || (key.shape.whole && n->length != start)) return 0;
  if (bpf_probe_read_kernel(key.start, start, (const void*)n->name) ||
      bpf_probe_read_kernel(key.end, end, (const void*)(n->name + n->length - end)))
    return 0;
  found = bpf_map_lookup_elem(&patterns, &key);
  if (found && found->order < n->best->order) *n->best = *found;
  return 0;
}

/* Whose a cgroup of this name is. 0: no pattern matches. A function of its own to the verifier, as vpn_answer(). */
__attribute__((noinline)) int vpn_named_owner(__u64 name, struct vpn_pattern_owner* best) {
  struct vpn_naming n = {name, 0, best};
  char part[64];
  if (!best) return 0;
  best->order = ~0u;
  for (int i = 0; i < VPN_NAME_PARTS; ++i) {
    const long size = bpf_probe_read_kernel_str(part, sizeof(part), (const void*)(name + n.length));
    if (size <= 0) return 0;
    n.length += (__u32)size - 1;
    if (size < (long)sizeof(part)) break;
  }
  bpf_loop(VPN_SHAPES, vpn_try_shape, &n, 0);
  return best->order != ~0u;
}

struct vpn_climb {
  struct cgroup* own;
  int level;
  __u32 flags; /* of vpn_control */
  struct vpn_pattern_owner found;
};

/* What the agent has seen has an entry; what came since is told by its name, in time for its first socket. */
static long vpn_climb_on(__u32 i, struct vpn_climb* c) {
  struct cgroup* own = c->own; /* apart, for what is read by CO-RE is the kernel's */
  struct cgroup* group = 0;
  const struct vpn_owner* known;
  const int level = c->level;
  __u64 id;
  (void)i;
  if (level < 0 || bpf_core_read(&group, sizeof(group), &own->ancestors[level])) return 1;
  id = BPF_CORE_READ(group, kn, id);
  known = bpf_map_lookup_elem(&cgroups, &id);
  if (known) {
    c->found.owner = *known;
    return 1;
  }
  if ((c->flags & VPN_HAS_PATTERNS) && vpn_named_owner((__u64)BPF_CORE_READ(group, kn, name), &c->found)) return 1;
  --c->level;
  return 0;
}

/* The owner of the nearest cgroup that has one. */
static __always_inline void vpn_cgroup_owner(struct task_struct* task, __u32 flags, struct vpn_owner* out) {
  struct vpn_climb c = {0};
  c.own = task->cgroups->dfl_cgrp;
  c.level = c.own->level;
  c.flags = flags;
  bpf_loop(VPN_CGROUP_LEVELS, vpn_climb_on, &c, 0);
  *out = c.found.owner;
}

static __always_inline int vpn_is_owned(const struct vpn_owner* o) {
  return (o->app | o->spawner | o->provider | o->flags) != 0;
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
  struct vpn_owner group = {0};
  if (flags & (VPN_HAS_CGROUPS | VPN_HAS_PATTERNS)) vpn_cgroup_owner(task, flags, &group);
  if (executable) {
    *out = *executable;
    if (!out->app) out->app = group.app;
    if (!out->spawner && group.app != out->app) out->spawner = group.app;
    if (!out->provider) out->provider = group.provider;
    out->flags |= group.flags;
  } else if (vpn_is_owned(&group)) {
    *out = group;
    return; /* all that runs in an app's cgroup is the app's */
  }
  if (!out->spawner && (flags & VPN_HAS_EXECUTABLES)) out->spawner = vpn_spawner(task, out->app);
}

static __always_inline void vpn_note_process(struct task_struct* task, struct vpn_process* p) {
  p->started = task->group_leader->start_boottime;
  p->program = task->mm->exe_file->f_inode->i_ino;
}

/* The halves of the class of an app. An app that the policy does not treat specially has zeros. 0: the table knows
 * nothing of it, for it is of a policy to come. */
static __always_inline int vpn_halves(void* by_app, const struct vpn_status* s, __u32 app, struct vpn_app_class* out) {
  const struct vpn_app_class* known = app ? bpf_map_lookup_elem(by_app, &app) : 0;
  if (known)
    *out = *known;
  else if (app > s->numbers)
    return 0;
  return 1;
}

/* What the table has for an owner: its class, and VPN_PAIR_STEERED. */
static __always_inline __u32 vpn_pair(const struct vpn_owner* owner, __u32 slot) {
  const __u32 own = slot % VPN_SLOTS;
  struct vpn_app_class app = {0}, spawner = {0};
  struct vpn_status* s;
  void *by_app, *by_pair;
  __u32 pair;
  __u64* class;
  by_app = bpf_map_lookup_elem(&apps, &own);
  by_pair = bpf_map_lookup_elem(&pairs, &own);
  s = bpf_map_lookup_elem(&status, &own);
  if (!by_app || !by_pair || !s) return VPN_UNATTRIBUTED;
  if (!vpn_halves(by_app, s, owner->app, &app) || !vpn_halves(by_app, s, owner->spawner, &spawner))
    return VPN_UNATTRIBUTED;
  pair = app.as_owner * s->spawners + spawner.as_spawner;
  class = bpf_map_lookup_elem(by_pair, &pair);
  return class ? (__u32) * class : VPN_UNATTRIBUTED;
}

/* The table's class of an owner. */
static __always_inline __u32 vpn_class(const struct vpn_owner* owner, __u32 slot) {
  if (owner->flags & VPN_OWNER_UNKNOWN) return VPN_UNATTRIBUTED;
  if (owner->flags & VPN_OWNER_KERNEL) return VPN_FORWARDED;
  if (!owner->app && !owner->spawner) return VPN_OTHER;
  return vpn_pair(owner, slot) & ~VPN_PAIR_STEERED;
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
