"""A VPN client that speaks the protocol of the `external` provider (docs/external-provider.md)."""

import json
import socket

from tests.lab import world


class Client:
    def __init__(self, path, tunnel):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(str(path))
        self._send({"hello": 1, "tunnel": tunnel})

    def _send(self, message):
        self._socket.send(json.dumps(message).encode())

    def report(self, status, interface="tun0", included=("0.0.0.0/0", "::/0"), excluded=(), endpoints=None, **more):
        """What the client knows, as a whole."""
        endpoints = [{"address": world.GATEWAY, "protocol": "udp", "port": 51820}] if endpoints is None else endpoints
        settings = {"addresses": [f"{world.TUNNEL}/32", f"{world.TUNNEL6}/128"], "included_routes": list(included),
                    "excluded_routes": list(excluded), "endpoints": endpoints}
        if interface:
            settings["interface"] = interface
        self._send({"status": status, "settings": settings, **more})

    def commands(self):
        """What the agent asked for since the last call."""
        asked = []
        self._socket.setblocking(False)
        try:
            while data := self._socket.recv(65536):
                asked.append(json.loads(data))
        except BlockingIOError:
            pass
        finally:
            self._socket.setblocking(True)
        return asked

    def close(self):
        self._socket.close()
