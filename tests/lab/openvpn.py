"""OpenVPN's gateway."""

import shutil
import subprocess

from tests.lab import process, strongswan
from tests.lab import world as places
from tests.lab.netns import stop
from tests.lab.strongswan import wait_for

PORT = 1194


class Gateway:
    """A server that gives the one client its addresses. It knows him by his certificate, or by user and password; `check` is the
    shell's condition for these."""

    def __init__(self, place, authority, protocol="udp", password=False, check=f'[ "$password" = "{strongswan.PASSWORD}" ]'):
        self.place, self.folder = place, place.folder / "openvpn"
        (self.folder / "clients").mkdir(parents=True, exist_ok=True)
        identity = authority.issue(strongswan.GATEWAY_NAME)
        (self.folder / "clients/DEFAULT").write_text(
            f"ifconfig-push {places.TUNNEL} 255.255.255.0\nifconfig-ipv6-push {places.TUNNEL6}/64 {places.INSIDE6}\n")
        script = self.folder / "check"
        script.write_text(f'#!/bin/sh\n[ "$username" = "{strongswan.USER}" ] || exit 1\n{check}\n')
        script.chmod(0o755)
        login = (f"script-security 3\nauth-user-pass-verify {script} via-env\nverify-client-cert none\n" if password else "remote-cert-tls client\n")
        self.log, self.settings = self.folder / "log", self.folder / "server.conf"
        self.settings.write_text(f"""mode server
tls-server
dev tun0
topology subnet
disable-dco
proto {protocol}{"-server" if protocol == "tcp" else ""}
port {PORT}
ca {authority.certificate}
cert {identity.certificate}
key {identity.key}
dh none
ifconfig {places.INSIDE} 255.255.255.0
ifconfig-ipv6 {places.INSIDE6}/64 {places.TUNNEL6}
client-config-dir {self.folder / "clients"}
keepalive 2 10
push "topology subnet"
push "route 198.51.100.0 255.255.255.0 {places.INSIDE}"
push "dhcp-option DNS {places.INSIDE}"
{login}log {self.log}
""")
        self._process = None

    def start(self):
        self._process = self.place.gateway.start(["openvpn", "--config", str(self.settings)], stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL, preexec_fn=lambda: process.join(self.place.outside))
        wait_for(lambda: "Initialization Sequence Completed" in self.text(), "OpenVPN's gateway")
        return self

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self):
        stop(self._process)

    def kill(self):
        self._process.kill()
        self._process.wait()


def available():
    return None if shutil.which("openvpn") else "openvpn is not installed"
