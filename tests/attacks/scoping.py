"""The app picks the interface, the source or the table itself."""

import contextlib
import socket
import struct
from pathlib import Path

from tests.lab.attack import attack
from tests.lab.frames import TCP, Leak
from tests.lab.world import CELLULAR, WIFI

SO_BINDTOIFINDEX = 62
IP_PKTINFO, IP_UNICAST_IF, IPV6_PKTINFO, IPV6_UNICAST_IF = 8, 50, 50, 76
NOBODY = 65534
FAMILIES = ((4, socket.AF_INET, "server"), (6, socket.AF_INET6, "server6"))


def _bound(scene, family, kind):
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, scene.link.encode())
    return s


for _version, _family, _server in FAMILIES:

    @attack(f"SO_BINDTODEVICE as uid {NOBODY}, udp{_version}", uid=NOBODY)
    def _bind_udp(scene, family=_family, server=_server):
        yield Leak(token=scene.token)
        _bound(scene, family, socket.SOCK_DGRAM).sendto(scene.token, (getattr(scene, server), 7))

    @attack(f"SO_BINDTODEVICE as uid {NOBODY}, tcp{_version}", uid=NOBODY)
    def _bind_tcp(scene, family=_family, server=_server):
        yield Leak(protocol=TCP, port=scene.port, destination=getattr(scene, server))
        s = _bound(scene, family, socket.SOCK_STREAM)
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            s.connect((getattr(scene, server), scene.port))

    @attack(f"SO_BINDTODEVICE before, sendto after, udp{_version}")
    def _bound_before(scene, family=_family, server=_server):
        s = _bound(scene, family, socket.SOCK_DGRAM)
        yield Leak(token=scene.token)
        s.sendto(scene.token, (getattr(scene, server), 7))

    @attack(f"SO_BINDTOIFINDEX, udp{_version}")
    def _bind_index(scene, family=_family, server=_server):
        yield Leak(token=scene.token)
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, socket.if_nametoindex(scene.link))
        s.sendto(scene.token, (getattr(scene, server), 7))

    @attack(f"SO_MARK of every table, udp{_version}")
    def _mark(scene, family=_family, server=_server):
        yield Leak(token=scene.token)
        for mark in [*range(0, 256 << 24, 1 << 24), 0x42, 0xCA6C, 0xFFFFFFFF]:
            with contextlib.suppress(OSError):
                s = socket.socket(family, socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("I", mark))
                s.sendto(scene.token, (getattr(scene, server), 7))


def _info(link, address):
    """The control message that names a link and a source."""
    index = socket.if_nametoindex(link)
    if ":" in address:
        return socket.IPPROTO_IPV6, IPV6_PKTINFO, socket.inet_pton(socket.AF_INET6, address) + struct.pack("i", index)
    return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("i4s4s", index, socket.inet_aton(address), bytes(4))


for _title, _link, _source, _server in (("IP_PKTINFO ifindex+src", WIFI.link, WIFI.device, "server"),
                                        ("IP_PKTINFO of the cellular link", CELLULAR.link, CELLULAR.device, "server"),
                                        ("IPV6_PKTINFO ifindex+src", WIFI.link, WIFI.device6, "server6")):

    @attack(_title)
    def _packet_info(scene, link=_link, source=_source, server=_server):
        yield Leak(token=scene.token)
        s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
        s.sendmsg([scene.token], [_info(link, source)], 0, (getattr(scene, server), 7))


for _title, _family, _level, _option, _server in (("IP_UNICAST_IF", socket.AF_INET, socket.IPPROTO_IP, IP_UNICAST_IF, "server"),
                                                  ("IPV6_UNICAST_IF", socket.AF_INET6, socket.IPPROTO_IPV6, IPV6_UNICAST_IF, "server6")):

    @attack(_title)
    def _unicast_if(scene, family=_family, level=_level, option=_option, server=_server):
        yield Leak(token=scene.token)
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(level, option, struct.pack("!I", socket.if_nametoindex(CELLULAR.link)))
        s.sendto(scene.token, (getattr(scene, server), 7))


@attack("bind() to the address of the cellular link")
def _source_address(scene):
    yield Leak(token=scene.token)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((CELLULAR.device, 0))
    s.sendto(scene.token, (scene.server, 7))


@attack("MSG_DONTROUTE to a server", dirty=True, settle=0.1)
def _dont_route(scene):
    """As if everything were on the link: the neighbour is asked for by ARP, and the datagram follows the answer."""
    scene.at_peer(_proxy_arp)
    yield Leak(token=scene.token)
    s = _bound(scene, socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(scene.token, socket.MSG_DONTROUTE, (scene.server, 7))


@attack("loopback address scoped to a wire")
def _loopback(scene):
    """S0: Linux would put a packet for 127.0.0.1 on the wire, were its socket bound to one and route_localnet set."""
    scene.world.device.sysctl(net__ipv4__conf__all__route_localnet=1)
    yield Leak(token=scene.token)
    with _bound(scene, socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(scene.token, ("127.9.9.9", 7))


def _proxy_arp():
    """In the router: answers for everybody, at once."""
    Path("/proc/sys/net/ipv4/neigh/device0/proxy_delay").write_text("0")
    Path("/proc/sys/net/ipv4/conf/device0/proxy_arp").write_text("1")
