"""Two namespaces with a wire: `device`, where the provider's charon runs, and `gateway`, where the other side's does."""

import atexit
import ctypes
import os
import subprocess
from pathlib import Path

PREFIX = f"vpnike{os.getpid()}"
DEVICE, GATEWAY, GATEWAY_OTHER = "192.0.2.10", "192.0.2.1", "192.0.2.2"
INSIDE = "10.77.0.1"  # behind the gateway
POOL = "10.78.0.0/24"
RESOLVER = "10.77.0.53"


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def cgroup_mount():
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[2] == "cgroup2":
            return Path(line.split()[1])
    raise RuntimeError("cgroup v2 is not mounted")


class Network:
    def __init__(self):
        self.device, self.gateway = f"{PREFIX}d", f"{PREFIX}g"
        atexit.register(self.remove)
        for name in (self.device, self.gateway):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self.wire("wlan0", DEVICE)
        run("ip", "-n", self.gateway, "addr", "add", f"{INSIDE}/32", "dev", "lo")
        self.cgroup = cgroup_mount() / PREFIX
        self.cgroup.mkdir()

    def wire(self, link, address):
        run("ip", "-n", self.device, "link", "add", link, "type", "veth", "peer", "name", "wan0", "netns", self.gateway)
        run("ip", "-n", self.device, "addr", "add", f"{address}/24", "dev", link)
        run("ip", "-n", self.device, "link", "set", link, "up")
        for own in (GATEWAY, GATEWAY_OTHER):
            run("ip", "-n", self.gateway, "addr", "add", f"{own}/24", "dev", "wan0")
        run("ip", "-n", self.gateway, "link", "set", "wan0", "up")

    def inside(self, namespace):
        """To be called between fork and exec."""
        def enter():
            with open(f"/run/netns/{namespace}", "rb") as target:
                if ctypes.CDLL(None, use_errno=True).setns(target.fileno(), 0x40000000) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
        return enter

    def remove(self):
        if (self.cgroup / "cgroup.kill").exists():
            (self.cgroup / "cgroup.kill").write_text("1")
        for name in (self.device, self.gateway):
            for process in run("ip", "netns", "pids", name, check=False).split():
                run("kill", "-9", process, check=False)
            run("ip", "netns", "delete", name, check=False)
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            for _ in range(200):
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    os.sched_yield()
                    run("sleep", "0.01")
