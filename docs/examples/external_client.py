#!/usr/bin/env python3
"""A VPN client for the agent's `external` protocol (docs/external-protocol.md): brings WireGuard up with wireguard-go and wg(8).
Take it as a pattern for your own. It needs root, and nothing but the standard library.

    external_client.py --tunnel ID --config /etc/wireguard/office.conf [--socket /run/vpnprofile/clients]

The file is one for wg-quick(8); Address, DNS and MTU are read here, the rest is wg's. Run it as a service of its own: its cgroup is
what tells the tunnel's packets from everybody else's."""

import argparse
import json
import re
import select
import signal
import socket
import subprocess
import sys
import time

LIMIT = 65536  # bytes of a packet, in both directions
INTERFACE = "wg-external"
DEAD = 180  # seconds without a handshake: WireGuard takes no packet of an older session


def read_config(path):
    """(what wg understands, what it does not): {"Address": [...], "DNS": [...], "MTU": [...]} are the interface's."""
    ours, rest = {}, []
    for line in open(path, encoding="utf-8"):
        key, _, value = (part.strip() for part in line.partition("="))
        if key in ("Address", "DNS", "MTU"):
            ours.setdefault(key, []).extend(item.strip() for item in value.split(","))
        else:
            rest.append(line)
    return ours, "".join(rest)


def run(*command, text=None):
    return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout


class Tunnel:
    def __init__(self, config):
        self.ours, self.rest = read_config(config)
        self.wanted, self.daemon, self.endpoint, self.since = False, None, None, 0.0

    def aim(self, servers):
        """The agent has looked the server's name up; while everything is blocked nobody else can."""
        host, port = re.search(r"(?m)^Endpoint\s*=\s*(.+):(\d+)\s*$", self.rest).groups()
        self.endpoint = {"address": servers[0] if servers else host.strip("[]"), "protocol": "udp", "port": int(port)}
        self.wanted, self.since = True, time.time()

    def connect(self):
        address, port = self.endpoint["address"], self.endpoint["port"]
        text = re.sub(r"(?m)^Endpoint\s*=.*$", f"Endpoint = {f'[{address}]' if ':' in address else address}:{port}", self.rest)
        if self.daemon is None or self.daemon.poll() is not None:
            subprocess.run(["ip", "link", "delete", INTERFACE], capture_output=True)  # of a client before that was killed
            self.daemon = subprocess.Popen(["wireguard-go", "--foreground", INTERFACE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while subprocess.run(["wg", "show", INTERFACE], capture_output=True).returncode != 0:
                if self.daemon.poll() is not None:
                    raise RuntimeError("wireguard-go does not start")
                time.sleep(0.02)
        run("wg", "setconf", INTERFACE, "/dev/stdin", text=f"{text}\nPersistentKeepalive = 25\n")  # and so a handshake at once
        for address in self.ours["Address"]:
            run("ip", "address", "replace", address, "dev", INTERFACE)
        run("ip", "link", "set", INTERFACE, "mtu", *self.ours.get("MTU", ["1420"]), "up")

    def disconnect(self):
        if self.daemon is not None:
            self.daemon.terminate()  # its interface goes with it
            self.daemon.wait()
        self.wanted, self.daemon = False, None

    def status(self):
        if self.daemon is not None and self.daemon.poll() is not None:
            self.wanted, self.daemon = False, None
            return "disconnected", "wireguard-go has ended"
        if self.daemon is None:
            return "connecting" if self.wanted else "disconnected", ""
        newest = max(int(line.split()[1]) for line in run("wg", "show", INTERFACE, "latest-handshakes").splitlines())
        if newest < int(self.since):
            return "connecting", "no handshake yet"
        return ("connected", "") if time.time() - newest < DEAD else ("reasserting", "the server does not answer")

    def report(self):
        """All that is known: what a report leaves out is not there any more."""
        status, reason = self.status()
        report = {"status": status, "reason": reason, "process": {"cgroups": [own_cgroup()]}}
        if self.endpoint is not None:
            report["settings"] = {"endpoints": [self.endpoint]}  # from `connecting` on, or nothing reaches the server
        if status in ("connected", "reasserting"):
            report["settings"].update(interface=INTERFACE, addresses=self.ours["Address"], included_routes=["0.0.0.0/0", "::/0"],
                                      dns={"servers": self.ours.get("DNS", [])})
        return report


def own_cgroup():
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        return next(line[3:].strip() for line in file if line.startswith("0::"))


def speak(agent, tunnel):
    """One connection to the agent, until one of both ends it."""
    before = None
    while True:
        if select.select([agent], [], [], 0.25)[0]:
            packet = agent.recv(LIMIT)
            if not packet:
                return
            message = json.loads(packet)
            if message.get("command") == "connect":
                tunnel.aim(message["servers"])
                agent.send(json.dumps(tunnel.report()).encode())
                time.sleep(0.1)  # until its packets are let out
                tunnel.connect()
            elif message.get("command") == "disconnect":
                tunnel.disconnect()
                before = None  # it is waiting for our word
            elif "error" in message:
                sys.exit(f"{message['error']}; {message.get('help', '')}")
        report = tunnel.report()
        if report != before:
            agent.send(json.dumps(report).encode())
            before = report


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tunnel", required=True, help="the tunnel's identifier, as 'vpnagentctl status' shows it")
    options.add_argument("--config", required=True, help="a file for wg-quick(8)")
    options.add_argument("--socket", default="/run/vpnprofile/clients")
    chosen = options.parse_args()
    tunnel = Tunnel(chosen.config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as agent:
                    agent.connect(chosen.socket)
                    agent.send(json.dumps({"hello": 1, "tunnel": chosen.tunnel}).encode())
                    speak(agent, tunnel)
            except OSError as error:
                print(f"the agent is away: {error}", file=sys.stderr)
            time.sleep(0.5)  # an agent that is started again finds the tunnel up
    finally:
        tunnel.disconnect()


if __name__ == "__main__":
    main()
