"""strongSwan in namespaces: charon on the gateway and on the device, each with its own configuration, sockets and pid files."""

import os
import subprocess
import time
from pathlib import Path

from tests.lab import kernel, process
from tests.lab import world as places
from tests.lab.netns import stop

CHARON = "/usr/lib/ipsec/charon"
GATEWAY_NAME, DEVICE_NAME = "vpn.example.com", "device-0001.example.com"
SOCKET_MARK = 0x42  # on what charon sends itself: table 220 is for all the rest
USER, PASSWORD = "alice", "correct horse"
SHARED_SECRET = "lab shared secret"
_PLUGINS = ("random nonce x509 revocation constraints pubkey pkcs1 pkcs8 pkcs12 pem openssl gcm kdf hmac sha1 sha2 aes md4 md5 "
            "eap-identity eap-mschapv2 xauth-generic {kernel} kernel-netlink socket-default vici updown")


def kernel_esp():
    """Whether the kernel transforms ESP itself; else kernel-libipsec does, in user space, with a TUN device."""
    return Path("/sys/module/esp4").exists() or bool(kernel.configured("INET_ESP"))


class Charon:
    """One daemon. Kept apart from all others: mounts of its own, with an empty /run."""

    def __init__(self, place, folder, cgroup=None, install_routes=True):
        self.place, self.folder = place, folder / f"charon-{place.label}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.vici = self.folder / "vici"
        self.log = self.folder / "log"
        self._cgroup, self._process = cgroup, None
        settings = self.folder / "strongswan.conf"
        settings.write_text(f"""charon {{
  load = {_PLUGINS.format(kernel="" if kernel_esp() else "kernel-libipsec")}
  install_routes = {"yes" if install_routes else "no"}
  retransmit_tries = 3
  retransmit_timeout = 1
  half_open_timeout = 5
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{
    vici {{ socket = unix://{self.vici} }}
    socket-default {{ fwmark = {SOCKET_MARK:#x} }}
    kernel-netlink {{ fwmark = !{SOCKET_MARK:#x} }}
  }}
  filelog {{ lab {{ path = {self.log}
      default = 1
      ike = 2
      flush_line = yes }} }}
}}
""")
        self._environment = dict(os.environ, STRONGSWAN_CONF=str(settings), SWANCTL_DIR=str(self.folder / "swanctl"))

    def start(self):
        self._process = self.place.start([CHARON], env=self._environment, preexec_fn=self._enter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.vici.exists() and self._ready(), lambda: f"charon in {self.place.label}; its log: {self._said()}", 90)
        return self

    def _said(self):
        done = self._swanctl("--stats", check=False)
        log = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else f"none; it has ended with {self._process.poll()}"
        return f"{log}; swanctl: {done.returncode} {done.stdout}{done.stderr}"

    def _enter(self):
        kernel.private_mounts()
        kernel.mount("tmpfs", "/run", "tmpfs")
        if self._cgroup:
            process.join(self._cgroup)

    def _ready(self):
        return self._swanctl("--stats", check=False).returncode == 0

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        """As a crash would."""
        self._process.kill()
        self._process.wait()
        self.vici.unlink(missing_ok=True)

    def stop(self):
        stop(self._process)

    def _swanctl(self, *arguments, check=True):
        with self.place.inside():
            done = subprocess.run(["swanctl", *arguments, "--uri", f"unix://{self.vici}"], env=self._environment, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"swanctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def load(self, configuration, authority, *identities):
        """Connections and secrets in swanctl's language."""
        folder = self.folder / "swanctl"
        for name in ("x509", "x509ca", "private"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "x509ca/ca.pem").write_bytes(authority.certificate.read_bytes())
        for identity in identities:
            (folder / f"x509/{identity.name}.pem").write_bytes(identity.certificate.read_bytes())
            (folder / f"private/{identity.name}.key").write_bytes(identity.key.read_bytes())
        (folder / "swanctl.conf").write_text(configuration)
        self._swanctl("--load-all", "--noprompt")

    def initiate(self, child):
        self._swanctl("--initiate", "--child", child, "--timeout", "10")

    def terminate(self, connection):
        self._swanctl("--terminate", "--ike", connection, check=False)

    def associations(self):
        return self._swanctl("--list-sas").stdout


def gateway(world, authority):
    """The VPN gateway: certificates, a shared secret or EAP; virtual addresses; everything is behind it."""
    identity = authority.issue(GATEWAY_NAME)
    charon = Charon(world.gateway, world.folder, cgroup=world.outside)
    charon.start()
    remote = {"certificate": "auth = pubkey", "secret": "auth = psk", "eap": "auth = eap-mschapv2\n      eap_id = %any"}
    connections = "".join(f"""
  {name} {{
    version = 2
    local_addrs = {places.GATEWAY}, {places.GATEWAY6}
    pools = v4, v6
    dpd_delay = 2s
    proposals = aes256gcm16-prfsha384-ecp384, aes256gcm16-prfsha256-ecp256, aes256-sha256-ecp256, aes256-sha256-modp2048, default
    send_cert = always
    local {{ auth = {"psk" if name == "secret" else "pubkey"}
      id = {GATEWAY_NAME}
      {"" if name == "secret" else f"certs = {GATEWAY_NAME}.pem"} }}
    remote {{
      {asked} }}
    children {{ all {{ local_ts = 0.0.0.0/0, ::/0
        esp_proposals = aes256gcm16-ecp384, aes256gcm16-ecp256, aes256gcm16, aes256-sha256-ecp256, aes256-sha256, default }} }}
  }}""" for name, asked in remote.items())
    charon.load(f"""connections {{{connections} }}
pools {{
  v4 {{ addrs = 10.99.0.2-10.99.0.250 }}
  v6 {{ addrs = fd00:99::2-fd00:99::fa }}
}}
secrets {{
  ike-lab {{ secret = "{SHARED_SECRET}" }}
  eap-lab {{ id = {USER}
    secret = "{PASSWORD}" }}
}}
""", authority, identity)
    return charon


def gateway_v1(world, authority, kind, name=GATEWAY_NAME):
    """The gateway for IKEv1: `group` (a secret for the group "sales", aggressive mode), `hybrid` or `certificate`, each with XAuth."""
    identity = authority.issue(name, places.GATEWAY if name == GATEWAY_NAME else None, rsa=True)
    charon = Charon(world.gateway, world.folder, cgroup=world.outside)
    charon.start()
    own = f"auth = pubkey\n      certs = {name}.pem\n      id = {places.GATEWAY if name == GATEWAY_NAME else name}"
    local, remote = {"group": (f"auth = psk\n      id = {name}", "auth = psk\n      id = keyid:sales"),
                     "hybrid": (own, None), "certificate": (own, "auth = pubkey")}[kind]
    rounds = f"remote-1 {{ {remote} }}\n    remote-2 {{ auth = xauth }}" if remote else "remote { auth = xauth }"
    charon.load(f"""connections {{
  old {{
    version = 1
    aggressive = {"yes" if kind == "group" else "no"}
    local_addrs = {places.GATEWAY}
    pools = v4
    dpd_delay = 2s
    proposals = aes256-sha256-modp2048
    send_cert = always
    local {{ {local} }}
    {rounds}
    children {{ all {{ local_ts = 0.0.0.0/0
        esp_proposals = aes256-sha256 }} }}
  }}
}}
pools {{ v4 {{ addrs = 10.99.0.2-10.99.0.250 }} }}
secrets {{
  ike-lab {{ secret = "{SHARED_SECRET}" }}
  xauth-lab {{ id = {USER}
    secret = "{PASSWORD}" }}
}}
""", authority, identity)
    return charon


def device(world, cgroup=None):
    """charon on the device, without a connection: the agent's provider brings them by `vici`. Nothing of its routes is
    trusted, so it installs none."""
    return Charon(world.device, world.folder, cgroup=cgroup or world.outside, install_routes=False)


def plain_device(world, authority):
    """charon on the device with a connection of its own, as without the agent. A child SA "all"."""
    identity = authority.issue(DEVICE_NAME)
    charon = Charon(world.device, world.folder, cgroup=world.outside)
    charon.start()
    charon.load(f"""connections {{
  lab {{
    version = 2
    remote_addrs = {places.GATEWAY}
    vips = 0.0.0.0, ::
    local {{ auth = pubkey
      certs = {DEVICE_NAME}.pem
      id = {DEVICE_NAME} }}
    remote {{ auth = pubkey
      id = {GATEWAY_NAME} }}
    children {{ all {{ remote_ts = 0.0.0.0/0, ::/0
        start_action = none }} }}
  }}
}}
""", authority, identity)
    return charon


def wait_for(condition, what, seconds=10.0):
    """Polls until a condition holds; how long it took. `what` was waited for: text, or a function that says it when it is too late."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.01)
    return time.monotonic() - start


def available():
    """A reason why this cannot run, or None."""
    return None if Path(CHARON).exists() else "strongSwan is not installed"
