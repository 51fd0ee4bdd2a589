"""The agent with strongSwan as its provider: an always-on or IKEv2 profile, charon on both sides."""

from tests.lab import profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.frames import ESP, UDP
from tests.lab.scenario import expect
from tests.lab.stage import Base

OUTER = [(world.GATEWAY, UDP, 500), (world.GATEWAY, UDP, 4500), (world.GATEWAY, ESP, -1)]  # what of the tunnel is on the wires


class IkeStage(Base):
    def __init__(self, place, profile=None, tunnel_name=profiles.ALWAYS_ON_TUNNEL, **options):
        super().__init__(place, tunnel_name)
        self.policy = self.compile(profile(self.identity, self.authority) if callable(profile) else profile)
        self.agent = Agent(place, place.build, self.policy, **options)
        self.gateway = None

    def start_gateway(self):
        self.gateway = strongswan.gateway(self.place, self.authority)


def by_the_kernel(place, tunnels=1):
    """Where the kernel has ESP it is the one that encrypts: two associations for each tunnel of the device."""
    if strongswan.kernel_esp():
        states = place.device.run(["ip", "xfrm", "state"])
        expect(states.count("proto esp") == 2 * tunnels, f"associations in the kernel: {states}")
