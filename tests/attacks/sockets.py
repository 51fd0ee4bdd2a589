"""Ordinary sockets of ordinary apps, made before or after the guard came into force."""

import socket
import struct

from tests.lab.attack import attack
from tests.lab.frames import ICMP, ICMPV6, SCTP, TCP, Leak
from tests.lab.packets import icmp, icmp6

ECHO = 7
TCP_FASTOPEN_CONNECT, MSG_FASTOPEN = 30, 0x20000000
IPPROTO_MPTCP = 262
IPPROTO_UDPLITE = 136
FAMILIES = ((4, socket.AF_INET, "server"), (6, socket.AF_INET6, "server6"))


def _connect(kind, address):
    s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, kind)
    s.settimeout(2)
    s.connect(address)
    return s


def _begin(s, address):
    """Starts to connect, and does not wait: the SYN is the leak."""
    s.setblocking(False)
    try:
        s.connect(address)
    except BlockingIOError:
        pass
    return s


for _version, _family, _server in FAMILIES:

    @attack(f"tcp{_version} connect")
    def _tcp_connect(scene, family=_family, server=_server):
        yield Leak(protocol=TCP, destination=getattr(scene, server), port=scene.port)
        _begin(socket.socket(family, socket.SOCK_STREAM), (getattr(scene, server), scene.port))

    @attack(f"udp{_version} sendto (unconnected)")
    def _udp_sendto(scene, family=_family, server=_server):
        yield Leak(token=scene.token)
        socket.socket(family, socket.SOCK_DGRAM).sendto(scene.token, (getattr(scene, server), ECHO))

    @attack(f"udp{_version} connect+send")
    def _udp_connect(scene, server=_server):
        yield Leak(token=scene.token)
        _connect(socket.SOCK_DGRAM, (getattr(scene, server), ECHO)).send(scene.token)

    @attack(f"udp{_version} socket made before, sendto after")
    def _udp_before(scene, family=_family, server=_server):
        s = socket.socket(family, socket.SOCK_DGRAM)
        yield Leak(token=scene.token)
        s.sendto(scene.token, (getattr(scene, server), ECHO))

    @attack(f"udp{_version} connected before, send after")
    def _udp_connected_before(scene, server=_server):
        s = _connect(socket.SOCK_DGRAM, (getattr(scene, server), ECHO))
        s.send(b"before")
        yield Leak(token=scene.token)
        s.send(scene.token)

    @attack(f"tcp{_version} established before")
    def _tcp_established(scene, server=_server):
        s = _connect(socket.SOCK_STREAM, (getattr(scene, server), ECHO))
        yield Leak(token=scene.token)
        s.send(scene.token)

    @attack(f"tcp{_version} established before, closed after (FIN)")
    def _tcp_fin(scene, server=_server):
        s = _connect(socket.SOCK_STREAM, (getattr(scene, server), ECHO))
        yield Leak(protocol=TCP, source_port=s.getsockname()[1])
        s.close()

    @attack(f"udp{_version} 3000 B, fragmented by the kernel")
    def _fragments(scene, family=_family, server=_server):
        yield Leak(token=scene.token)
        socket.socket(family, socket.SOCK_DGRAM).sendto(scene.token * 167, (getattr(scene, server), ECHO))

    @attack(f"tcp{_version} Fast Open sendto")
    def _fast_open(scene, family=_family, server=_server):
        yield Leak(protocol=TCP, destination=getattr(scene, server), port=scene.port)
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        try:
            s.sendto(scene.token, MSG_FASTOPEN, (getattr(scene, server), scene.port))
        except BlockingIOError:
            pass

    @attack(f"MPTCP{_version} connect", needs=lambda: _mptcp())
    def _mptcp_connect(scene, family=_family, server=_server):
        yield Leak(protocol=TCP, destination=getattr(scene, server), port=scene.port)
        _begin(socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP), (getattr(scene, server), scene.port))

    @attack(f"UDP-Lite{_version} sendto", needs=lambda: _without(socket.SOCK_DGRAM, IPPROTO_UDPLITE, "UDP-Lite"))
    def _udp_lite(scene, family=_family, server=_server):
        yield Leak(token=scene.token)
        socket.socket(family, socket.SOCK_DGRAM, IPPROTO_UDPLITE).sendto(scene.token, (getattr(scene, server), ECHO))

    @attack(f"SCTP{_version} connect", needs=lambda: _without(socket.SOCK_STREAM, SCTP, "SCTP"))
    def _sctp(scene, family=_family, server=_server):
        yield Leak(protocol=SCTP, destination=getattr(scene, server), port=scene.port)
        _begin(socket.socket(family, socket.SOCK_STREAM, SCTP), (getattr(scene, server), scene.port))


@attack("ICMP ping socket", needs=lambda: None)
def _ping_socket(scene):
    scene.world.device.sysctl(net__ipv4__ping_group_range="0 65535")
    yield Leak(token=scene.token)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, ICMP).sendto(icmp(8, payload=scene.token), (scene.server, 0))


@attack("raw ICMP echo")
def _raw_icmp(scene):
    yield Leak(token=scene.token)
    socket.socket(socket.AF_INET, socket.SOCK_RAW, ICMP).sendto(icmp(8, payload=scene.token), (scene.server, 0))


@attack("raw ICMPv6 echo")
def _raw_icmp6(scene):
    yield Leak(token=scene.token)
    message = icmp6(scene.address6, scene.server6, 128, payload=scene.token)
    socket.socket(socket.AF_INET6, socket.SOCK_RAW, ICMPV6).sendto(message, (scene.server6, 0))


@attack("IPv4-mapped IPv6 sendto")
def _mapped(scene):
    yield Leak(token=scene.token)
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(scene.token, (f"::ffff:{scene.server}", ECHO))


@attack("IPv4-mapped IPv6 connect")
def _mapped_connect(scene):
    yield Leak(protocol=TCP, destination=scene.server, port=scene.port)
    _begin(socket.socket(socket.AF_INET6, socket.SOCK_STREAM), (f"::ffff:{scene.server}", scene.port))


@attack("NAT64 address of an IPv4 server")
def _nat64(scene):
    yield Leak(token=scene.token)
    high, low = struct.unpack("!HH", socket.inet_aton(scene.server))
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(scene.token, (f"64:ff9b::{high:x}:{low:x}", ECHO))


@attack("multicast 239.1.1.1 udp")
def _multicast(scene):
    yield Leak(token=scene.token)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(scene.address))
    s.sendto(scene.token, ("239.1.1.1", ECHO))


@attack("multicast ff02::fb udp (mDNS)")
def _multicast6(scene):
    yield Leak(token=scene.token)
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.sendto(scene.token, ("ff02::fb", 5353, 0, socket.if_nametoindex(scene.link)))


@attack("broadcast udp")
def _broadcast(scene):
    yield Leak(token=scene.token)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.sendto(scene.token, ("192.168.1.255", ECHO))


@attack("udp to the router, on-link")
def _on_link(scene):
    yield Leak(token=scene.token)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(scene.token, (scene.router, ECHO))


def _mptcp():
    return _without(socket.SOCK_STREAM, IPPROTO_MPTCP, "MPTCP")


def _without(kind, protocol, name):
    try:
        socket.socket(socket.AF_INET, kind, protocol).close()
        return None
    except OSError as error:
        return f"this kernel has no {name}: {error.strerror}"

