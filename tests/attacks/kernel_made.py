"""What the kernel sends by itself: answers, memberships, encapsulations."""

import contextlib
import socket
import subprocess
import time

from tests.lab import packets
from tests.lab.attack import attack
from tests.lab.frames import ARP, ICMP, ICMPV6, IGMP, TCP, UDP, IPV4, IPV6, Leak
from tests.lab.world import SERVER, SERVER6, WIFI

SYN, RST_ACK, SYN_ACK = 0x02, 0x14, 0x12


def inject(kind, *bodies):
    """In the router: puts frames for the device on the wire, as an attacker on the network would."""
    neighbours = subprocess.run(["ip", "neigh", "show", WIFI.device, "dev", "device0"], capture_output=True, text=True).stdout.split()
    target = bytes.fromhex(neighbours[neighbours.index("lladdr") + 1].replace(":", "")) if "lladdr" in neighbours else packets.BROADCAST
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("device0", 0))
        for body in bodies:
            s.send(packets.ethernet(s.getsockname()[4], target, kind, body))


def _inject(scene, *bodies, kind=IPV4):
    scene.at_peer(inject, kind, *bodies)


def warm(scene):
    """The device and the router know each other's hardware address, so that nothing waits for ARP. Refused where the guard is
    in force already: then they do."""
    for family, router in ((socket.AF_INET, scene.router), (socket.AF_INET6, scene.router6)):
        with socket.socket(family, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
            s.sendto(b"warm", (router, 9))
    time.sleep(0.005)


def _segment(source, destination, source_port, port, flags):
    return packets.ip(source, destination, TCP, packets.tcp(source, destination, source_port, port, flags))


def _datagram(source, destination, source_port, port, data):
    return packets.ip(source, destination, UDP, packets.udp(source, destination, source_port, port, data))


for _title, _server, _address, _kind in (("", SERVER, "address", IPV4), (", IPv6", SERVER6, "address6", IPV6)):

    @attack(f"inbound SYN closed port -> RST{_title}", whole_machine=True)
    def _reset(scene, server=_server, address=_address, kind=_kind):
        warm(scene)
        yield Leak(protocol=TCP, port=scene.port, flags=RST_ACK)
        _inject(scene, _segment(server, getattr(scene, address), scene.port, 9, SYN), kind=kind)


for _title, _address, _flags in (("inbound SYN open port -> SYN/ACK", "address", SYN_ACK),
                                 ("CVE-2019-14899 SYN to the tunnel's address, open port", "tunnel", None)):

    @attack(_title, whole_machine=True)
    def _open_port(scene, address=_address, flags=_flags):
        warm(scene)
        s = socket.create_server(("0.0.0.0", 0))
        yield Leak(protocol=TCP, port=scene.port, flags=flags)
        _inject(scene, _segment(SERVER, getattr(scene, address), scene.port, s.getsockname()[1], SYN))
        time.sleep(0.01)
        s.close()


@attack("CVE-2019-14899 SYN/ACK to the tunnel's address -> RST", whole_machine=True)
def _cve_reset(scene):
    warm(scene)
    yield Leak(protocol=TCP, port=scene.port)
    _inject(scene, _segment(SERVER, scene.tunnel, scene.port, 40000, SYN_ACK))


@attack("CVE-2019-14899 ping to the tunnel's IPv6 address", whole_machine=True)
def _cve6(scene):
    warm(scene)
    yield Leak(protocol=ICMPV6, icmp_type=129, token=scene.token)
    _inject(scene, packets.ipv6(SERVER6, scene.tunnel6, ICMPV6, packets.icmp6(SERVER6, scene.tunnel6, 128, payload=scene.token)), kind=IPV6)


@attack("inbound UDP closed -> ICMP unreachable", whole_machine=True)
def _unreachable(scene):
    scene.world.device.sysctl(net__ipv4__icmp_ratelimit=0)
    warm(scene)
    yield Leak(protocol=ICMP, icmp_type=3, token=scene.token)
    _inject(scene, _datagram(SERVER, scene.address, scene.port, 9, scene.token))


@attack("inbound ping -> echo reply", whole_machine=True)
def _echo_reply(scene):
    warm(scene)
    yield Leak(protocol=ICMP, icmp_type=0, token=scene.token)
    _inject(scene, packets.ipv4(SERVER, scene.address, ICMP, packets.icmp(8, payload=scene.token)))


@attack("inbound ping -> echo reply, IPv6", whole_machine=True)
def _echo_reply6(scene):
    warm(scene)
    yield Leak(protocol=ICMPV6, icmp_type=129, token=scene.token)
    _inject(scene, packets.ipv6(SERVER6, scene.address6, ICMPV6, packets.icmp6(SERVER6, scene.address6, 128, payload=scene.token)), kind=IPV6)


@attack("ARP probe for the tunnel's address (MLLVD-CR-24-03)", batch=1)
def _arp_probe(scene):
    warm(scene)
    yield Leak(kind=ARP, source=scene.tunnel)
    _inject(scene, packets.arp(scene.world.places["wifi"].address("device0"), scene.router, scene.tunnel), kind=ARP)


@attack("ND probe for the tunnel's IPv6 address", batch=1, dirty=True)
def _nd_probe(scene):
    """Linux answers for its IPv6 addresses on the wire of the address only; a proxy entry is what careless tools leave."""
    warm(scene)
    scene.world.device.sysctl(net__ipv6__conf__all__proxy_ndp=1, net__ipv6__conf__wlan0__proxy_ndp=1, net__ipv6__conf__all__forwarding=1)
    scene.world.device.run(["ip", "neigh", "replace", "proxy", scene.tunnel6, "dev", scene.link])
    yield Leak(protocol=ICMPV6, icmp_type=136, token=packets.packed(scene.tunnel6))
    body = packets.icmp6(scene.router6, scene.tunnel6, 135, rest=bytes(4) + packets.packed(scene.tunnel6), payload=b"\1\1" + scene.world.places["wifi"].address("device0"))
    _inject(scene, packets.ipv6(scene.router6, scene.tunnel6, ICMPV6, body, hop_limit=255), kind=IPV6)


@attack("IGMP join (kernel-made), and IGMP that is none", settle=0.1, allowed="S1.b", batch=10)
def _igmp(scene):
    """S1.b lets membership reports of TTL 1 out, and they are all that it lets out."""
    group = socket.inet_aton(f"239.7.7.{scene.run + 1}")
    yield Leak(protocol=IGMP, token=group), Leak(token=scene.token)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + socket.inet_aton(scene.address))
    packet = packets.ipv4(scene.address, scene.server, IGMP, packets.igmp(0x16, "239.7.7.7") + scene.token)
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(packet, (scene.server, 0))


@attack("MLD join (kernel-made), and MLD that is none", settle=0.1, allowed="S1.b", batch=10, whole_machine=True)
def _mld(scene):
    group = socket.inet_pton(socket.AF_INET6, f"ff05::7:{scene.run + 1:x}")
    yield Leak(protocol=ICMPV6, token=group), Leak(token=scene.token)
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + socket.if_nametoindex(scene.link).to_bytes(4, "little"))
    message = packets.icmp6(scene.address6, scene.server6, 131, rest=bytes(4) + group, payload=scene.token)
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, ICMPV6)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 64)
    raw.sendto(message, (scene.server6, 0))


@attack("neighbour discovery beyond the link")
def _discovery(scene):
    """A type that S1.b allows, but for its hop limit: a way out for whoever has a raw socket."""
    yield Leak(token=scene.token)
    message = packets.icmp6(scene.address6, scene.server6, 135, rest=bytes(4) + packets.packed(scene.server6), payload=scene.token)
    socket.socket(socket.AF_INET6, socket.SOCK_RAW, ICMPV6).sendto(message, (scene.server6, 0))


@attack("VXLAN by the kernel", batch=1, dirty=True, settle=0.1, whole_machine=True)
def _vxlan(scene):
    """An encapsulation that no process sends."""
    device = scene.world.device
    yield Leak(protocol=UDP, port=4789)
    device.run(["ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "remote", scene.server, "dstport", "4789", "dev", scene.link])
    try:
        device.ip("addr add 10.77.0.1/24 dev vx0", "link set vx0 up", "neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev vx0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(scene.token, ("10.77.0.2", 7))
    finally:
        time.sleep(0.02)
        device.ip("link delete vx0")


@attack("TIME_WAIT answers a late segment", whole_machine=True, batch=10)
def _time_wait(scene):
    s = socket.create_connection((scene.server, 7), 2)
    own = s.getsockname()[1]
    s.close()
    time.sleep(0.01)
    warm(scene)
    yield Leak(protocol=TCP, source_port=own)
    _inject(scene, _segment(SERVER, scene.address, 7, own, SYN))
