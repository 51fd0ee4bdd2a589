/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The programs that hold the device to its policy. A packet's way through them is drawn in docs/architecture.md.
 * They need Linux 6.1.
 */
#include "agent/datapath/bpf/arrival.h"
#include "agent/datapath/bpf/lookups.h"
#include "agent/datapath/bpf/waiting.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* --- Packets of sockets ------------------------------------------------------------------------------------------- */

/* With the flow's key beside it, this and what is below must fit the 512 bytes of stack that 6.1 gives a chain of
 * calls, each frame rounded up to 32: what the key has is not kept twice. */
struct vpn_moment {
  struct vpn_control* control;
  __u64 now;
};

static __always_inline __u64 vpn_segments(const struct __sk_buff* skb) { return skb->gso_segs > 1 ? skb->gso_segs : 1; }

static __always_inline __u8 vpn_outgoing_action(const struct vpn_control* c, const struct vpn_question* q) {
  const __u32 kind = vpn_interface_kind(q->packet.interface);
  __u8 action = 0;
  if (c->flags & VPN_AUDIT) {
    action = VPN_PASS;
  } else if (kind != 0 || q->packet.interface == 1) { /* what the agent does not know yet, nothing leaves by */
    action = q->may_leave ? VPN_PASS : 0;
  }
  if (action && kind != VPN_INTERFACE_TUNNEL && kind != VPN_INTERFACE_LOOPBACK && kind != VPN_INTERFACE_INNER) {
    /* S0: meant for the device itself, and scoped to a wire by a control message. */
    if (q->verdict.rule == VPN_S0 && q->packet.interface != 1 && !(c->flags & VPN_AUDIT)) return 0;
    /* The gate lets these out by itself. A ticket would go on with them where this link is one inside of packets
     * (VXLAN), and let those out, too. */
    if (q->verdict.rule == VPN_S1B && q->packet.uid == 0 && kind == VPN_INTERFACE_PHYSICAL) return action;
    action |= VPN_STAMP;
  }
  return action;
}

/* Whether the kernel has wrapped a socket's packet into another (ESP, ESP in UDP), which the socket then still owns. An
 * app's own packet is of its socket's protocol and port; what a raw socket sends is always its own. */
static __always_inline int vpn_is_wrapped(const struct __sk_buff* skb, const struct vpn_packet* p) {
  struct bpf_sock* sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
  if (!sk || sk->type == VPN_SOCK_RAW) return 0;
  return sk->protocol != p->protocol || sk->src_port != p->local_port;
}

/* The name that a flow is about. */
static __always_inline __u32 vpn_name_of(const struct vpn_control* c, const struct vpn_socket* s, const __u32* remote,
                                         __u64 now, __u64* until) {
  if (s->owner.flags & VPN_OWNER_ASKING) return s->domain;
  return c->flags & VPN_HAS_NAMES ? vpn_domain(remote, &s->owner, now, until) : 0;
}

/* The verdict for a packet of a socket whose memory does not know it. */
VPN_STATIC int vpn_decide(struct __sk_buff* skb, struct vpn_socket* s, struct vpn_moment* moment,
                          struct vpn_flow_key* flow, int incoming) {
  struct vpn_question q = {0};
  struct vpn_control* c = moment->control;
  __u32 remote[4];
  __u64 until = VPN_FOREVER;
  __u32 counter, wrapped = 0;
  __u8 action;
  if (flow->protocol) { /* all that the rules ask of TCP and UDP was read already */
    q.packet.remote = vpn_host_order(flow->remote, flow->version == 6);
    q.packet.remote_port = bpf_ntohs(flow->port);
    q.packet.local_port = bpf_ntohs(flow->local_port);
    q.packet.v6 = flow->version == 6;
    q.packet.protocol = flow->protocol;
    q.packet.incoming = (__u8)incoming;
    __builtin_memcpy(remote, flow->remote, sizeof(remote));
  } else { /* apart, so that what follows can use its place on the stack */
    struct vpn_headers h;
    if (!vpn_read_headers(skb, 0, &h)) return 0;
    vpn_fill_packet(&q.packet, &h, incoming);
    __builtin_memcpy(remote, incoming ? h.source : h.destination, sizeof(remote));
  }
  q.packet.owner = vpn_socket_class(s, flow->current);
  q.packet.interface = flow->interface;
  q.packet.scope = flow->scope;
  q.packet.uid = vpn_uid(c, &q.packet, bpf_get_socket_uid(skb));
  q.slot = vpn_slot(flow->current);
  if (!incoming && skb->mark && vpn_is_wrapped(skb, &q.packet)) wrapped = skb->mark;
  if (s->owner.provider || (s->owner.flags & VPN_OWNER_AGENT) || wrapped)
    vpn_exempt(&q.packet, remote, &s->owner, wrapped, moment->now, &until);
  q.packet.domain = vpn_name_of(c, s, remote, moment->now, &until);
  vpn_answer(&q, 0);
  if (incoming)
    action = q.verdict.verdict == VPN_ACCEPT || (c->flags & VPN_AUDIT) ? VPN_PASS : 0;
  else
    action = vpn_outgoing_action(c, &q);
  if (!incoming && (c->flags & VPN_STEERS) && vpn_is_ours(c, remote, bpf_htons(q.packet.remote_port))) {
    /* Each packet is noted, so none is remembered; but for the relay's connections, whose first one says all. */
    if (!flow->protocol || !vpn_note_asker(skb, s, flow)) action = 0;
    if (flow->protocol != VPN_TCP || flow->port != c->relay_port || !action) flow->protocol = 0;
  }
  if (!(action & VPN_PASS)) q.verdict.verdict = VPN_DROP;
  {
    struct vpn_counter_key counted = {0};
    vpn_counted_as(&counted, &s->owner, q.packet.owner, &q.verdict, incoming);
    counter = vpn_counter(c, &counted);
  }
  vpn_count(counter, vpn_segments(skb), skb->len);
  if (flow->protocol && !wrapped && !vpn_is_dhcp(&q.packet))
    vpn_remember(incoming ? &s->in : &s->out, flow, until, &q, action, counter);
  q.waits = !incoming && s->waited == VPN_HAS_TO_WAIT;
  if (q.verdict.verdict == VPN_DROP) vpn_report_drop(&s->owner, &q, remote, 0, bpf_get_socket_cookie(skb));
  return action;
}

static __always_inline int vpn_packet_action(struct __sk_buff* skb, int incoming) {
  struct vpn_moment moment;
  struct vpn_flow_key flow;
  struct vpn_remembered known;
  struct bpf_sock* sk = skb->sk;
  struct vpn_socket* s;
  int ordinary, action;
  moment.control = vpn_control_now();
  if (!sk || !moment.control) return 0;
  s = bpf_sk_storage_get(&sockets, sk, 0, 0);
  if (!s) s = vpn_unseen_socket(sk);
  if (!s) return 0;
  if (s->netns != moment.control->netns)
    return VPN_PASS; /* another namespace's: it has no ticket for this one's wire */
  moment.now = bpf_ktime_get_coarse_ns();
  flow.current = vpn_current(moment.control, moment.now);
  flow.interface = skb->ifindex;
  flow.scope = sk->bound_dev_if;
  ordinary = vpn_ordinary(skb, incoming, &flow);
  if (ordinary) {
    /* A connection's first packet tells whom a socket asks for now; one that is used again has asked for others. */
    if (sk->state != VPN_TCP_SYN_SENT && vpn_recall(incoming ? &s->in : &s->out, &flow, moment.now, &known)) {
      vpn_count(known.counter, vpn_segments(skb), skb->len);
      return known.action;
    }
    /* A listener's storage is copied for whom it accepts: it stays as it was, so that no copy is half of one. */
    if (sk->state == VPN_TCP_LISTEN) ordinary = 0;
  }
  if (!ordinary) flow.protocol = 0;
  action = vpn_decide(skb, s, &moment, &flow, incoming);
  if (!incoming && s->waited == VPN_HAS_TO_WAIT && action == VPN_PASS && flow.protocol == VPN_TCP &&
      vpn_note_waited(skb, &flow))
    s->waited = VPN_NOTED;
  return action;
}

SEC("cgroup_skb/egress")
int vpn_egress(struct __sk_buff* skb) {
  const int action = vpn_packet_action(skb, 0);
  if (action & VPN_STAMP) {
    const struct vpn_control* c = vpn_control_now();
    if (!c) return 0;
    skb->mark = c->ticket;
    skb->priority = c->priority;
  }
  return action & VPN_PASS;
}

SEC("cgroup_skb/ingress")
int vpn_ingress(struct __sk_buff* skb) { return vpn_packet_action(skb, 1) & VPN_PASS; }

/* --- Interfaces --------------------------------------------------------------------------------------------------- */

SEC("tc")
int vpn_arrivals(struct __sk_buff* skb) {
  const struct vpn_control* c = vpn_control_now();
  const int verdict = vpn_arrive(skb);
  if (verdict != VPN_TC_PASS || !c || !(c->flags & VPN_HAS_WAITED)) return verdict;
  return vpn_interface_kind(skb->ifindex) == VPN_INTERFACE_TUNNEL ? vpn_translate(skb, 1) : verdict;
}

/* At tunnels' interfaces only. */
SEC("tc")
int vpn_departures(struct __sk_buff* skb) {
  const struct vpn_control* c = vpn_control_now();
  return c && (c->flags & VPN_HAS_WAITED) ? vpn_translate(skb, 0) : VPN_TC_PASS;
}

/* --- Sockets ------------------------------------------------------------------------------------------------------ */

static __always_inline __u32 vpn_row_of(const struct vpn_owner* owner, __u32 class, __u64 current) {
  struct vpn_handle table = {0};
  const __u32 slot = vpn_slot(current);
  if (owner->provider || (owner->flags & VPN_OWNER_AGENT)) return VPN_MARK_DIRECT;
  table.words = bpf_map_lookup_elem(&tables, &slot);
  return vpn_mark(&table, class, 0);
}

SEC("cgroup/sock_create")
int vpn_sock_create(struct bpf_sock* ctx) {
  struct vpn_control* c = vpn_control_now();
  struct vpn_socket* s = bpf_sk_storage_get(&sockets, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
  __u64 current;
  if (!c || !s) return 0;
  s->netns = bpf_get_netns_cookie(ctx);
  if (s->netns != c->netns) return 1;
  current = vpn_current(c, bpf_ktime_get_coarse_ns());
  vpn_note_process(bpf_get_current_task_btf(), &s->maker);
  vpn_find_owner(bpf_get_current_task_btf(), c->flags, &s->owner);
  s->row = vpn_row_of(&s->owner, vpn_socket_class(s, current), current);
  if (s->row) ctx->mark = vpn_with_row(c, ctx->mark, s->row);
  return 1;
}

/* The verdict before there is a packet, so that the app gets its error at once; and what routes the socket's packets.
 * 0: refuse; VPN_HAND_OVER: to the relay, the tunnel beside it. */
VPN_STATIC int vpn_talk_to(struct bpf_sock_addr* ctx, struct vpn_socket* s, const __u32* remote, int v6) {
  struct vpn_question q = {0};
  struct vpn_control* c = vpn_control_now();
  const __u64 now = bpf_ktime_get_coarse_ns();
  __u64 current, until = VPN_FOREVER;
  struct bpf_sock* sk = ctx->sk;
  int unbind, refuse, hands_over;
  if (!c || !sk || !s) return 0;
  current = vpn_current(c, now);
  q.slot = vpn_slot(current);
  q.packet.remote = vpn_host_order(remote, v6);
  q.packet.v6 = (__u8)v6;
  q.packet.protocol = (__u8)ctx->protocol;
  q.packet.remote_port = bpf_ntohs((__u16)ctx->user_port);
  q.packet.local_port = (__u16)sk->src_port;
  q.packet.owner = vpn_socket_class(s, current);
  q.packet.interface = q.packet.scope = sk->bound_dev_if;
  q.packet.uid = vpn_uid(c, &q.packet, (__u32)bpf_get_current_uid_gid());
  q.packet.hop_limit = 255;
  if (s->owner.provider || (s->owner.flags & VPN_OWNER_AGENT)) vpn_exempt(&q.packet, remote, &s->owner, 0, now, &until);
  q.packet.domain = vpn_name_of(c, s, remote, now, &until);
  vpn_answer(&q, 0);
  unbind = q.verdict.verdict == VPN_TUNNEL && q.packet.scope && q.packet.owner >= VPN_FIRST_APP;
  hands_over = q.verdict.verdict == VPN_PROXY && vpn_hands_over(c, s, &q);
  refuse = q.verdict.verdict == VPN_DROP || (q.verdict.verdict == VPN_PROXY && !hands_over);
  /* Bound to an interface by which it may not leave: better an error now than packets that get lost later. */
  if (q.packet.scope && !q.may_leave && !unbind && !hands_over) refuse = 1;
  q.waits = refuse && vpn_may_wait(&q);
  if (q.waits) {
    s->waited = VPN_HAS_TO_WAIT;
    vpn_report_drop(&s->owner, &q, remote, (__u32)(bpf_get_current_pid_tgid() >> 32), 0);
  }
  if (hands_over || (refuse && !q.waits && !(c->flags & VPN_AUDIT))) {
    struct vpn_counter_key counted = {0};
    if (!hands_over) q.verdict.verdict = VPN_DROP;
    vpn_counted_as(&counted, &s->owner, q.packet.owner, &q.verdict, 0);
    vpn_count(vpn_counter(c, &counted), 1, 0);
    if (hands_over) return VPN_HAND_OVER | q.verdict.tunnel << 8;
    vpn_report_drop(&s->owner, &q, remote, (__u32)(bpf_get_current_pid_tgid() >> 32), 0);
    return 0;
  }
  if (q.mark && q.mark != s->row && !s->owner.provider && !(s->owner.flags & VPN_OWNER_AGENT)) {
    __u32 mark = vpn_with_row(c, sk->mark, q.mark);
    if (bpf_setsockopt(ctx, VPN_SOL_SOCKET, VPN_SO_MARK, &mark, sizeof(mark)) == 0) s->row = q.mark;
  }
  if (unbind) {
    int none = 0; /* S4.e: whatever interface the app asked for */
    bpf_setsockopt(ctx, VPN_SOL_SOCKET, VPN_SO_BINDTOIFINDEX, &none, sizeof(none));
  }
  return 1;
}

static __always_inline struct vpn_socket* vpn_socket_of(struct bpf_sock_addr* ctx) {
  struct bpf_sock* sk = ctx->sk;
  struct vpn_socket* s;
  if (!sk) return 0;
  s = bpf_sk_storage_get(&sockets, sk, 0, 0);
  return s ? s : vpn_unseen_socket(sk);
}

static __always_inline int vpn_talk(struct bpf_sock_addr* ctx, int v6, int datagram) {
  const struct vpn_control* c = vpn_control_now();
  struct vpn_socket* s = vpn_socket_of(ctx);
  const int how = (v6 ? VPN_STEER_V6 : 0) | (datagram ? VPN_STEER_DATAGRAM : 0);
  __u32 remote[4];
  int answer;
  if (!c || !s) return 0;
  if (s->netns != c->netns) return 1;
  if (v6) {
    remote[0] = ctx->user_ip6[0];
    remote[1] = ctx->user_ip6[1];
    remote[2] = ctx->user_ip6[2];
    remote[3] = ctx->user_ip6[3];
    if (!(remote[0] | remote[1] | remote[2] | remote[3])) return 1; /* any address: the kernel makes it loopback */
  } else {
    vpn_map_v4(remote, ctx->user_ip4);
    if (!remote[3]) return 1;
  }
  /* Connected to the relay, which is told of one destination for it. */
  if (datagram && s->proxy && ctx->sk && ctx->sk->dst_port == c->relay_port)
    return vpn_is_asked(s, remote, ctx) ? vpn_steer(ctx, s, remote, how) : 0;
  s->proxy = 0;
  if (vpn_is_lookup(ctx)) {
    const __u64 current = vpn_current(c, bpf_ktime_get_coarse_ns());
    if (vpn_is_steered(c, s, current)) {
      if (!ctx->sk || !vpn_prefers_interface(ctx->sk, v6)) return vpn_steer(ctx, s, remote, how);
      if (vpn_socket_class(s, current) >= VPN_FIRST_APP) return 0;
    }
  }
  answer = vpn_talk_to(ctx, s, remote, v6);
  if (!(answer & VPN_HAND_OVER)) return answer;
  if (!ctx->sk || vpn_prefers_interface(ctx->sk, v6)) return 0;
  s->proxy = (__u16)((answer >> 8) + 1);
  return vpn_steer(ctx, s, remote, how);
}

SEC("cgroup/connect4")
int vpn_connect4(struct bpf_sock_addr* ctx) { return vpn_talk(ctx, 0, 0); }

SEC("cgroup/connect6")
int vpn_connect6(struct bpf_sock_addr* ctx) { return vpn_talk(ctx, 1, 0); }

SEC("cgroup/sendmsg4")
int vpn_sendmsg4(struct bpf_sock_addr* ctx) { return vpn_talk(ctx, 0, 1); }

SEC("cgroup/sendmsg6")
int vpn_sendmsg6(struct bpf_sock_addr* ctx) { return vpn_talk(ctx, 1, 1); }

static __always_inline int vpn_show(struct bpf_sock_addr* ctx, int v6) {
  struct bpf_sock* sk = ctx->sk;
  if (sk) vpn_unsteer(ctx, bpf_sk_storage_get(&sockets, sk, 0, 0), v6);
  return 1;
}

SEC("cgroup/recvmsg4")
int vpn_recvmsg4(struct bpf_sock_addr* ctx) { return vpn_show(ctx, 0); }

SEC("cgroup/recvmsg6")
int vpn_recvmsg6(struct bpf_sock_addr* ctx) { return vpn_show(ctx, 1); }

SEC("cgroup/getpeername4")
int vpn_getpeername4(struct bpf_sock_addr* ctx) { return vpn_show(ctx, 0); }

SEC("cgroup/getpeername6")
int vpn_getpeername6(struct bpf_sock_addr* ctx) { return vpn_show(ctx, 1); }

SEC("cgroup/setsockopt")
int vpn_setsockopt(struct bpf_sockopt* ctx) {
  const int option = ctx->optname;
  const struct vpn_control* c = vpn_control_now();
  if (!c) return 0;
  /* No hook sees what AF_XDP sends. */
  if (ctx->level == VPN_SOL_XDP) return (c->flags & VPN_AUDIT) != 0;
  if (ctx->level == VPN_SOL_SOCKET &&
      (option == VPN_SO_MARK || option == VPN_SO_BINDTODEVICE || option == VPN_SO_BINDTOIFINDEX) && ctx->sk) {
    struct vpn_socket* s = bpf_sk_storage_get(&sockets, ctx->sk, 0, 0);
    const int own = s && s->netns == c->netns && !s->owner.provider && !(s->owner.flags & VPN_OWNER_AGENT);
    if (own && vpn_socket_class(s, c->current) >= VPN_FIRST_APP && !(c->flags & VPN_AUDIT)) return 0;
  }
  /* The kernel shows a page at most, and fails with EFAULT when a longer option comes back unchanged. */
  if (ctx->optlen > VPN_PAGE) ctx->optlen = 0;
  return 1;
}

/* --- Sockets that exist ------------------------------------------------------------------------------------------- */

/* Programs run meanwhile: to them the owner is not known until it is whole. */
static __always_inline void vpn_take_owner(struct vpn_socket* s, const struct vpn_owner* owner) {
  if (s->owner.app == owner->app && s->owner.spawner == owner->spawner && s->owner.provider == owner->provider &&
      s->owner.flags == owner->flags)
    return;
  __sync_fetch_and_or(&s->owner.flags, VPN_OWNER_UNKNOWN);
  s->owner.app = owner->app;
  s->owner.spawner = owner->spawner;
  s->owner.provider = owner->provider;
  *(volatile __u64*)&s->class_word = 0;
  __sync_fetch_and_add(&s->row, 0);
  *(volatile __u32*)&s->owner.flags = owner->flags;
}

/* The storage of a socket of this network namespace. */
VPN_STATIC struct vpn_socket* vpn_stored(struct sock* sk, __u64 netns) {
  struct vpn_socket fresh = {.netns = netns, .owner = {.flags = VPN_OWNER_UNKNOWN}};
  return bpf_sk_storage_get(&sockets, sk, &fresh, BPF_SK_STORAGE_GET_F_CREATE);
}

/* For every open file of every task: a socket without an owner gets the task's; one that this very process made
 * follows it to who it is now (its cgroup was found to be an app's, or it was moved there, or the policy changed). */
SEC("iter/task_file")
int vpn_attribute(struct bpf_iter__task_file* ctx) {
  struct vpn_control* c = vpn_control_now();
  struct task_struct* task = ctx->task;
  struct file* file = ctx->file;
  struct vpn_process process;
  struct vpn_owner owner = {0};
  struct vpn_socket* s;
  struct socket* socket;
  struct sock* sk;
  if (!c || !task || !file) return 0;
  socket = bpf_sock_from_file(file);
  if (!socket || !socket->sk) return 0;
  sk = socket->sk;
  if (sk->__sk_common.skc_family != VPN_AF_INET && sk->__sk_common.skc_family != VPN_AF_INET6) return 0;
  if (sk->__sk_common.skc_net.net->net_cookie != c->netns) return 0;
  s = vpn_stored(sk, c->netns);
  if (!s) return 0;
  vpn_note_process(task, &process);
  if (!(s->owner.flags & VPN_OWNER_UNKNOWN) &&
      (s->maker.started != process.started || s->maker.program != process.program))
    return 0;
  if (!s->maker.started) s->maker = process;
  vpn_find_owner(task, c->flags, &owner);
  vpn_take_owner(s, &owner);
  return 0;
}

/* Whose a task's sockets would be: the agent reads it. */
SEC("iter/task")
int vpn_tell_owner(struct bpf_iter__task* ctx) {
  const struct vpn_control* c = vpn_control_now();
  struct seq_file* seq = ctx->meta->seq;
  struct task_struct* task = ctx->task;
  struct vpn_owner owner = {0};
  if (!c || !task) return 0;
  vpn_find_owner(task, c->flags, &owner);
  bpf_seq_write(seq, &owner, sizeof(owner));
  return 0;
}
