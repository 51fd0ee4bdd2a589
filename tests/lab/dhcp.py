"""A DHCP server in an access network, and a real client (busybox udhcpc) on the device."""

import os
import socket
import subprocess
import time

from tests.lab import packets, process

_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5


def serve(address, router, seconds, *, routes=(), requests=1):
    """In the router: leases, until so many were confirmed, or for so many seconds. `routes` (hosts) go into option 121. Returns what
    was asked: "discover", "request", "renewal" (from the address that was leased)."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option, value in ((socket.SO_BROADCAST, 1), (socket.SO_REUSEADDR, 1), (socket.SO_BINDTODEVICE, b"device0")):
        s.setsockopt(socket.SOL_SOCKET, option, value)
    s.bind(("0.0.0.0", 67))
    asked, end = [], time.monotonic() + seconds
    while time.monotonic() < end and len(asked) - asked.count("discover") < requests:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            request, _ = s.recvfrom(2048)
        except TimeoutError:
            break
        kind = request[request.index(b"\x35\x01", 240) + 2]
        renewal = request[12:16] != bytes(4)
        asked.append("discover" if kind == _DISCOVER else "renewal" if renewal else "request")
        options = [(53, bytes([_OFFER if kind == _DISCOVER else _ACK])), (54, packets.packed(router)), (51, (3600).to_bytes(4, "big")), (1, b"\xff\xff\xff\0"), (3, packets.packed(router)),
                   (121, b"".join(b"\x20" + packets.packed(host) + packets.packed(router) for host in routes))]
        tail = b"".join(bytes([code, len(value)]) + value for code, value in options if value) + b"\xff"
        reply = b"\x02" + request[1:16] + packets.packed(address) + packets.packed(router) + bytes(4) + request[28:240]
        s.sendto(reply + tail, (address, 68) if renewal else ("255.255.255.255", 68))
    s.close()
    return asked


def client(link, script, done, *options, cgroup=None):
    """The client as a process of the caller's namespace. `script` is written: what it does with a lease, in shell; then it touches
    `done`."""
    script.write_text(f"#!/bin/sh\n[ \"$1\" = bound ] || [ \"$1\" = renew ] || exit 0\n{_TAKE_ROUTES}touch {done}.$1\n")
    script.chmod(0o755)
    return subprocess.Popen(["busybox", "udhcpc", "-i", link, "-s", str(script), "-n", "-t", "3", "-T", "1", "-f", "-O", "staticroutes", *options],
                            env={"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            preexec_fn=(lambda: process.join(cgroup)) if cgroup else None)


# Option 121 as a naive client takes it.
_TAKE_ROUTES = """set -- "$1" $staticroutes; event=$1; shift
while [ $# -ge 2 ]; do ip route replace "$1" via "$2" dev "$interface"; shift 2; done
set -- $event
"""
