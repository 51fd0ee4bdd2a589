"""Makes captures byte by byte: frames, pcap, pcapng."""
import ipaddress
import struct

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
ETHERNET, RAW, SLL, SLL2, NULL, LOOP = 1, 101, 113, 276, 0, 108
MAC_DEVICE, MAC_OTHER, MAC_ALL = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2", b"\xff" * 6
BEGIN = 1_790_000_000


def address(text):
    return ipaddress.ip_address(text)


def transport(protocol, source_port=0, destination_port=0, payload=b"", sequence=1, icmp=(0, 0)):
    if protocol == TCP:
        return struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, 0, 5 << 4, 0x18, 1000, 0, 0) + payload
    if protocol == UDP:
        return struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    if protocol in (ICMP, ICMPV6):
        return struct.pack("!BBHI", icmp[0], icmp[1], 0, 0) + payload
    if protocol in (33, 132, 136):
        return struct.pack("!HHII", source_port, destination_port, 0, 0) + payload
    return b"\0" * 8 + payload


def packet(source, destination, protocol, body, hop_limit=64, fragment=0, identity=1, extensions=()):
    """IP around a transport header. `fragment`: IPv4's flags and offset, or IPv6's offset field where not None."""
    a, b = address(source), address(destination)
    if a.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), identity, fragment, hop_limit, protocol, 0)
        return head + a.packed + b.packed + body
    numbers = [number for number, _ in extensions] + ([44] if fragment else []) + [protocol]
    chain = b""
    for i, (_, content) in enumerate(extensions):
        chain += bytes([numbers[i + 1]]) + content
    if fragment:
        chain += struct.pack("!BBHI", protocol, 0, fragment, identity)
    return struct.pack("!IHBB", 6 << 28, len(chain) + len(body), numbers[0], hop_limit) + a.packed + b.packed + chain + body


def ethertype(ip):
    return b"\x08\0" if ip[0] >> 4 == 4 else b"\x86\xdd"


def frame(ip, link=ETHERNET, outgoing=True, tags=0):
    if link == ETHERNET:
        ends = MAC_OTHER + MAC_DEVICE if outgoing else MAC_DEVICE + MAC_OTHER
        return ends + b"\x81\0\0\x05" * tags + ethertype(ip) + ip
    if link == SLL:
        return struct.pack("!HHH8s", 4 if outgoing else 0, 1, 6, MAC_DEVICE + b"\0\0") + ethertype(ip) + ip
    if link == SLL2:
        return ethertype(ip) + struct.pack("!HIHBB8s", 0, 2, 1, 4 if outgoing else 0, 6, MAC_DEVICE + b"\0\0") + ip
    if link == NULL:
        return struct.pack("<I", 2 if ip[0] >> 4 == 4 else 30) + ip
    if link == LOOP:
        return struct.pack("!I", 2 if ip[0] >> 4 == 4 else 30) + ip
    return ip


def pcap(frames, link=ETHERNET, nanoseconds=True, snaplen=262144):
    """`frames`: (seconds from BEGIN, bytes)."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link)
    for at, content in frames:
        whole = int(at)
        fraction = round((at - whole) * (1e9 if nanoseconds else 1e6))
        out += struct.pack("<IIII", BEGIN + whole, fraction, min(len(content), snaplen), len(content)) + content[:snaplen]
    return out


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(frames, link=ETHERNET):
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 262144) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))  # if_tsresol: nanoseconds
    for at, content in frames:
        stamp = BEGIN * 10**9 + round(at * 1e9)
        out += block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(content), len(content)) + content)
    return out


def read_pcap(content):
    """(link, [(nanoseconds, bytes)]) of a capture in nanoseconds."""
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", content)
    assert magic == 0xA1B23C4D, hex(magic)
    frames, at = [], 24
    while at < len(content):
        seconds, fraction, size, _ = struct.unpack_from("<IIII", content, at)
        frames.append((seconds * 10**9 + fraction, content[at + 16:at + 16 + size]))
        at += 16 + size
    return link, frames


def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns_query(name, number=7, kind=1):
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack("!HH", kind, 1)


def dns_answer(name, addresses, seconds=60, number=7):
    kind = 1 if address(addresses[0]).version == 4 else 28
    out = struct.pack("!HHHHHH", number, 0x8180, 1, len(addresses), 0, 0) + dns_name(name) + struct.pack("!HH", kind, 1)
    for text in addresses:
        packed = address(text).packed
        out += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, seconds, len(packed)) + packed
    return out


def client_hello(name, padding=0):
    host = b"\0" + struct.pack("!H", len(name)) + name.encode()
    extensions = struct.pack("!HH", 21, padding) + b"\0" * padding if padding else b""
    extensions += struct.pack("!HHH", 0, len(host) + 2, len(host)) + host
    body = b"\3\3" + b"\x11" * 32 + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack("!H", len(extensions)) + extensions
    handshake = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack("!H", len(handshake)) + handshake
