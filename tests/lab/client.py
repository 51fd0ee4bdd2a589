"""A VPN client that speaks the protocol of the `external` provider (docs/external-protocol.md): a program in a cgroup of its own,
which is what the agent takes for the provider's identity."""

import json
import subprocess
from pathlib import Path

from tests.lab import kernel, process, undo, world
from tests.lab.netns import stop

INTERPRETER = Path("/usr/bin/python3.11")
PROGRAM = Path(__file__).with_name("client_program.py")


class Client:
    def __init__(self, place, path, tunnel):
        cgroup = place.app_cgroup("vpn-client")
        self._identity = {"cgroups": [f"/{cgroup.relative_to(kernel.cgroup_mount())}"]}
        with place.device.inside():
            self._process = subprocess.Popen([INTERPRETER, "-I", "-S", "-B", PROGRAM, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             text=True, preexec_fn=lambda: process.join(cgroup))
        undo.later(self.close)
        self._ask({"hello": 1, "tunnel": tunnel})

    def _ask(self, message):
        """Returns when the program has done it: with the errno, or 0; None where it has ended (the agent has)."""
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        return json.loads(answer)["errno"] if answer else None

    def report(self, status, interface="tun0", included=("0.0.0.0/0", "::/0"), excluded=(), endpoints=None, dns=None, proxy=None, **more):
        """What the client knows, as a whole."""
        endpoints = [{"address": world.GATEWAY, "protocol": "udp", "port": 51820}] if endpoints is None else endpoints
        settings = {"addresses": [f"{world.TUNNEL}/32", f"{world.TUNNEL6}/128"], "included_routes": list(included),
                    "excluded_routes": list(excluded), "endpoints": endpoints}
        if interface:
            settings["interface"] = interface
        if dns:
            settings["dns"] = dns
        if proxy:
            settings["proxy"] = proxy
        self._ask({"status": status, "settings": settings, "process": self._identity, **more})

    def try_outer(self):
        """Has the client send an outer packet to its endpoint; the errno, or 0."""
        return self._ask({"try": [world.GATEWAY, 51820]})

    def kill(self):
        """As a crash would."""
        self._process.kill()
        self._process.wait()

    def close(self):
        stop(self._process)
