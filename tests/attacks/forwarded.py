"""Packets that the device only forwards: for containers, bridged machines and macvlans."""

import contextlib
import fcntl
import os
import socket
import struct
import time

from tests.lab import kernel, packets
from tests.lab.attack import attack
from tests.lab.frames import IPV4, IPV6, UDP, Leak

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


class _Container:
    """A namespace inside the device, with its end of a link in it."""

    def __init__(self, scene, make, *inside):
        self._device = scene.world.device
        self.name = f"{self._device.name}-c{scene.run}"
        self._device.run(["ip", "netns", "add", self.name])
        self._device.ip(*(line.format(netns=self.name) for line in make))
        self._device.run(["ip", "-n", self.name, "-batch", "-"], text="\n".join(("link set lo up", *inside)) + "\n")

    def send(self, data, address):
        with kernel.network_of(f"/run/netns/{self.name}"):
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(data, (address, 7))
        time.sleep(0.05)  # neighbours are asked for first
        s.close()

    def remove(self, *links):
        self._device.run(["ip", "netns", "delete", self.name], check=False)
        for link in links:
            self._device.run(["ip", "link", "delete", link], check=False)


@contextlib.contextmanager
def _routed(scene):
    """A container whose default route is the device."""
    scene.world.device.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1, net__ipv4__conf__all__rp_filter=0)
    box = _Container(scene, ["link add box0 type veth peer name eth0 netns {netns}", "addr add 172.30.0.1/24 dev box0",
                             "addr add fd00:30::1/64 dev box0 nodad", "link set box0 up"],
                     "addr add 172.30.0.2/24 dev eth0", "addr add fd00:30::2/64 dev eth0 nodad", "link set eth0 up",
                     "route add default via 172.30.0.1", "route add ::/0 via fd00:30::1")
    try:
        yield box
    finally:
        box.remove("box0")


for _title, _server in (("", "server"), (", IPv6", "server6")):

    @attack(f"forwarded from container netns{_title}", batch=1, dirty=True, settle=0.1)
    def _forwarded(scene, server=_server):
        with _routed(scene) as box:
            yield Leak(token=scene.token)
            box.send(scene.token, getattr(scene, server))


@attack("forwarded from container netns, masqueraded", batch=1, dirty=True, settle=0.1)
def _masqueraded(scene):
    """As Docker does it."""
    device = scene.world.device
    with _routed(scene) as box:
        device.run(["nft", "-f", "-"], text="table ip docker { chain out { type nat hook postrouting priority 100;\nip saddr 172.30.0.0/24 masquerade; }; }\n")
        try:
            yield Leak(token=scene.token)
            box.send(scene.token, scene.server)
        finally:
            device.run(["nft", "delete", "table", "ip", "docker"], check=False)


@attack("new netns + macvlan on the wire", batch=1, dirty=True, settle=0.1)
def _macvlan(scene):
    yield Leak(token=scene.token)
    box = _Container(scene, ["link add mv0 link wlan0 type macvlan mode bridge", "link set mv0 netns {netns}"],
                     "addr add 192.168.1.77/24 dev mv0", "link set mv0 up", "route add default via 192.168.1.1")
    try:
        box.send(scene.token, scene.server)
    finally:
        box.remove()


@attack("VLAN interface on the wire", batch=1, dirty=True, settle=0.1, needs=lambda: _without_vlan())
def _vlan(scene):
    yield Leak(token=scene.token)
    device = scene.world.device
    device.ip("link add link wlan0 name vl7 type vlan id 7", "addr add 192.168.7.2/24 dev vl7", "link set vl7 up",
              "neigh add 192.168.7.1 lladdr 02:00:00:00:00:07 dev vl7")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"vl7")
            s.sendto(scene.token, ("192.168.7.1", 7))
        time.sleep(0.02)
    finally:
        device.ip("link delete vl7")


@attack("tap bridged with the wire (virtual machine)", batch=1, dirty=True, settle=0.1)
def _bridged(scene):
    """A machine of its own on layer 2, with an address of the network."""
    device, world = scene.world.device, scene.world
    router = world.places["wifi"].address("device0")
    mac = bytes.fromhex("020000000099")
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"tap0", IFF_TAP | IFF_NO_PI))
    device.ip("link add br0 type bridge", "link set br0 up", "link set tap0 master br0", "link set tap0 up",
              f"link set {scene.link} master br0")
    try:
        yield Leak(token=scene.token)
        for version, source, target in ((IPV4, "192.168.1.99", scene.server), (IPV6, "2001:db8:1::99", scene.server6)):
            packet = packets.ip(source, target, UDP, packets.udp(source, target, 4000, 7, scene.token))
            os.write(tap, packets.ethernet(mac, router, version, packet))
        time.sleep(0.02)
    finally:
        device.ip(f"link set {scene.link} nomaster", "link delete br0")
        os.close(tap)


def _without_vlan():
    return None if kernel.configured("VLAN_8021Q") is not False else "this kernel has no VLAN interfaces"
