"""What networks and servers pretend: to be local, to be the VPN's server, to be the resolver."""

import contextlib
import socket

from tests.attacks.kernel_made import inject, warm
from tests.lab import packets
from tests.lab.attack import attack
from tests.lab.frames import IPV4, TCP, UDP, Leak
from tests.lab.world import CELLULAR, GATEWAY, GATEWAY6, SERVER


def _datagram(scene, address, port=7):
    socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM).sendto(scene.token, (address, port))


for _title, _leased in (("a public range as the local network (CVE-2023-36672)", "198.51.100.20/24"), ("0.0.0.0/1 on the link", "192.168.1.21/1")):

    @attack(f"TunnelCrack LocalNet: {_title}", batch=1, dirty=True, settle=0.1)
    def _local_net(scene, leased=_leased):
        """The rogue network leases an address with the victim's server in the same prefix, and answers for it."""
        device = scene.world.device
        device.ip(f"addr add {leased} dev {scene.link}")
        scene.world.places["wifi"].sysctl(net__ipv4__conf__device0__proxy_arp=1, net__ipv4__neigh__device0__proxy_delay=0)
        try:
            yield Leak(token=scene.token)
            _datagram(scene, scene.server)
        finally:
            device.ip(f"addr delete {leased} dev {scene.link}")


for _title, _address in (("", GATEWAY), (", IPv6", GATEWAY6)):

    @attack(f"TunnelCrack ServerIP: an app sends to the VPN server's address{_title} (CVE-2023-36673)")
    def _server_address(scene, address=_address):
        yield Leak(token=scene.token)
        for port in (500, 4500, 51820, 443, 20000 + scene.run):
            with contextlib.suppress(OSError):
                _datagram(scene, address, port)

    @attack(f"ServerIP: TCP to the VPN server's address{_title}")
    def _server_tcp(scene, address=_address):
        yield Leak(protocol=TCP, destination=address, port=scene.port)
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            s.connect((address, scene.port))


@attack("ServerIP: from the provider's port, by root")
def _server_from_port(scene):
    """Ports are no identity."""
    yield Leak(token=scene.token)
    for port in (500, 4500):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((scene.address, port))
            with contextlib.suppress(OSError):
                s.sendto(scene.token, (GATEWAY, port))


@attack("decapsulation of GRE, IPIP and 6in4 from outside (CVE-2020-10136, CVE-2024-7595)", whole_machine=True)
def _decapsulation(scene):
    """What arrives in them would be taken for a packet of the device: here, by raw sockets that stand for the kernel's
    tunnels, which not every kernel has."""
    warm(scene)
    ears = [socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) for protocol in (4, 41, 47)]
    for ear in ears:
        ear.setblocking(False)
    yield Leak(token=scene.token)
    inner = packets.ipv4(SERVER, scene.address, UDP, packets.udp(SERVER, scene.address, 7, 4000, scene.token))
    scene.at_peer(inject, IPV4, *(packets.ipv4(SERVER, scene.address, protocol, b"\0\0\x08\0" * (protocol == 47) + inner) for protocol in (4, 41, 47)))
    heard = 0
    for ear in ears:
        with contextlib.suppress(BlockingIOError):
            while True:
                heard += scene.token in ear.recv(4096)
        ear.close()
    return heard


@attack("DNS: each link's resolver is asked (UDP 53)")
def _dns(scene):
    query = scene.token + b"\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"
    yield Leak(token=scene.token)
    for link, resolver in ((scene.link, scene.router), (CELLULAR.link, CELLULAR.router), (scene.link, scene.server)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
            s.sendto(query, (resolver, 53))


@attack("DNS over TLS to each link's resolver (853)")
def _dns_over_tls(scene):
    yield Leak(protocol=TCP, port=853, source_port=scene.port)
    for resolver in (scene.router, scene.server):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("0.0.0.0", scene.port))
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError, PermissionError):
            s.connect((resolver, 853))


@attack("DNS by a process of root outside of every app")
def _dns_root(scene):
    """The system's resolver daemon, as the guard sees it."""
    yield Leak(token=scene.token)
    scene.outside(_ask, scene.token, scene.router)


def _ask(token, resolver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
        s.sendto(token, (resolver, 53))


@attack("connectivity check of the system (TCP 80)")
def _connectivity(scene):
    yield Leak(protocol=TCP, port=80, destination=scene.server, source_port=scene.port)
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("0.0.0.0", scene.port))
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        s.connect((scene.server, 80))


@attack("NTP (UDP 123)")
def _ntp(scene):
    yield Leak(token=scene.token)
    _datagram(scene, scene.server, 123)
