"""End to end: VPNType IPSec (IKEv1) from a profile, charon on both sides: a group with its secret, hybrid, certificates; XAuth."""

from tests.lab import life, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.ike import OUTER, by_the_kernel
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.scenarios.questions import answer, asked
from tests.lab.stage import Base


class IpsecStage(Base):
    """A device-wide VPN that takes everything (OverridePrimary); nothing is blocked while it is down (S7, S8)."""

    def __init__(self, place, kind, **keys):
        super().__init__(place, profiles.DEVICE_WIDE)
        self._kind = kind
        self.identity = self.authority.issue(strongswan.DEVICE_NAME, rsa=True)
        self.policy = self.compile(profiles.ipsec(self.authority, self.identity, **keys))
        self.agent = Agent(place, place.build, self.policy)
        self.gateway = None

    def start_gateway(self):
        self.gateway = strongswan.gateway_v1(self.place, self.authority, self._kind)

    def wanted(self):
        self.agent.request("connect", tunnel=self.tunnel_name)


def _source(stage, place):
    place.served()
    reply, _ = stage.ask("browser", world.SERVER)
    expect(reply == b"hello", f"through the tunnel: {reply}; {stage.agent.log()[-2500:]}")
    return {peer for _, address, peer, _ in place.served() if address == world.SERVER}


def _connects(place, stage, secrets=()):
    """Beside the tunnel before, through it after, beside it again in the end."""
    tally = Tally(status="disconnected, connected")
    stage.start_gateway()
    stage.start()
    expect(_source(stage, place) == {world.WIFI.device}, "before, the server saw another source than the Wi-Fi's")
    stage.wanted()
    for number, secret in enumerate(secrets):
        asked(stage, "password", refused=number > 0)
        code, text = answer(stage, secret)
        expect(code == (0 if secret == secrets[-1] else 1), f"the answer '{secret}': {code}, {text}; {stage.agent.log()[-2500:]}")
    stage.wait("connected", 20)
    place.take()
    expect(_source(stage, place) == {world.TUNNEL}, "the server saw another source than the tunnel's")
    frames = place.take()
    tally.count(frames, life.lockdown(OUTER))
    expect(any((frame.destination, frame.protocol, frame.port) in OUTER for frame in frames), "no outer packet")
    by_the_kernel(place)
    stage.agent.request("disconnect", tunnel=stage.tunnel_name)
    stage.wait("disconnected")
    expect(_source(stage, place) == {world.WIFI.device}, "after, the server saw another source than the Wi-Fi's")
    return tally


@scenario("IPSec (IKEv1) by a group's secret, aggressive mode, XAuth with a password that is asked for", needs=strongswan.available, machine=True)
def group(place):
    stage = IpsecStage(place, "group", AuthenticationMethod="SharedSecret", SharedSecret=strongswan.SHARED_SECRET.encode(), LocalIdentifier="sales",
                       XAuthEnabled=1, XAuthName=strongswan.USER, XAuthPasswordEncryption="Prompt")
    return _connects(place, stage, ["wrong horse", strongswan.PASSWORD])


@scenario("IPSec (IKEv1), hybrid: the server by its certificate, the user by XAuth", needs=strongswan.available, machine=True)
def hybrid(place):
    stage = IpsecStage(place, "hybrid", AuthenticationMethod="SharedSecret", LocalIdentifier="sales[hybrid]",
                       XAuthEnabled=1, XAuthName=strongswan.USER, XAuthPassword=strongswan.PASSWORD)
    return _connects(place, stage)


@scenario("IPSec (IKEv1) by certificates and XAuth; a server with a certificate of another name is refused", needs=strongswan.available, machine=True)
def certificate(place):
    stage = IpsecStage(place, "certificate", AuthenticationMethod="Certificate", PayloadCertificateUUID=profiles.IDENTITY,
                       XAuthEnabled=1, XAuthName=strongswan.USER, XAuthPassword=strongswan.PASSWORD)
    tally = _connects(place, stage)
    stage.gateway.stop()
    strongswan.gateway_v1(place, stage.authority, "certificate", name="other.example.com")
    place.served()
    stage.wanted()
    strongswan.wait_for(lambda: next(t["failures"] for t in stage.agent.request("status")["tunnels"]) > 0, lambda: stage.agent.log()[-2500:], 20)
    expect(stage.status() != "connected", "it took a server with a certificate of another name")
    return tally
