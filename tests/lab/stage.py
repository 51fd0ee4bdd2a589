"""What most scenarios start from: a policy from XML, the agent, a tunnel and its client."""

import errno
import socket
import time

from tests.lab import certificates, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.frames import Lockdown
from tests.lab.process import Helper
from tests.lab.strongswan import wait_for
from tests.lab.tunnel import Tunnel

REFUSED = {errno.EPERM, errno.ENETUNREACH}


class Base:
    """An agent that guards a device, and the device's apps."""

    on_demand = False  # the tunnel is started on demand: connections wait for it

    def __init__(self, place, tunnel_name, apps=None):
        self.place, self.tunnel_name = place, tunnel_name
        self.authority = certificates.Authority(place.folder / "ca")
        self.identity = self.authority.issue(strongswan.DEVICE_NAME)
        self.agent = None
        self._app_map, self._serial, self._apps = apps, 0, {}

    def compile(self, profile=None, name="lab", apps=None):
        """A policy with the next serial; always-on where no profile is given."""
        self._serial += 1
        profile = profile or profiles.always_on(self.identity, self.authority)
        return profiles.compile_policy(self.place.build / "bin/vpnprofile", self.place.folder / "policies", profile, f"{name}-{self._serial}",
                                       serial=self._serial, apps=apps or self._app_map)

    def start(self):
        self.agent.start()
        return self

    def status(self):
        tunnels = self.agent.request("status")["tunnels"]
        return next(entry["status"] for entry in tunnels if entry["id"] == self.tunnel_name)

    def wait(self, status, seconds=10):
        return wait_for(lambda: self.status() == status, lambda: f"status {status}, it is {self._told()}", seconds)

    def wait_not(self, status, seconds=10):
        return wait_for(lambda: self.status() != status, lambda: f"another status than {self._told()}", seconds)

    def _told(self):
        return f"{self.status()}; the agent's log: {self.agent.log()[-2500:]}"

    def app(self, name, uid=None):
        """A process of an app in the device, to which functions are handed."""
        key = (name, uid)
        if key not in self._apps:
            self._apps[key] = Helper(namespace=self.place.device, cgroup=self.place.app_cgroup(name), uid=uid)
        return self._apps[key]

    def ask(self, app, server, **how):
        return self.app(app).call(ask, server, how)


class Stage(Base):
    """With a tunnel that a client of the lab brings up."""

    def __init__(self, place, profile=None, tunnel_name=profiles.ALWAYS_ON_TUNNEL, apps=None, **options):
        super().__init__(place, tunnel_name, apps)
        self.tunnel = place.tunnel = Tunnel(place)
        self.policy = self.compile(profile)
        self.agent = Agent(place, place.build, self.policy, tunnels={tunnel_name: {}}, **options)
        self.client = None

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

    def new_client(self):
        """After the agent or the client was killed: a client has to introduce himself anew."""
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
