"""The places of the lab and the wires between them.

    device ── wlan0 ── wifi ─────┐
        └──── wwan0 ── cellular ─┤
                                 internet (servers) ── gateway (of the VPN)

Every place is a network namespace. Captures sit at the far end of the device's wires. Nothing here touches the host's own
namespace, nor the root cgroup.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import kernel, servers, undo
from tests.lab.netns import Namespace
from tests.lab.process import Child, Helper


@dataclass(frozen=True)
class Access:
    """An access network, and the device's link to it."""

    name: str
    link: str
    kind: str
    number: int  # its default route's metric is this times 100
    device: str
    router: str
    device6: str
    router6: str
    prefix: int = 24


WIFI = Access("wifi", "wlan0", "wifi", 1, "192.168.1.20", "192.168.1.1", "2001:db8:1::20", "2001:db8:1::1")
CELLULAR = Access("cellular", "wwan0", "cellular", 2, "10.64.0.20", "10.64.0.1", "2001:db8:2::20", "2001:db8:2::1")
GATEWAY, GATEWAY6 = "203.0.113.5", "2001:db8:113::5"
SERVER, SERVER6 = "198.51.100.80", "2001:db8:100::80"
EXTRA_SERVERS = ["198.51.100.81", "93.184.216.34", "17.249.0.1", "2001:db8:100::81"]
TUNNEL, TUNNEL6 = "10.99.0.2", "fd00:99::2"  # the device's addresses in the tunnel
INSIDE, INSIDE6 = "10.99.0.1", "fd00:99::1"  # the gateway's
SERVER_PORTS = [servers.ECHO, 53, 80, 443, 853, 5223, 631]


def cgroups():
    """The lab's own cgroup: `guarded` is what the agent is confined to, `outside` is beside it."""
    root = kernel.cgroup_mount() / undo.name()
    root.mkdir()
    undo.later(undo.remove_cgroup, root)
    for name in ("guarded", "outside"):
        (root / name).mkdir()
    return root


@dataclass
class World:
    accesses: tuple = (WIFI, CELLULAR)
    ipv6: bool = True
    whole_machine: bool = False  # the device is the namespace of init: in a machine of our own only
    build: Path | None = None  # where the programs are
    full: bool = False  # scenarios run at their full counts
    rounds: int = 1  # of a scenario that repeats itself
    tunnel: object = None  # of tests/lab/tunnel.py, where there is one
    places: dict = field(default_factory=dict)
    captures: dict = field(default_factory=dict)

    def __post_init__(self):
        self.folder = Path("/tmp") / undo.name()  # for files
        self.folder.mkdir()
        undo.later(shutil.rmtree, self.folder, True)
        self.cgroup = cgroups()
        self.guarded, self.outside = self.cgroup / "guarded", self.cgroup / "outside"
        self.device = self.add_place("device")
        self.internet = self.add_place("internet")
        self.gateway = self.add_place("gateway")
        for place in (self.internet, self.gateway):
            _forward(place)
        for access in self.accesses:
            self._attach(access)
        self._wire(self.gateway, "wan0", self.internet, "gateway0")
        self.gateway.ip(f"addr add {GATEWAY}/24 dev wan0", f"addr add {GATEWAY6}/64 dev wan0 nodad",
                        "route add default via 203.0.113.1", "route add ::/0 via 2001:db8:113::1")
        self.internet.ip("addr add 203.0.113.1/24 dev gateway0", "addr add 2001:db8:113::1/64 dev gateway0 nodad",
                         f"route add 10.99.0.0/24 via {GATEWAY}", f"route add fd00:99::/64 via {GATEWAY6}",
                         *(f"addr add {address}/128 dev lo nodad" if ":" in address else f"addr add {address}/32 dev lo"
                           for address in (SERVER, SERVER6, *EXTRA_SERVERS)))
        self.servers = Child(servers.echo, [SERVER, SERVER6, *EXTRA_SERVERS], SERVER_PORTS, namespace=self.internet, cgroup=self.outside)
        self.servers.receive()
        self.peer = self.helper("wifi")  # somebody on the Wi-Fi, who may do all that a router may
        self.stranger = self.helper("device")  # a process of the device that is in no guarded cgroup

    def add_place(self, name):
        own = self.whole_machine and name == "device"
        place = self.places[name] = Namespace(name, "/proc/1/ns/net" if own else None)
        if not self.ipv6:
            place.sysctl(net__ipv6__conf__all__disable_ipv6=1)
        place.sysctl(net__ipv6__conf__all__accept_dad=0, net__ipv6__conf__default__accept_dad=0,
                     net__ipv6__conf__default__router_solicitations=0)  # nobody waits for addresses
        return place

    def _wire(self, one, link, other, other_link):
        one.ip(f"link add {link} type veth peer name {other_link} netns {other.name}", f"link set {link} up")
        other.ip(f"link set {other_link} up")

    def _attach(self, access):
        """A router between the device and the internet."""
        router = self.add_place(access.name)
        _forward(router)
        number = access.number
        self._wire(router, "wan0", self.internet, access.name)
        router.ip(f"addr add 100.64.{number}.2/24 dev wan0", f"addr add 2001:db8:f{number}::2/64 dev wan0 nodad",
                  f"route add default via 100.64.{number}.1", f"route add ::/0 via 2001:db8:f{number}::1")
        self.internet.ip(f"addr add 100.64.{number}.1/24 dev {access.name}", f"addr add 2001:db8:f{number}::1/64 dev {access.name} nodad",
                         f"route add {_network(access.device)}/{access.prefix} via 100.64.{number}.2",
                         f"route add {_network6(access.device6)} via 2001:db8:f{number}::2")
        self.plug(access)

    def plug(self, access):
        """The device's link to an access network, made (again)."""
        router = self.places[access.name]
        self.device.ip(f"link add {access.link} type veth peer name device0 netns {router.name}")
        if self.whole_machine:  # whose namespace stays
            undo.later(self.device.run, ["ip", "link", "delete", access.link], None, False)
        if access.link in self.captures:
            self.captures.pop(access.link).close()
        self.captures[access.link] = router.capture("device0")  # before the link is up: no frame escapes
        router.ip(f"addr add {access.router}/{access.prefix} dev device0", f"addr add {access.router6}/64 dev device0 nodad", "link set device0 up")
        self.device.ip(f"addr add {access.device}/{access.prefix} dev {access.link}", f"addr add {access.device6}/64 dev {access.link} nodad",
                       f"link set {access.link} up")
        self.route(access)

    def route(self, access):
        """The default routes of a link, which it loses when it goes down."""
        metric = access.number * 100
        self.device.ip(f"route replace default via {access.router} dev {access.link} metric {metric}",
                       f"route replace ::/0 via {access.router6} dev {access.link} metric {metric}")

    def unplug(self, access):
        self.device.ip(f"link delete {access.link}")

    def up(self, access):
        self.device.ip(f"link set {access.link} up", f"addr replace {access.device6}/64 dev {access.link} nodad")
        self.route(access)

    def down(self, access):
        self.device.ip(f"link set {access.link} down")

    def take(self):
        """All frames that left the device since the last call."""
        return [frame for capture in self.captures.values() for frame in capture.take()]

    def served(self):
        """What the servers were asked since the last call: (protocol, server, peer, first bytes)."""
        self.servers.send("log")
        return self.servers.receive()

    def app_cgroup(self, name):
        """The cgroup of an app in the guarded part."""
        path = self.guarded / f"app-{name}.scope"
        path.mkdir(exist_ok=True)
        return path

    def helper(self, place):
        return Helper(namespace=self.places[place], cgroup=self.outside)


def _forward(place):
    place.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)


def _network(address):
    return address.rsplit(".", 1)[0] + ".0"


def _network6(address):
    return address.split("::")[0] + "::/64"
