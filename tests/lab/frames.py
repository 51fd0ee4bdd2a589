"""Frames on a wire, taken apart as far as the tests ask, and what may be on the wire in a lockdown."""

import dataclasses
import ipaddress
import struct
from dataclasses import dataclass

ARP, IPV4, IPV6, EAPOL = 0x0806, 0x0800, 0x86DD, 0x888E
ICMP, IGMP, TCP, UDP, ESP, ICMPV6, SCTP = 1, 2, 6, 17, 50, 58, 132
_IPV6_EXTENSIONS = {0, 43, 44, 60}


@dataclass(slots=True)
class Frame:
    data: bytes
    kind: int = 0  # EtherType
    source: str = ""
    destination: str = ""
    protocol: int = -1
    hop_limit: int = -1
    fragment: bool = False  # one that is not the first
    source_port: int = -1
    port: int = -1  # destination port
    flags: int = -1  # of TCP
    icmp_type: int = -1
    payload: bytes = b""

    def __str__(self):
        what = {ARP: "arp", IPV4: "ip", IPV6: "ip6"}.get(self.kind, f"0x{self.kind:04x}")
        protocol = {ICMP: "icmp", IGMP: "igmp", TCP: "tcp", UDP: "udp", ESP: "esp", ICMPV6: "icmp6"}.get(self.protocol, self.protocol)
        more = f" type {self.icmp_type}" if self.icmp_type >= 0 else f" {self.source_port}>{self.port}" if self.port >= 0 else ""
        more += f" flags {self.flags:#x}" if self.flags >= 0 else ""
        return f"{what} {self.source}>{self.destination} {protocol}{more} ttl {self.hop_limit} {len(self.data)} B"


def parse(data):
    """Never fails: what is cut short stays empty."""
    frame = Frame(data)
    if len(data) < 14:
        return frame
    frame.kind = struct.unpack_from("!H", data, 12)[0]
    body = data[14:]
    if frame.kind == ARP and len(body) >= 28:
        frame.flags = struct.unpack_from("!H", body, 6)[0]  # 1 request, 2 reply
        frame.source, frame.destination = str(ipaddress.IPv4Address(body[14:18])), str(ipaddress.IPv4Address(body[24:28]))
    elif frame.kind == IPV4 and len(body) >= 20:
        _ipv4(frame, body)
    elif frame.kind == IPV6 and len(body) >= 40:
        _ipv6(frame, body)
    return frame


def _ipv4(frame, body):
    header = (body[0] & 15) * 4
    frame.source, frame.destination = str(ipaddress.IPv4Address(body[12:16])), str(ipaddress.IPv4Address(body[16:20]))
    frame.protocol, frame.hop_limit = body[9], body[8]
    frame.fragment = struct.unpack_from("!H", body, 6)[0] & 0x1FFF != 0
    _transport(frame, body[header:])


def _ipv6(frame, body):
    frame.source, frame.destination = str(ipaddress.IPv6Address(body[8:24])), str(ipaddress.IPv6Address(body[24:40]))
    frame.hop_limit = body[7]
    following, rest = body[6], body[40:]
    while following in _IPV6_EXTENSIONS and len(rest) >= 8:
        if following == 44:
            frame.fragment = struct.unpack_from("!H", rest, 2)[0] & 0xFFF8 != 0
            length = 8
        else:
            length = (rest[1] + 1) * 8
        following, rest = rest[0], rest[length:]
    frame.protocol = following
    _transport(frame, rest)


def _transport(frame, rest):
    frame.payload = rest
    if frame.fragment:
        return
    if frame.protocol in (TCP, UDP, SCTP) and len(rest) >= 8:
        frame.source_port, frame.port = struct.unpack_from("!HH", rest)
        if frame.protocol == TCP and len(rest) >= 14:
            frame.flags = rest[13]
    elif frame.protocol in (ICMP, ICMPV6, IGMP) and rest:
        frame.icmp_type = rest[0]


@dataclass(frozen=True)
class Leak:
    """What an attack's frame looks like: each given field must be equal; `token` must be in the frame."""

    token: bytes | None = None
    kind: int | None = None
    source: str | None = None
    destination: str | None = None
    protocol: int | None = None
    source_port: int | None = None
    port: int | None = None
    flags: int | None = None
    icmp_type: int | None = None
    hop_limit: int | None = None
    fragment: bool | None = None

    def matches(self, frame):
        if self.token is not None and self.token not in frame.data:
            return False
        for field in dataclasses.fields(self)[1:]:
            wanted = getattr(self, field.name)
            if wanted is not None and wanted != getattr(frame, field.name):
                return False
        return True


@dataclass
class Lockdown:
    """What may leave a device of which everything has to be in a tunnel: S1, and ARP. Written from docs/semantics.md,
    not from the datapath, which it judges."""

    endpoints: list = dataclasses.field(default_factory=list)  # of S1.c: (address, protocol, port); ESP: port -1
    tunnel_addresses: list = dataclasses.field(default_factory=list)  # for which nobody may answer elsewhere
    direct: list = dataclasses.field(default_factory=list)  # Leak patterns that the policy lets out

    def allows(self, frame):
        if frame.kind == EAPOL:
            return True
        if frame.kind == ARP:
            return frame.source not in self.tunnel_addresses and frame.destination not in self.tunnel_addresses
        if frame.kind not in (IPV4, IPV6):
            return False
        return self._control_plane(frame) or any(leak.matches(frame) for leak in self.direct)

    def _control_plane(self, frame):
        v6 = frame.kind == IPV6
        if (frame.destination, frame.protocol, frame.port) in self.endpoints:
            return True
        if frame.protocol == UDP and not frame.fragment:
            return (frame.source_port, frame.port) == ((546, 547) if v6 else (68, 67))
        if frame.protocol == IGMP and not v6:
            return frame.hop_limit == 1
        if frame.protocol == ICMPV6 and v6:
            if frame.icmp_type in (130, 131, 132, 143):
                return frame.hop_limit == 1
            if frame.icmp_type in (133, 135, 136) and frame.hop_limit == 255:
                return not (frame.icmp_type == 136 and self._target(frame) in self.tunnel_addresses)
        return False

    @staticmethod
    def _target(frame):
        return str(ipaddress.IPv6Address(frame.payload[8:24])) if len(frame.payload) >= 24 else ""
