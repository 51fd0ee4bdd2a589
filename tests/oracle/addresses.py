"""Addresses and prefixes, as semantics.md uses them ("Words").

An address is a pair (version, number), a prefix a triple (version, number, length).
"""

import ipaddress

MAPPED = (6, 0xFFFF00000000, 96)  # RFC 4291, 2.5.5.2
WELL_KNOWN_NAT64 = (6, 0x64FF9B << 96, 96)  # RFC 6052, 2.1: 64:ff9b::/96


def bits(version):
    return 32 if version == 4 else 128


def address(text):
    parsed = ipaddress.ip_address(text)
    return parsed.version, int(parsed)


def prefix(text):
    """A prefix; host bits are cleared, a plain address is a prefix of full length."""
    parsed = ipaddress.ip_network(text, strict=False)
    return parsed.version, int(parsed.network_address), parsed.prefixlen


def interface(text):
    """`192.168.1.20/24`: the interface's own address and its on-link prefix."""
    own, _, _ = text.partition("/")
    return address(own), prefix(text)


def contains(outer, inner):
    """True when the address lies in the prefix."""
    version, number, length = outer
    if version != inner[0]:
        return False
    shift = bits(version) - length
    return number >> shift == inner[1] >> shift


def within(outer, inner):
    """True when the prefix `inner` lies in the prefix `outer`."""
    return inner[2] >= outer[2] and contains(outer, inner[:2])


def embedded_at(number, length):
    """The IPv4 address behind a NAT64 prefix of this length (RFC 6052, 2.2)."""
    octets = number.to_bytes(16, "big")
    first = length // 8
    chosen = [octets[i] for i in range(first, 16) if length == 96 or i != 8][:4]
    return 4, int.from_bytes(bytes(chosen), "big")


def judged(addr, nat64=None):
    """Words: a mapped address, and one in the NAT64 prefix, is judged as the IPv4 address in it."""
    if addr[0] == 4:
        return addr
    if contains(MAPPED, addr):
        return 4, addr[1] & 0xFFFFFFFF
    for candidate in (nat64, WELL_KNOWN_NAT64):
        if candidate and contains(candidate, addr):
            return embedded_at(addr[1], candidate[2])
    return addr


def prefixes(*texts):
    return [prefix(t) for t in texts]


def in_any(candidates, addr):
    return any(contains(p, addr) for p in candidates)


# Words: private.
PRIVATE = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")

# Words: local networks, beside the on-link prefixes.
ALWAYS_LOCAL = prefixes(
    "169.254.0.0/16", "fe80::/10", "224.0.0.0/24", "239.0.0.0/8", "255.255.255.255/32",
    "ff01::/16", "ff02::/16", "ff03::/16", "ff04::/16", "ff05::/16")

# S0.
LOOPBACK = prefixes("127.0.0.0/8", "::1/128")

# S7: what a routing table holds without being told.
ALWAYS_ROUTED = prefixes("169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "255.255.255.255/32", "ff00::/8")

DHCP4_BROADCAST = address("255.255.255.255")  # S1.a
DHCP6_SERVERS = prefixes("fe80::/10", "ff02::1:2/128", "ff05::1:3/128")  # S1.a
