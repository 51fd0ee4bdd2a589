"""A VPN client that speaks the protocol of the `external` provider (docs/external-provider.md): a program of its own, for its
executable is what the agent takes for the provider's identity."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.lab import process, undo, world
from tests.lab.netns import stop

INTERPRETER = Path("/usr/bin/python3.11")
PROGRAM = Path(__file__).with_name("client_program.py")


class Client:
    def __init__(self, place, path, tunnel):
        program = place.folder / "vpn-client"
        if not program.exists():
            shutil.copy2(INTERPRETER, program)
        with place.device.inside():
            self._process = subprocess.Popen([program, "-I", "-S", "-B", PROGRAM, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             text=True, preexec_fn=lambda: process.join(place.outside))
        undo.later(self.close)
        self._send({"hello": 1, "tunnel": tunnel})

    def _send(self, message):
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def report(self, status, interface="tun0", included=("0.0.0.0/0", "::/0"), excluded=(), endpoints=None, **more):
        """What the client knows, as a whole."""
        endpoints = [{"address": world.GATEWAY, "protocol": "udp", "port": 51820}] if endpoints is None else endpoints
        settings = {"addresses": [f"{world.TUNNEL}/32", f"{world.TUNNEL6}/128"], "included_routes": list(included),
                    "excluded_routes": list(excluded), "endpoints": endpoints}
        if interface:
            settings["interface"] = interface
        self._send({"status": status, "settings": settings, **more})

    def try_outer(self):
        """Has the client send an outer packet to its endpoint; the errno, or 0."""
        self._send({"try": [world.GATEWAY, 51820]})
        return json.loads(self._process.stdout.readline())["errno"]

    def kill(self):
        """As a crash would."""
        self._process.kill()
        self._process.wait()

    def close(self):
        stop(self._process)
