"""End to end: OpenVPN from a profile's VendorConfig; the agent starts openvpn and gives its interface what the server assigns."""

from tests.lab import life, openvpn, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.frames import TCP, UDP
from tests.lab.scenario import expect, scenario
from tests.lab.stage import Base

PROTOCOLS = {"udp": UDP, "tcp": TCP}


class OpenvpnStage(Base):
    """An include-all VPN that is always wanted."""

    on_demand = True

    def __init__(self, place, protocol="udp", password=None):
        super().__init__(place, profiles.DEVICE_WIDE)
        profile = profiles.openvpn(self.authority, None if password else self.identity, protocol, password)
        self.policy = self.compile(profile)
        self.agent = Agent(place, place.build, self.policy)
        self._how = (protocol, password is not None)
        self.gateway = None

    @staticmethod
    def outer(protocol="udp"):
        return [(world.GATEWAY, PROTOCOLS[protocol], openvpn.PORT)]

    def start_gateway(self):
        self.gateway = openvpn.Gateway(self.place, self.authority, *self._how).start()


@scenario("OpenVPN from a profile, by certificate: lockdown before, through the tunnel after", needs=openvpn.available)
def connect(place):
    tally, stage = life.connects(OpenvpnStage, place, OpenvpnStage.outer("udp"), "connecting, connected")
    stage.agent.request("disconnect", tunnel=profiles.DEVICE_WIDE)
    stage.wait_not("connected")
    expect("ov-" not in place.device.run(["ip", "-o", "link"]), "its interface is still there")
    return tally


@scenario("OpenVPN from a profile, by password and over TCP", needs=openvpn.available)
def password(place):
    tally, stage = life.connects(lambda place: OpenvpnStage(place, "tcp", strongswan.PASSWORD), place, OpenvpnStage.outer("tcp"), "connecting, connected")
    seen = place.device.run(["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '"])
    expect(strongswan.PASSWORD not in seen and strongswan.PASSWORD not in stage.agent.log(), "the password is where others can see it")
    return tally


@scenario("OpenVPN: gateway stopped, openvpn killed, Wi-Fi to cellular and back, agent killed, under load", needs=openvpn.available, long=True)
def under_load(place):
    acts = [("gateway stopped", _gateway_stopped), ("openvpn killed", life.kill("openvpn")), ("roam", life.roam),
            ("agent killed", life.agent_killed)]
    return life.lives(OpenvpnStage, place, OpenvpnStage.outer("udp"), acts)


def _gateway_stopped(stage, _place):
    stage.gateway.stop()
    stage.wait_not("connected", 30)
    stage.start_gateway()
