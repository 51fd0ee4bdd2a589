"""Packets made by hand, for raw and packet sockets."""

import ipaddress
import struct

from tests.lab import frames

BROADCAST = b"\xff" * 6


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def _pseudo(source, destination, protocol, length):
    return packed(source) + packed(destination) + struct.pack("!IBBBB", length, 0, 0, 0, protocol)


def _summed(source, destination, protocol, segment, at):
    """Fills in the checksum of TCP, UDP or ICMPv6, IPv4's pseudo header in the form of IPv6's: the sums are equal."""
    value = checksum(_pseudo(source, destination, protocol, len(segment)) + segment) or 0xFFFF
    return segment[:at] + struct.pack("!H", value) + segment[at + 2:]


def udp(source, destination, source_port, port, payload=b""):
    segment = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    return _summed(source, destination, frames.UDP, segment, 6)


def tcp(source, destination, source_port, port, flags, sequence=1000, acknowledge=0, payload=b""):
    segment = struct.pack("!HHIIBBHHH", source_port, port, sequence, acknowledge, 5 << 4, flags, 65535, 0, 0) + payload
    return _summed(source, destination, frames.TCP, segment, 16)


def icmp(kind, code=0, rest=b"\0\0\0\0", payload=b""):
    message = struct.pack("!BBH", kind, code, 0) + rest + payload
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def icmp6(source, destination, kind, code=0, rest=b"\0\0\0\0", payload=b""):
    return _summed(source, destination, frames.ICMPV6, struct.pack("!BBH", kind, code, 0) + rest + payload, 2)


def igmp(kind, group="0.0.0.0", wait=0):
    message = struct.pack("!BBH", kind, wait, 0) + packed(group)
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def ipv4(source, destination, protocol, payload, ttl=64, fragment=0, more=False, identifier=1):
    """`fragment` is the offset in bytes."""
    word = fragment // 8 | (0x2000 if more else 0)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identifier, word, ttl, protocol, 0) + packed(source) + packed(destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, protocol, payload, hop_limit=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hop_limit) + packed(source) + packed(destination) + payload


def ip(source, destination, protocol, payload, **options):
    return (ipv6 if ":" in destination else ipv4)(source, destination, protocol, payload, **options)


def ethernet(source, destination, kind, payload):
    return destination + source + struct.pack("!H", kind) + payload


def arp(source_mac, source, target, target_mac=b"\0" * 6, reply=False):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1) + source_mac + packed(source) + target_mac + packed(target)
