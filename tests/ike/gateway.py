"""The other side: a charon with connections for each way to authenticate."""

import os
import subprocess
import time

from tests.ike import credentials, network

SETTINGS = """
charon {{
  load_modular = no
  load = random nonce openssl aes sha1 sha2 hmac mgf1 kdf gmp curve25519 drbg gcm chapoly pem pkcs1 pkcs8 x509 pubkey constraints kernel-libipsec kernel-netlink socket-default eap-identity eap-mschapv2 eap-tls vici
  install_routes = no
  routing_table = 0
  retransmit_tries = 2
  retransmit_timeout = 1.0
  retransmit_base = 1.0
  journal {{
    default = -1
  }}
  filelog {{
    stderr {{
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{folder}/gateway.vici
    }}
    kernel-libipsec {{
      allow_peer_ts = yes
    }}
  }}
}}
"""

CONNECTIONS = """
connections {{
  {name} {{
    version = 2
    proposals = aes256gcm16-prfsha384-ecp384
    pools = pool
    dpd_delay = 0s
    {extra}
    local {{
      auth = {server}
      id = {server_name}
      {certs}
    }}
    remote {{
      auth = {client}
      {remote}
    }}
    children {{
      net {{
        local_ts = {inside}
        esp_proposals = aes256gcm16-ecp384,aes256gcm16
      }}
    }}
  }}
}}
pools {{
  pool {{
    addrs = {pool}
    dns = {resolver}
  }}
}}
secrets {{
  ike-1 {{
    id-1 = {device_name}
    id-2 = {server_name}
    secret = "{shared}"
  }}
  eap-1 {{
    id = "keyid:#{user}"
    secret = "{password}"
  }}
}}
"""

KINDS = {
    "certificate": ("pubkey", "pubkey", "cacerts = ca.pem"),
    "psk": ("psk", "psk", f"id = {credentials.DEVICE_NAME}"),
    "eap": ("pubkey", "eap-mschapv2", "eap_id = %any"),
    "eap-tls": ("pubkey", "eap-tls", "cacerts = ca.pem"),
}


class Gateway:
    def __init__(self, net, folder, authority):
        self.net, self.folder = net, folder / "gateway"
        for name in ("x509", "x509ca", "private"):
            (self.folder / name).mkdir(parents=True)
        key, certificate = authority.issue(credentials.SERVER_NAME)
        (self.folder / "x509/server.pem").write_bytes(certificate.read_bytes())
        (self.folder / "private/server.pem").write_bytes(key.read_bytes())
        (self.folder / "x509ca/ca.pem").write_bytes(authority.certificate.read_bytes())
        (self.folder / "strongswan.conf").write_text(SETTINGS.format(folder=self.folder))
        self.process = None
        self.log = self.folder / "log"

    def start(self, kind, inside=f"{network.INSIDE}/32", extra=""):
        server, client, remote = KINDS[kind]
        (self.folder / "swanctl.conf").write_text(CONNECTIONS.format(
            name=kind, server=server, client=client, remote=remote, inside=inside, extra=extra, pool=network.POOL, resolver=network.RESOLVER,
            certs="certs = server.pem" if server == "pubkey" else "", server_name=credentials.SERVER_NAME,
            device_name=credentials.DEVICE_NAME, shared=credentials.SHARED_SECRET, user=credentials.USER.encode().hex(),
            password=credentials.USER_PASSWORD))
        environment = {"PATH": os.environ["PATH"], "STRONGSWAN_CONF": str(self.folder / "strongswan.conf"), "SWANCTL_DIR": str(self.folder)}
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(["charon-systemd"], env=environment, stdout=log, stderr=log,
                                            preexec_fn=self.net.inside(self.net.gateway))
        for _ in range(100):
            done = subprocess.run(["swanctl", "--load-all", "--uri", f"unix://{self.folder}/gateway.vici",
                                   "--file", self.folder / "swanctl.conf"], env=environment, capture_output=True, text=True)
            if done.returncode == 0:
                break
            time.sleep(0.05)
        else:
            raise RuntimeError(done.stdout + done.stderr)
        network.run("ip", "-n", self.net.gateway, "route", "replace", network.POOL, "dev", "ipsec0")

    def kill(self):
        """Without a word to the other side."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        (self.folder / "gateway.vici").unlink(missing_ok=True)
