"""What routers advertise beside routes and addresses: NAT64 prefixes, resolvers, search domains, captive portals."""

import ipaddress
import json
import socket
import struct
import time

from tests.lab import profiles, world
from tests.lab.frames import Leak
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for
from tests.lab.web import Web

WIDE = profiles.DEVICE_WIDE
PREFIX = "2001:db8:64::/96"
TRANSLATED = str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("2001:db8:64::")) | int(ipaddress.IPv4Address(world.SERVER))))
ROUTER_SOLICITATION = 133
PORT, API_PORT = 8080, 8443


def _option(kind, content):
    content += bytes(-(len(content) + 2) % 8)
    return bytes([kind, (len(content) + 2) // 8]) + content


def _nat64(prefix, seconds):
    network = ipaddress.IPv6Network(prefix)
    code = (96, 64, 56, 48, 40, 32).index(network.prefixlen)
    return _option(38, struct.pack("!H", seconds // 8 << 3 | code) + network.network_address.packed[:12])


def _resolver(address, seconds):
    return _option(25, struct.pack("!HI", 0, seconds) + ipaddress.IPv6Address(address).packed)


def _domain(name, seconds):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return _option(31, struct.pack("!HI", 0, seconds) + wire)


def _advertise(options):
    """In a router: an advertisement by which nobody becomes a default route, from its link-local address (RFC 4861, 4.2)."""
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 0, 0, 0, 0, 0) + options, ("ff02::1", 0, 0, socket.if_nametoindex("device0")))


def _send(token):
    """In an app."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        try:
            s.sendto(token, (TRANSLATED, 7))
        except OSError as error:
            return error.errno
    return 0


class _Routers:
    def __init__(self, stage):
        self.stage, self.place, self._number = stage, stage.place, 0

    def leaves(self):
        """Whether an app's datagram to the translated address is on the wire."""
        self._number += 1
        token = b"translated-%d" % self._number
        self.place.take()
        self.stage.app("browser").call(_send, token)
        time.sleep(0.05)
        return any(Leak(token=token).matches(frame) for frame in self.place.take())

    def knows(self, prefix):
        return wait_for(lambda: self.stage.agent.request("status")["nat64_prefix"] == prefix,
                        lambda: f"{self.stage.agent.request('status')['nat64_prefix']!r} for {prefix!r}; {self.stage.agent.log()[-1500:]}", 5)


@scenario("router advertisements: a NAT64 prefix is judged as the IPv4 behind it, and forgotten with its network")
def nat64(place):
    tally = Tally(status="connected")
    stage = Stage(place, profiles.device_wide(EnforceRoutes=1), WIDE, inside=True).start()
    asked = {frame.destination for frame in place.take() if frame.icmp_type == ROUTER_SOLICITATION}
    expect(asked == {"ff02::2"}, f"what routers said before the agent came, it did not ask for: {asked}")
    stage.connect(included=["198.51.100.0/24", "2001:db8:aa00::/40"])
    routers = _Routers(stage)
    cellular = place.helper("cellular")
    expect(routers.leaves(), "the control: as an IPv6 address no route of the VPN names it")
    tally.control_leaked = 1

    def holds(what):
        routers.knows(PREFIX)
        place.take()
        for _ in range(5):
            expect(not routers.leaves(), f"{what}: to an included IPv4 address, beside the tunnel")
        tally.count(place.take(), lockdown())

    place.peer.call(_advertise, _nat64(PREFIX, 600))
    holds("heard of")
    place.peer.call(_advertise, _nat64(PREFIX, 0))
    routers.knows("")
    expect(routers.leaves(), "its router takes it back")
    place.peer.call(_advertise, _nat64(PREFIX, 16))
    holds("for sixteen seconds")
    place.peer.call(_advertise, _nat64("2001:db8:aa64::/96", 600) + _nat64("ff02::/96", 600) + _option(38, b"short"))
    cellular.call(_advertise, _nat64("2001:db8:65::/96", 600) + _resolver("2001:db8:2::53", 600) + _domain("cell.example", 600))
    time.sleep(0.5)
    holds("beside others that are in the way of the VPN's routes, none, or another network's")
    told = stage.agent.request("support")["resolvers"]["wwan0"]
    expect(len(told["servers"]) == 1 and len(told["search"]) == 1, f"resolver and domain of a router: {json.dumps(told)}")
    wait_for(lambda: stage.agent.request("status")["nat64_prefix"] == "", "it outlives its time", 20)
    place.peer.call(_advertise, _nat64(PREFIX, 600))
    holds("again")
    place.device.ip("link set wlan0 down", "link set wlan0 up", f"addr replace {world.WIFI.device6}/64 dev wlan0 nodad")
    place.route(world.WIFI)
    routers.knows("")
    return tally


@scenario("router advertisements: the API of a captive portal that a router names is asked, and its word counts")
def portal(place):
    tally = Tally(status="connecting")
    web = Web(place, PORT)
    web.answers(b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n")
    stage = Stage(place, None, profiles.ALWAYS_ON_TUNNEL, inside=True, prefix=("env", f"SSL_CERT_FILE={place.folder / 'ca/ca.pem'}"),
                  configuration={"captive": {"url": f"http://{world.SERVER}:{PORT}/", "window_seconds": 600}})
    api = Web(place, API_PORT, certificate=stage.authority.issue("portal.example", world.SERVER))
    api.answers(b'HTTP/1.1 200 OK\r\nContent-Type: application/captive+json\r\nContent-Length: 17\r\n\r\n{"captive":false}')
    stage.policy = stage.agent.policy = stage.compile(profiles.always_on(stage.identity, stage.authority, AllowCaptiveWebSheet=1))
    stage.start()

    def is_captive(what):
        return wait_for(lambda: stage.agent.request("status")["captive"] == what,
                        lambda: f"{what}, not {stage.agent.request('status')['captive']}; {stage.agent.log()[-1500:]}", 15)

    is_captive("captive")
    answer, _ = stage.ask("portal", world.SERVER)
    expect(answer == b"hello", f"the web-sheet app in the window: {answer}")
    place.peer.call(_advertise, _option(37, f"https://{world.SERVER}:{API_PORT}/api".encode()))
    is_captive("free")
    expect(api.peers() == [(world.WIFI.device, "GET /api HTTP/1.1")], "the API was asked otherwise")
    time.sleep(0.3)
    place.take()
    answer, _ = stage.ask("portal", world.SERVER)
    expect(answer in REFUSED, f"the web-sheet app afterwards: {answer}")
    tally.count(place.take(), lockdown())
    return tally
