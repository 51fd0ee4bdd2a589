"""Proxies of Debian's, at the VPN's gateway: danted (SOCKS5, TCP and UDP), microsocks (SOCKS5 with a password, TCP alone) and
tinyproxy (HTTP CONNECT). danted is not installed, for that starts a service of it: `./dev` unpacks its package."""

import contextlib
import select
import socket
import ssl
import subprocess
import threading
from pathlib import Path

from tests.lab import kernel, process
from tests.lab import world as places
from tests.lab.netns import stop
from tests.lab.strongswan import wait_for

DANTED = Path(__file__).parents[2] / "build/lab/danted/usr/sbin/danted"
USER, PASSWORD = "alice", "correct horse"
PORTS = {"danted": 1080, "microsocks": 1080, "tinyproxy": 8080}
SECURE_PORT = 8443


class Proxy:
    """`hosts`: {name: address} as the proxy knows them."""

    def __init__(self, place, program, hosts=None, password=False):
        self.place, self.program, self.port, self._password = place, program, PORTS[program], password
        self.folder = place.folder / program
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        self._hosts = self.folder / "hosts"
        self._hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in (hosts or {}).items()))
        self._log, self._process = self.folder / "log", None

    def _command(self):
        if self.program == "microsocks":
            login = ["-u", USER, "-P", PASSWORD] if self._password else []
            return ["microsocks", "-i", places.GATEWAY, "-p", str(self.port), *login]
        settings = self.folder / "conf"
        if self.program == "tinyproxy":
            login = f"BasicAuth {USER} {PASSWORD.replace(' ', '')}\n" if self._password else ""
            settings.write_text(f"Port {self.port}\nListen {places.GATEWAY}\nTimeout 600\nMaxClients 100\nLogLevel Connect\n{login}")
            return ["tinyproxy", "-d", "-c", settings]
        settings.write_text(f"""logoutput: {self._log}
internal: {places.GATEWAY} port = {self.port}
external: wan0
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{
  from: 0/0 to: 0/0
  log: error
}}
socks pass {{
  from: 0/0 to: 0/0
  command: connect udpassociate
  log: error connect
}}
socks pass {{
  from: 0/0 to: 0/0
  command: udpreply
  log: error
}}
""")
        return [DANTED, "-f", settings]

    def start(self):
        log = self._log.open("a")
        self._process = self.place.gateway.start(list(map(str, self._command())), stdout=log, stderr=subprocess.STDOUT, preexec_fn=self._enter)
        log.close()
        wait_for(lambda: f":{self.port} " in self.place.gateway.run(["ss", "-Hltn"]), lambda: f"{self.program} does not listen: {self.log()}", 10)
        return self

    def _enter(self):
        kernel.private_mounts()
        kernel.mount(self._hosts, "/etc/hosts", flags=kernel.MS_BIND)
        process.join(self.place.outside)

    def log(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def stop(self):
        stop(self._process)


def secured(channel, to, certificate, key, devices):
    """TLS before a proxy, at the gateway's address; what is said within goes to port `to`. Heard is who has a certificate of the authority `devices`.
    Sends "ready"."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(devices)
    listener = socket.create_server((places.GATEWAY, SECURE_PORT), backlog=64)
    channel.send("ready")
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_secure_one, args=(context, client, to), daemon=True).start()


def _secure_one(context, client, to):
    client.settimeout(5)
    with contextlib.suppress(OSError), client, context.wrap_socket(client, server_side=True) as near, socket.create_connection((places.GATEWAY, to), 5) as far:
        _carry(near, far)


def _carry(near, far):
    """Both ways, and each half's end. What one side does not take is not read from the other."""
    near.setblocking(False)
    far.setblocking(False)
    pipes = [[near, far, b"", False], [far, near, b"", False]]  # from, to, what waits, ended
    while not all(ended and not waiting for _, _, waiting, ended in pipes):
        for pipe in pipes:
            source, sink, waiting, ended = pipe
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                if waiting:
                    pipe[2] = waiting[sink.send(waiting):]
                elif not ended:
                    pipe[2] = source.recv(65536)
                    pipe[3] = not pipe[2]
                    if pipe[3] and sink is far:
                        far.shutdown(socket.SHUT_WR)
        if not near.pending():
            reading = [source for source, _, waiting, ended in pipes if not waiting and not ended]
            select.select(reading, [sink for _, sink, waiting, _ in pipes if waiting], [], 5)
    with contextlib.suppress(ssl.SSLWantReadError):
        near.unwrap()
