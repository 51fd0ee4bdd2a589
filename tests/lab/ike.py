"""The agent with strongSwan as its provider: an always-on or IKEv2 profile, charon on both sides."""

from tests.lab import certificates, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.frames import UDP
from tests.lab.process import Helper
from tests.lab.stage import ask
from tests.lab.strongswan import wait_for


OUTER = [(world.GATEWAY, UDP, 500), (world.GATEWAY, UDP, 4500)]  # what of the tunnel is on the wires


class IkeStage:
    def __init__(self, place, profile=None, tunnel_name=profiles.ALWAYS_ON_TUNNEL, **options):
        self.place, self.tunnel_name = place, tunnel_name
        self.authority = certificates.Authority(place.folder / "ca")
        self.identity = self.authority.issue(strongswan.DEVICE_NAME)
        profile = profile or profiles.always_on(self.identity, self.authority)
        self.policy = profiles.compile_policy(place.build / "bin/vpnprofile", place.folder / "policies", profile, serial=1)
        self.agent = Agent(place, place.build, self.policy, **options)
        self.gateway = None
        self._apps = {}

    def start_gateway(self):
        self.gateway = strongswan.gateway(self.place, self.authority)

    def start(self):
        self.agent.start()
        return self

    def status(self):
        tunnels = self.agent.request("status")["tunnels"]
        return next(entry["status"] for entry in tunnels if entry["id"] == self.tunnel_name)

    def wait(self, status, seconds=15):
        return wait_for(lambda: self.status() == status, f"status {status}; the agent's log: {self.agent.log()[-2500:]}", seconds)

    def wait_not(self, status, seconds=15):
        return wait_for(lambda: self.status() != status, f"another status than {status}; the agent's log: {self.agent.log()[-2500:]}", seconds)

    def app(self, name):
        if name not in self._apps:
            self._apps[name] = Helper(namespace=self.place.device, cgroup=self.place.app_cgroup(name))
        return self._apps[name]

    def ask(self, app, server, **how):
        return self.app(app).call(ask, server, how)
