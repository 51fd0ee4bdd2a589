"""End to end: WireGuard from a profile's WgQuickConfig; the agent makes the interface, wireguard-go or the kernel serves it."""

from tests.lab import life, profiles, wireguard, world
from tests.lab.agent import Agent
from tests.lab.frames import UDP
from tests.lab.scenario import scenario
from tests.lab.stage import Base
from tests.lab.strongswan import wait_for

OUTER = [(world.GATEWAY, UDP, wireguard.PORT)]


class WireguardStage(Base):
    """An include-all VPN that is always wanted: what the payload of a guard looks like."""

    on_demand = True

    def __init__(self, place):
        super().__init__(place, profiles.DEVICE_WIDE)
        self.near, self.gateway = wireguard.Keys(), wireguard.kind()(place.gateway, "wg0", place.outside)
        self.policy = self.compile(profiles.wireguard(self.near.private, self.gateway.keys.public))
        self.agent = Agent(place, place.build, self.policy)

    def start_gateway(self):
        wireguard.serve(self.gateway, self.near.public)


@scenario("WireGuard from a profile: lockdown before, through the tunnel after", needs=wireguard.available, machine=True)
def connect(place):
    tally, stage = life.connects(WireguardStage, place, OUTER, "connecting, connected")
    stage.agent.request("disconnect", tunnel=profiles.DEVICE_WIDE)
    stage.wait_not("connected")
    wait_for(lambda: "wg-" not in place.device.run(["ip", "-o", "link"]), "its interface to go", 5)
    return tally


@scenario("WireGuard: wireguard-go killed, Wi-Fi to cellular and back, agent killed, under load", needs=wireguard.available, long=True)
def under_load(place):
    acts = [("wireguard-go killed", life.kill("wireguard-go")), ("roam", life.roam), ("agent killed", life.agent_killed)]
    return life.lives(WireguardStage, place, OUTER, acts)
