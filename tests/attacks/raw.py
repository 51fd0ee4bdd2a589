"""Raw and packet sockets: below the transport, and below IP."""

import contextlib
import socket

from tests.lab import packets, xdp
from tests.lab.attack import attack
from tests.lab.frames import IPV4, IPV6, UDP, Leak

SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
IPPROTO_RAW = 255


def _datagram(scene, version=4):
    if version == 6:
        return packets.ipv6(scene.address6, scene.server6, UDP, packets.udp(scene.address6, scene.server6, 4000, 7, scene.token))
    return packets.ipv4(scene.address, scene.server, UDP, packets.udp(scene.address, scene.server, 4000, 7, scene.token))


@attack("raw IP_HDRINCL UDP")
def _header_included(scene):
    yield Leak(token=scene.token)
    socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_RAW).sendto(_datagram(scene), (scene.server, 0))


@attack("raw IPV6_HDRINCL UDP")
def _header_included6(scene):
    yield Leak(token=scene.token)
    socket.socket(socket.AF_INET6, socket.SOCK_RAW, IPPROTO_RAW).sendto(_datagram(scene, 6), (scene.server6, 0))


@attack("raw HDRINCL non-first fragment")
def _later_fragment(scene):
    yield Leak(token=scene.token)
    packet = packets.ipv4(scene.address, scene.server, UDP, scene.token, fragment=1480, identifier=scene.port)
    socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_RAW).sendto(packet, (scene.server, 0))


@attack("raw socket made before, HDRINCL after")
def _header_included_before(scene):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_RAW)
    yield Leak(token=scene.token)
    s.sendto(_datagram(scene), (scene.server, 0))


@attack("raw HDRINCL as DHCP to a server")
def _as_dhcp(scene):
    """The exception for DHCP (S1.a) is for the servers of the network, not for the internet."""
    yield Leak(token=scene.token)
    packet = packets.ipv4(scene.address, scene.server, UDP, packets.udp(scene.address, scene.server, 68, 67, scene.token))
    socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_RAW).sendto(packet, (scene.server, 0))


@attack("raw protocol 50, 47, 4 and 41 to a server")
def _encapsulations(scene):
    yield Leak(token=scene.token)
    for protocol in (50, 47, 4, 41):
        with contextlib.suppress(PermissionError):
            socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol).sendto(scene.token, (scene.server, 0))


def _frame(scene, version=4):
    source, router = scene.world.device.address(scene.link), scene.world.places["wifi"].address("device0")
    return packets.ethernet(source, router, IPV6 if version == 6 else IPV4, _datagram(scene, version))


def _packet_socket(scene):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((scene.link, 0))
    return s


for _version in (4, 6):

    @attack(f"AF_PACKET send, IPv{_version}", batch=25)
    def _packet(scene, version=_version):
        frame = _frame(scene, version)
        yield Leak(token=scene.token)
        _packet_socket(scene).send(frame)

    @attack(f"AF_PACKET + PACKET_QDISC_BYPASS, IPv{_version}", batch=25)
    def _packet_bypass(scene, version=_version):
        frame = _frame(scene, version)
        yield Leak(token=scene.token)
        s = _packet_socket(scene)
        s.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        s.send(frame)


@attack("AF_PACKET made before, send after", batch=25)
def _packet_before(scene):
    s, frame = _packet_socket(scene), _frame(scene)
    s.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    yield Leak(token=scene.token)
    s.send(frame)


@attack("AF_PACKET with SO_MARK by control message", batch=25)
def _packet_marked(scene):
    """CAP_NET_RAW may bring a mark with each packet: none of those that a table or a gate could know opens the way."""
    frame = _frame(scene)
    yield Leak(token=scene.token)
    s = _packet_socket(scene)
    for mark in [*range(0, 256 << 24, 1 << 24), 0x42, 0xCA6C, 0xFFFFFFFF, 1]:
        control = [(socket.SOL_SOCKET, socket.SO_MARK, mark.to_bytes(4, "little"))]
        with contextlib.suppress(OSError):
            s.sendmsg([frame], control)


@attack("AF_PACKET of a private EtherType", batch=25)
def _packet_ethertype(scene):
    source, router = scene.world.device.address(scene.link), scene.world.places["wifi"].address("device0")
    yield Leak(token=scene.token)
    _packet_socket(scene).send(packets.ethernet(source, router, 0x88B5, scene.token.ljust(46)))


@attack("AF_PACKET with a VLAN tag", batch=25)
def _packet_vlan(scene):
    frame = _frame(scene)
    yield Leak(token=scene.token)
    _packet_socket(scene).send(frame[:12] + b"\x81\x00\x00\x07" + frame[12:])


@attack("AF_XDP copy-mode tx", batch=1, needs=xdp.missing)
def _xdp(scene):
    frame = _frame(scene)
    yield Leak(token=scene.token)
    xdp.send(scene.link, frame)
