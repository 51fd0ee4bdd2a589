"""What all that runs inside a machine has in common: how it tells the host, and how it tries to get out."""

import json
import socket

from tests.lab import packets, vm_wire
from tests.lab.frames import ICMP


def report(**what):
    """To the console, a line of JSON each."""
    print("\n@lab " + json.dumps(what), flush=True)


def try_once():
    """Sends by every kind of socket, as an app that no rule knows. (how often it tried, how often it was refused)."""
    tried = refused = 0
    token = vm_wire.TOKEN
    for family, kind, protocol, address, data in (
            (socket.AF_INET, socket.SOCK_DGRAM, 0, (vm_wire.SERVER, 7), token), (socket.AF_INET, socket.SOCK_DGRAM, 0, (vm_wire.HOST, 53), token),
            (socket.AF_INET6, socket.SOCK_DGRAM, 0, (vm_wire.SERVER6, 7), token),
            (socket.AF_INET, socket.SOCK_RAW, ICMP, (vm_wire.SERVER, 0), packets.icmp(8, payload=token)),
            (socket.AF_INET, socket.SOCK_STREAM, 0, (vm_wire.SERVER, 80), None)):
        tried += 1
        try:
            with socket.socket(family, kind, protocol) as s:
                s.setblocking(False)
                s.connect(address) if data is None else s.sendto(data, address)
        except BlockingIOError:
            pass
        except OSError:
            refused += 1
    return tried, refused
