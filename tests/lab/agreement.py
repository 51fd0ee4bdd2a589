"""The kernel against `vpnprofile explain`: random policies, states and flows; real sockets of the right app send real packets.
Where each comes out, or that it does not, must be what explain says."""

import errno
import json
import random
import socket
import subprocess
from dataclasses import dataclass

from tests.lab import profiles, world
from tests.lab.frames import ICMP, ICMPV6
from tests.lab.packets import icmp

TUNNELS = {"tun0": profiles.DEVICE_WIDE, "tun1": profiles.PER_APP}
REMOTES = [world.SERVER, "198.51.100.81", "93.184.216.34", "17.249.0.1", "17.57.144.9", world.GATEWAY, "192.168.1.1", "192.168.1.77", "10.64.0.1",
           "10.64.0.77", "10.8.1.2", "172.16.5.5", "169.254.7.7", "224.0.0.251", "239.1.2.3", "255.255.255.255", "192.0.2.9",
           world.SERVER6, "2001:db8:100::81", "2001:db8:1::1", "2001:db8:1::77", "fd00:8::9", "2620:149:a44::1", "ff02::fb", world.GATEWAY6]
PORTS = [7, 53, 80, 443, 500, 631, 853, 2197, 4500, 5223, 5353, 8080, 9999]
ROUTES = ["10.8.0.0/16", "198.51.100.0/24", "198.51.100.80/32", "17.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", "0.0.0.0/0", "::/0", "2001:db8:100::/64", "fd00:8::/32"]
FLAGS = ("ExcludeLocalNetworks", "ExcludeCellularServices", "ExcludeAPNs", "ExcludeDeviceCommunication")
REFUSALS = {errno.EPERM, errno.ENETUNREACH, errno.EACCES, errno.EHOSTUNREACH}


@dataclass
class Flow:
    app: str  # of profiles.APPS, or "other"
    protocol: str
    remote: str
    port: int
    scope: str
    token: bytes
    source_port: int

    def explained(self):
        flow = {"protocol": self.protocol, "remote": self.remote, "uid": 0}
        if self.app != "other":
            flow["app"] = self.app
        if self.protocol in ("tcp", "udp"):
            flow |= {"remote_port": self.port, "local_port": self.source_port}
        else:
            flow["icmp_type"] = 8 if self.protocol == "icmp" else 128
        return flow | ({"scope": self.scope} if self.scope else {})


def random_profile(rng, identity, authority):
    """(XML, what the client of each tunnel says of its routes)."""
    kind = rng.choice(("always-on", "include-all", "enforce", "routes", "per-app", "per-app"))
    included, excluded = rng.sample(ROUTES, rng.randint(1, 4)), rng.sample(ROUTES, rng.randint(0, 3))
    flags = {flag: rng.randint(0, 1) for flag in FLAGS if rng.random() < 0.6}
    if kind == "always-on":
        services = [{"ServiceName": name, "Action": rng.choice(("Allow", "Drop"))} for name in rng.sample(["AirPrint", "CellularServices", "VoiceMail"], rng.randint(0, 3))]
        apps = [{"BundleIdentifier": app, **({"LimitToProtocols": rng.sample(["UDP"], rng.randint(0, 1))} if rng.random() < 0.4 else {})}
                for app in rng.sample(sorted(profiles.APPS), rng.randint(0, 2))]
        return kind, profiles.always_on(identity, authority, **({"ServiceExceptions": services} if services else {}),
                                        **({"ApplicationExceptions": apps} if apps else {})), profiles.EVERYWHERE, []
    if kind == "per-app":
        return kind, profiles.per_app(*rng.sample(sorted(profiles.APPS), 2)), profiles.EVERYWHERE, []
    routing = {"include-all": {"IncludeAllNetworks": 1}, "enforce": {"EnforceRoutes": 1}, "routes": {}}[kind]
    return kind, profiles.device_wide(**routing, **flags), included, excluded


def random_flows(rng, count):
    apps = [*sorted(profiles.APPS), "other", "other"]
    flows = []
    for number in range(count):
        remote = rng.choice(REMOTES)
        protocol = rng.choice(("udp", "udp", "tcp", "icmp"))
        if ":" in remote and protocol == "icmp":
            protocol = "icmpv6"
        if protocol == "tcp" and remote.startswith(("2240", "224.", "239.", "255.", "ff")):
            protocol = "udp"
        token = b"agree" + rng.randbytes(11)
        flows.append(Flow(rng.choice(apps), protocol, remote, rng.choice(PORTS), rng.choice(("", "", "", "", "wlan0", "wwan0")), token, 10000 + number))
    return flows


def emit(flows):
    """In a process of the app: sends each flow's first packet. Returns for each the errno, 0, or "unscoped" where the socket
    must not be bound to an interface."""
    results, kept = [], []
    for flow in flows:
        family = socket.AF_INET6 if ":" in flow.remote else socket.AF_INET
        try:
            results.append(_emit(flow, family, kept))
        except OSError as error:
            results.append(error.errno)
    for s in kept:
        s.close()
    return results


def _emit(flow, family, kept):
    kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}.get(flow.protocol, socket.SOCK_RAW)
    s = socket.socket(family, kind, 0 if kind != socket.SOCK_RAW else ICMP if family == socket.AF_INET else ICMPV6)
    kept.append(s)
    if flow.scope:
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, flow.scope.encode())
        except OSError:
            return "unscoped"
    if flow.remote.startswith("255."):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if kind != socket.SOCK_RAW:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", flow.source_port))
    s.setblocking(False)
    if flow.protocol == "tcp":
        try:
            s.connect((flow.remote, flow.port))
        except BlockingIOError:
            pass
    else:
        data = flow.token if flow.protocol == "udp" else icmp(8 if family == socket.AF_INET else 128, payload=flow.token)
        s.sendto(data, (flow.remote, flow.port if flow.protocol == "udp" else 0))
    return 0


def explain(program, folder, policy, state, flows):
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "flows.json").write_text("".join(json.dumps(flow.explained()) + "\n" for flow in flows))
    done = subprocess.run([program, "explain", policy, "--state", folder / "state.json", "--flows", folder / "flows.json", "--format", "json"],
                          capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(flows):
        raise RuntimeError(f"explain: {len(answers)} answers to {len(flows)} flows: {done.stderr}")
    return answers


def where(frames, flow):
    """Whether the flow's packet is among these frames."""
    if flow.protocol == "tcp":
        return any(frame.source_port == flow.source_port and frame.protocol == 6 and frame.destination == flow.remote for frame in frames)
    kind = {"udp": 17, "icmp": ICMP, "icmpv6": ICMPV6}[flow.protocol]
    # An ICMP error about it (the port is closed when the echo comes back) is the kernel's packet, not the flow's.
    return any(flow.token in frame.data and frame.protocol == kind and frame.icmp_type in (-1, 8, 128) for frame in frames)


def disagreement(flow, answer, places, system, primary, result):
    """Why what happened is not what explain says; None where it is. `places`: names of the interfaces by which it left;
    `system`: the interface by which the main table sends it, or None."""
    verdict = answer["verdict"]
    if flow.port == 53 and flow.protocol in ("tcp", "udp") and not places and result == 0:
        return None  # the agent's forwarder has it; what becomes of it the scenarios of names try
    tunnel = next((link for link, name in TUNNELS.items() if answer.get("tunnel", "").startswith(name)), "tun0")
    physical = {access.link for access in (world.WIFI, world.CELLULAR)}
    if verdict in ("drop", "proxy"):
        if places:
            return f"left by {places}"
        if flow.protocol == "tcp" and not flow.scope and result == 0 and answer["rule"] in ("S5.f", "S6.b"):
            return None  # it waits for the tunnel, which the lab's device-wide VPNs start on demand
        return None if result in REFUSALS else f"dropped without an error ({result})"
    if flow.scope and not places:  # what the app bound to an interface by which it may not leave does not leave
        return None if result in REFUSALS else f"bound to {flow.scope}, left by nothing, without an error ({result})"
    if verdict == "tunnel" and flow.remote.startswith("ff") and not places:
        return None if result in REFUSALS else f"multicast left by nothing, without an error ({result})"  # docs/known-issues.md
    if verdict == "tunnel":
        return None if places == {tunnel} else f"left by {places or 'nothing'} ({errno.errorcode.get(result, result)}), not by {tunnel}"
    if verdict == "system":
        if flow.scope:
            return None if places == {flow.scope} else f"left by {places}, bound to {flow.scope}"
        return None if places == ({system} if system else set()) else f"left by {places or 'nothing'} ({errno.errorcode.get(result, result)}), not by {system}"
    if answer["rule"] in ("S1.a", "S1.b", "S1.c", "S5.c") or _local(flow.remote):
        return None if places and places <= physical else f"left by {places or 'nothing'} ({errno.errorcode.get(result, result)}), not off the tunnel"
    return None if places == {primary} else f"left by {places or 'nothing'} ({errno.errorcode.get(result, result)}), not by {primary}"


def _local(remote):
    return remote.startswith(("192.168.1.", "10.64.0.", "224.", "239.", "255.", "169.254.", "ff"))


def seeded(seed):
    return random.Random(seed)
