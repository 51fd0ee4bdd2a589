"""WireGuard by wireguard-go, or by the kernel: a gateway, and a client of its own beside the agent's."""

import os
import shutil
import subprocess

from tests.lab import kernel, process
from tests.lab import world as places
from tests.lab.strongswan import wait_for

PORT = 51820
MARK = 0xCA6C  # of the outer packets


class Keys:
    def __init__(self):
        self.private = subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout.strip()
        self.public = subprocess.run(["wg", "pubkey"], input=self.private, capture_output=True, text=True, check=True).stdout.strip()


class Peer:
    """One end. `wg` speaks to it in its own mounts, for its control socket has a fixed place."""

    def __init__(self, place, link, cgroup):
        self.place, self.link, self._cgroup, self._process = place, link, cgroup, None
        self.keys = Keys()

    def start(self, configuration, address, address6):
        self._make()
        self._wg("setconf", self.link, "/dev/stdin", text=f"[Interface]\nPrivateKey = {self.keys.private}\n{configuration}")
        self.place.ip(f"addr add {address} dev {self.link}", f"addr add {address6} dev {self.link} nodad", f"link set {self.link} mtu 1420 up")

    def _make(self):
        self._process = self.place.start(["wireguard-go", "--foreground", self.link], preexec_fn=self._enter,
                                         env=dict(os.environ, LOG_LEVEL="silent"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self._wg("show", self.link, check=False).returncode == 0, f"wireguard-go in {self.place.label}")

    def _enter(self):
        kernel.private_mounts()
        kernel.mount("tmpfs", "/run", "tmpfs")
        if self._cgroup:
            process.join(self._cgroup)

    def _wg(self, *arguments, text=None, check=True):
        enter = ["nsenter", "--target", str(self._process.pid), "--mount", "--net", "wg", *arguments]
        done = subprocess.run(enter, input=text, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"wg {' '.join(arguments)}: {done.stderr}")
        return done


class KernelPeer(Peer):
    def _make(self):
        self.place.ip(f"link add {self.link} type wireguard")

    def _wg(self, *arguments, text=None, check=True):
        return self.place.run(["wg", *arguments], text=text, check=check)


def serve(gateway, client):
    """Starts the gateway for a client with this public key."""
    gateway.start(f"ListenPort = {PORT}\n[Peer]\nPublicKey = {client}\nAllowedIPs = {places.TUNNEL}/32, {places.TUNNEL6}/128\n",
                  f"{places.INSIDE}/24", f"{places.INSIDE6}/64")


def pair(world, kind=Peer):
    """(device's end, gateway's end), with the tunnel up: all is behind the gateway. No routes on the device."""
    far, near = (kind(place, "wg0", world.outside) for place in (world.gateway, world.device))
    serve(far, near.keys.public)
    near.start(f"FwMark = {MARK:#x}\n[Peer]\nPublicKey = {far.keys.public}\nEndpoint = {places.GATEWAY}:{PORT}\nAllowedIPs = 0.0.0.0/0, ::/0\n",
               f"{places.TUNNEL}/32", f"{places.TUNNEL6}/128")
    return near, far


def kind():
    """The kernel's where it has one."""
    return KernelPeer if kernel.has_link_kind("wireguard") else Peer


def available():
    if shutil.which("wg") and (kernel.has_link_kind("wireguard") or shutil.which("wireguard-go")):
        return None
    return "wg, and wireguard-go or the kernel's WireGuard, are not there"
