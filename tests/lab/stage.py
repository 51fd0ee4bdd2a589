"""What most scenarios start from: a policy from XML, the agent, a tunnel and its client."""

import socket
import time

from tests.lab import certificates, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.frames import Lockdown
from tests.lab.process import Helper
from tests.lab.strongswan import wait_for
from tests.lab.tunnel import Tunnel

PROVIDER_PORT = 51820


class Stage:
    def __init__(self, place, profile=None, tunnel_name=profiles.ALWAYS_ON_TUNNEL, apps=None, **options):
        self.place, self.tunnel_name = place, tunnel_name
        self.tunnel = place.tunnel = Tunnel(place)
        self.authority = certificates.Authority(place.folder / "ca")
        self.identity = self.authority.issue(strongswan.DEVICE_NAME)
        self._serial = 0
        self.policy = self.compile(profile, apps=apps)
        self.agent = Agent(place, place.build, self.policy, tunnels={tunnel_name: {}}, **options)
        self.client = None
        self._apps = {}

    def compile(self, profile=None, name="lab", apps=None):
        """A policy with the next serial; always-on where no profile is given."""
        self._serial += 1
        profile = profile or profiles.always_on(self.identity, self.authority)
        return profiles.compile_policy(self.place.build / "bin/vpnprofile", self.place.folder / "policies", profile, f"{name}-{self._serial}",
                                       serial=self._serial, apps=apps)

    def start(self):
        self.agent.start()
        return self

    def connect(self, **settings):
        """The client says that its tunnel is up; returns when the agent says so too."""
        if self.client is None:
            self.client = self.agent.client(self.tunnel_name)
        self.client.report("connected", **settings)
        self.wait("connected")
        return self

    def say(self, status, **settings):
        self.client.report(status, **settings)
        self.wait(status)

    def wait(self, status, seconds=10):
        return wait_for(lambda: self.status() == status, f"status {status}, it is {self.status()}; the agent's log: {self.agent.log()[-1500:]}", seconds)

    def status(self):
        tunnels = self.agent.request("status")["tunnels"]
        return next(entry["status"] for entry in tunnels if entry["id"] == self.tunnel_name)

    def app(self, name, uid=None):
        """A process of an app in the device, to which functions are handed."""
        key = (name, uid)
        if key not in self._apps:
            self._apps[key] = Helper(namespace=self.place.device, cgroup=self.place.app_cgroup(name), uid=uid)
        return self._apps[key]

    def ask(self, app, server, **how):
        return self.app(app).call(ask, server, how)

    def restart(self):
        """The agent again, after it was killed; and its client, who has to introduce himself anew."""
        self.agent.start()
        if self.client:
            self.client.close()
            self.client = self.agent.client(self.tunnel_name)


def ask(server, how):
    """In an app: asks an echo server once. (what came back or the error's number, seconds)."""
    kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[how.get("protocol", "tcp")]
    start = time.monotonic()
    try:
        with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind) as s:
            s.settimeout(how.get("seconds", 2))
            s.connect((server, how.get("port", 7)))
            s.send(b"hello")
            return s.recv(5), time.monotonic() - start
    except TimeoutError:
        return "timeout", time.monotonic() - start
    except OSError as error:
        return error.errno, time.monotonic() - start


def lockdown(**more):
    return Lockdown(tunnel_addresses=[world.TUNNEL, world.TUNNEL6], **more)
