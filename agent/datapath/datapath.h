// The kernel's half of the guard: loads or adopts the eBPF programs, and writes what they read.
//
// Everything lives pinned below one folder of a bpf file system, so it outlives the process; a destructor detaches
// nothing. All functions are for one thread, but for heartbeat(), which any thread may call.
// Errors have kind `environment` when the kernel refused, and say what to do.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent {

/// A number for an identifier of an app, or for the identifier of a tunnel (as provider). Given by Datapath::number(),
/// the same for the same identifier as long as the maps are pinned. 0: none (`other`).
using Number = std::uint32_t;

/// Whose sockets a cgroup's or an executable's are.
struct Owner {
  Number app = 0;          ///< the app itself
  Number spawner = 0;      ///< the app that spawned it; filled by the kernel from the ancestors where it is 0
  Number provider = 0;     ///< the tunnel whose provider this is (S1.c)
  bool agent = false;      ///< role `agent` (S1.d, S1.f)
  bool uncertain = false;  ///< only where it is asked for: `unattributed` as yet
};

struct CgroupOwner {
  std::uint64_t id = 0;  ///< inode of the cgroup's folder in cgroup v2; holds for descendants that are not told of
  Owner owner;           ///< without anything in it: nobody's, whatever patterns say
};

/// A pattern of names of cgroups, for those that come to be before anybody has told of them.
struct CgroupPattern {
  std::string start, end;  ///< how the name starts and how it ends, without a wildcard
  bool whole = false;      ///< `start` is the whole name
  bool certain = true;     ///< false: it takes more to tell; sockets there are `unattributed` until set_owners()
  Number app = 0;
};

struct ExecutableOwner {
  std::uint64_t device = 0;  ///< st_dev
  std::uint64_t inode = 0;   ///< st_ino
  Owner owner;
};

/// The two halves of an app's class (policy::KernelClasses::as_owner() and as_spawner() of the app in the policy).
struct AppClass {
  Number app = 0;  ///< not 0
  std::uint32_t as_owner = 0;
  std::uint32_t as_spawner = 0;
  friend bool operator==(const AppClass&, const AppClass&) = default;
};

/// What the kernel knows of a tunnel from one moment to the next.
enum TunnelWord : std::uint8_t {
  tunnel_down = 0,
  tunnel_connected = 1,
  /// Down, and TCP connections that need it are not refused: their first packets are dropped, and come again.
  tunnel_awaited = 2,
};

/// What a tunnel's proxy carries.
enum ProxyWord : std::uint8_t {
  no_proxy = 0,  ///< it is none
  stream_proxy = 1,
  full_proxy = 2,  ///< datagrams, too
};

/// In Publication::pairs: lookups (TCP and UDP to port 53) of such owners go to the forwarder.
inline constexpr std::uint32_t steered = 1u << 31;

/// A policy in one device state. Everything in it comes into force at once, or not at all.
struct Publication {
  std::span<const std::uint64_t> fresh;  ///< words of policy/kernel/table.h
  std::span<const std::uint64_t> stale;  ///< the same with a stale heartbeat: without local networks and captive
  std::span<const AppClass>
      apps;  ///< all apps of the policy, each once; others that have a number by now count as 0, 0
  /// KernelClasses::pairs(): as_owner * spawners + as_spawner -> class; with `steered` where lookups of such owners go
  /// to the forwarder.
  std::span<const std::uint32_t> pairs;
  std::uint32_t spawners = 1;               ///< KernelClasses::spawners()
  std::span<const std::uint8_t> connected;  ///< for each tunnel of the policy: a TunnelWord
  std::span<const std::uint8_t> proxies;    ///< likewise a ProxyWord; shorter: the others are none
  std::uint64_t policy = 0;                 ///< names the policy: of one, classes of names keep their numbers
};

enum class InterfaceKind : std::uint8_t {
  loopback,
  tunnel,    ///< a tunnel's own interface: no gate
  physical,  ///< leaves the device: gated
  stacked,   ///< a bridge, bond or VLAN above a physical one, which has the gate
  inner,     ///< a bridge to containers or machines on this device: what leaves here is a delivery
};

struct Interface {
  std::uint32_t index = 0;
  std::string name;
  InterfaceKind kind = InterfaceKind::physical;
  bool link_layer = true;  ///< has Ethernet headers (false: tun, ppp, rawip)
};

/// An address of a tunnel: answers on no other interface (CVE-2019-14899).
struct TunnelAddress {
  policy::Address address;
  std::uint32_t interface = 0;
};

/// What an owner may send past every tunnel.
struct Exemption {
  enum class Rule : std::uint8_t { S1c, S1d, S1f } rule = Rule::S1c;
  Number provider = 0;  ///< S1.c: whose provider; S1.d and S1.f are for owners with `agent`
  policy::Address address;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;         ///< 0 for protocols without ports
  std::uint32_t interface = 0;    ///< only by this one; 0: any that is no tunnel
  std::uint32_t kernel_mark = 0;  ///< S1.c: the kernel itself sends it, with this mark (WireGuard, xfrm output); 0: no
  std::optional<std::chrono::nanoseconds> expires;  ///< on CLOCK_MONOTONIC; S1.f always has one (10 s at most)
};

/// A name that the agent told an app (S4.b, S4.c), tied to an address.
struct NameTie {
  Number app = 0;
  policy::Address address;
  std::uint32_t domain = 0;            ///< class of names of the table in force
  std::chrono::nanoseconds expires{};  ///< on CLOCK_MONOTONIC
};

/// Where the agent listens for what its programs send it, in IPv4: an address that nobody configures (127.0.0.118).
inline constexpr policy::Address own_address = policy::Address::from_v4(0x7f000076);

/// Where the agent's forwarder of lookups listens, on loopback: in IPv6 at ::1. No other process can bind a port below
/// 1024 there, once the agent is gone.
struct ForwarderPlace {
  policy::Address address;  ///< IPv4, in 127.0.0.0/8
  std::uint16_t port = 0;
};

/// Who sent a question to the forwarder.
struct Asker {
  Owner owner;
  std::optional<policy::Address> resolver;  ///< that it thinks it asks; nothing: the forwarder itself
  std::uint16_t resolver_port = 0;
  std::uint32_t uid = 0;
};

/// Who sent to the relay, and to whom it thinks it did.
struct Handed {
  Owner owner;
  bool asking = false;  ///< the forwarder's own socket, for a lookup of that owner
  policy::Address remote;
  std::uint16_t port = 0;
  std::uint32_t tunnel = 0;  ///< index in the policy published last: its proxy is to carry it
};

struct Counter {
  Number app = 0;
  Number spawner = 0;
  std::uint8_t owner = 0;    ///< VPN_FORWARDED, VPN_UNATTRIBUTED, VPN_OTHER, or VPN_FIRST_APP for any app
  std::uint8_t verdict = 0;  ///< vpn_verdict_kind; incoming: VPN_ACCEPT or VPN_DROP
  std::uint8_t rule = 0;     ///< vpn_rule
  std::uint8_t tunnel = 0;   ///< index, or VPN_NO_TUNNEL
  bool incoming = false;
  std::uint64_t packets = 0;  ///< segments, where the device cuts them
  std::uint64_t bytes = 0;    ///< of IP, headers of the first segment included
};

/// One refused packet or connection, at most one in a second for each (app, destination, port, rule).
struct DropEvent {
  std::chrono::nanoseconds when{};  ///< CLOCK_MONOTONIC
  Number app = 0;
  Number spawner = 0;
  std::uint32_t pid = 0;  ///< 0 where no process was there (a packet on its way)
  std::uint32_t uid = 0;
  std::uint32_t interface = 0;
  policy::Address remote;
  std::uint16_t remote_port = 0;
  std::uint16_t local_port = 0;
  std::uint64_t cookie = 0;  ///< of the socket, as sock_diag has it; 0: none
  std::uint8_t protocol = 0;
  std::uint8_t rule = 0;
  std::uint8_t tunnel = 0;
  bool incoming = false;
  bool early = false;  ///< refused before there was a packet (connect, sendmsg, setsockopt)
  bool waits = false;  ///< of a connection that waits for its tunnel; an early one was not refused
};

struct Options {
  std::string bpf_dir = "/sys/fs/bpf/vpn-guard";  ///< where to pin; its parent is a mounted bpf file system
  std::string cgroup;                             ///< folder in cgroup v2 to guard
  std::uint32_t mark_mask = 0xff000000;           ///< eight adjacent bits, for the route row
  std::uint32_t network_uid = 0;                  ///< whose DHCP is the system's besides uid 0's (S1.a); 0: nobody's
  bool audit = false;                             ///< decide and count, let everything pass
  std::chrono::seconds heartbeat_limit{15};       ///< older: the stale table is in force
};

/// What is not as it should be; empty: everything is attached.
struct Health {
  std::vector<std::string> missing;  ///< for people: "cgroup/connect4 is not attached to /sys/fs/cgroup"
  bool good() const { return missing.empty(); }
};

class Datapath {
 public:
  /// Loads the programs, or adopts those pinned below `options.bpf_dir` (maps are kept when their layout is ours; the
  /// programs are replaced in place, without a moment in which none is attached). From here on everything but S0 and
  /// S1 is dropped in the cgroup until the first publish(), unless tables were adopted.
  /// Must be called in the network namespace to guard.
  static Result<Datapath> open(const Options& options);
  /// Whether an earlier agent's programs are pinned there, and so attached.
  static bool is_pinned(const Options& options);
  Datapath(Datapath&&) noexcept;
  Datapath& operator=(Datapath&&) noexcept;
  ~Datapath();  ///< closes; the guard stays

  /// Where the programs' attachments are pinned: whoever takes one away there ends it with this process.
  std::string link_folder() const;

  bool adopted() const;  ///< whether tables of an earlier agent are in force
  std::uint64_t netns_cookie() const;

  /// Finds whose the sockets are that exist already, by walking every open file of every process in the kernel.
  /// Call after set_owners() and add_owners(). Those from before the guard are `unattributed` until then; those whose
  /// process is another's now follow it.
  Result<void> attribute_existing();
  /// Whose a process's sockets would be, as the kernel's own search finds it. A process that has gone: none.
  Result<Owner> owner_of(std::uint32_t pid);

  /// Numbers for identifiers, in their order; new ones are allotted. At most 2^18 different ones.
  Result<std::vector<Number>> numbers(std::span<const std::string_view> identifiers);
  Result<Number> number(std::string_view identifier);

  /// Replaces table, classes and tunnel status together, by one store. On an error nothing has changed. Takes some 20
  /// milliseconds, in which the kernel waits until nobody reads the slots to be filled.
  Result<void> publish(const Publication& publication);
  /// One store; in force with the next packet. `tunnel`: index of the policy published last, so only the thread that
  /// publishes calls this. Never fails, never blocks.
  void set_connected(std::uint32_t tunnel, bool connected) noexcept;
  void set_tunnel(std::uint32_t tunnel, TunnelWord word) noexcept;  ///< likewise

  /// These replace what was set before, entry by entry; what is in both sets is never missing in between.
  Result<void> set_interfaces(std::span<const Interface> interfaces);  ///< also (de)attaches tc ingress
  Result<void> set_tunnel_addresses(std::span<const TunnelAddress> addresses);
  /// What connections that have waited for a tunnel get as their address in it, one of each family for an interface
  /// without Ethernet headers.
  Result<void> set_tunnel_sources(std::span<const TunnelAddress> sources);
  /// Patterns: of several that match, the first counts. Where there are too many, some hold as not certain, and some
  /// cgroups without an owner are left to the patterns.
  Result<void> set_owners(std::span<const CgroupOwner> cgroups, std::span<const ExecutableOwner> executables,
                          std::span<const CgroupPattern> patterns = {});
  /// Those too, while one policy follows another: before the publication. What is somebody else's by now is
  /// `unattributed`, and so is what a pattern would tell; set_owners() after the publication ends that.
  Result<void> add_owners(std::span<const CgroupOwner> cgroups, std::span<const ExecutableOwner> executables,
                          std::span<const CgroupPattern> patterns = {});
  Result<void> set_exemptions(std::span<const Exemption> exemptions);
  Result<void> tie_name(const NameTie& tie);
  Result<void> untie_name(Number app, const policy::Address& address);
  Result<void> untie_all_names();  ///< their classes are those of one policy
  std::vector<NameTie> tied_names() const;
  std::uint64_t policy() const;  ///< of the publication in force; 0: none
  /// A name tied to several addresses at once: what sockets remember is forgotten once. `domain` 0: untied.
  Result<void> tie_names(std::span<const NameTie> ties);

  /// From the next publish() on lookups are steered there. Before any.
  void set_forwarder(const ForwarderPlace& place);
  /// Whose a datagram or a connection is that came to the forwarder from this port; nothing: nobody can tell.
  std::optional<Asker> asker(std::uint8_t protocol, const policy::Address& address, std::uint16_t port) const;
  /// The forwarder has read all that was sent to it before this moment (CLOCK_MONOTONIC). Until it says so, a port from
  /// which somebody asked is nobody else's.
  void questions_read(std::chrono::nanoseconds before) noexcept;
  /// From now on this socket of ours is judged, routed and counted as if `owner` had made it, for a name of this class
  /// of the policy in force. For the forwarder's own questions; before connect().
  Result<void> ask_for(int socket, const Owner& owner, std::uint32_t domain);

  /// From the next publish() on what proxies carry is handed to this port, TCP and UDP, at the forwarder's addresses.
  /// 0: nothing is, and it is refused. Before any.
  void set_relay(std::uint16_t port);
  /// Whose a connection or a datagram is that came to the relay from this port; nothing: nobody's. What is known of a
  /// connection is forgotten by this. Any thread may call it.
  std::optional<Handed> handed(std::uint8_t protocol, const policy::Address& address, std::uint16_t port) const;
  /// The relay has read all datagrams that were sent to it before this moment (CLOCK_MONOTONIC). Until it says so, a
  /// port from which somebody sent can send to nobody else. Any thread may call it.
  void datagrams_read(std::chrono::nanoseconds before) noexcept;
  /// From now on this socket of ours is the tunnel's provider's (S1.c). Before connect(). Any thread may call it.
  Result<void> provide_for(int socket, Number provider) const;

  void heartbeat() noexcept;  ///< to be called at least every five seconds
  /// A new secret for the gate, which must know it before: draw it, tell the gate (Gate::Plan::tickets), then use it.
  /// The one before stays valid until the next rotation.
  std::array<std::uint32_t, 2> draw_ticket();  ///< the new one and the one in use
  void use_ticket(std::uint32_t ticket) noexcept;
  /// What tc ingress writes beside the row into the mark of forwarded packets, for the gate's forward chain.
  struct ForwardMarks {
    std::uint32_t mask = 0;     ///< the bits that are not the row's
    std::uint32_t outward = 0;  ///< judged `direct` or `system`: may leave by any interface
    std::uint32_t inward = 0;   ///< judged `tunnel`, or a delivery: by a tunnel or an inner bridge
    /// Of every packet that may leave, beside its ticket. Unlike a mark, no filter of a packet socket can read it.
    std::uint32_t priority = 0;
  };
  ForwardMarks forward_marks() const;

  Result<std::vector<Counter>> counters() const;
  /// A descriptor that becomes readable when there are drop events; read_drops() takes them out.
  int drops_fd() const;
  Result<void> read_drops(const std::function<void(const DropEvent&)>& each);
  std::uint64_t drops_lost() const;  ///< events for which there was no room; the counters have them

  /// Asks the kernel, for every hook, whether our program is there. About 0.1 ms.
  Health check() const;

  /// Attaches and pins again what check() misses at the cgroup; at interfaces set_interfaces() does it.
  Result<void> reattach();

  /// Takes the guard away: programs, filters, pins.
  Result<void> remove_guard();

 private:
  struct Data;
  explicit Datapath(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

}  // namespace vpn::agent
