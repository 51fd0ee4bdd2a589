"""End to end: an always-on profile compiled from XML, charon on both sides, the agent between them."""

from tests.lab import life, strongswan
from tests.lab.ike import OUTER, IkeStage
from tests.lab.scenario import scenario


@scenario("IKEv2 always-on: lockdown before, through the tunnel after", needs=strongswan.available)
def connect(place):
    tally, _ = life.connects(IkeStage, place, OUTER, "disconnected, connected")
    return tally


@scenario("IKEv2 always-on: gateway gone, charon killed, Wi-Fi to cellular and back, agent killed, under load", needs=strongswan.available, full_rounds=20, batch=4, long=True)
def under_load(place):
    acts = [("gateway stopped", _gateway_stopped), ("charon killed", life.kill("charon-systemd")), ("roam", life.roam),
            ("agent killed", life.agent_killed)]
    if place.full:
        acts.append(("gateway killed", _gateway_killed))
    return life.lives(IkeStage, place, OUTER, acts)


def _gateway_stopped(stage, _place):
    """It says good-bye."""
    stage.gateway.stop()
    stage.wait_not("connected", 20)
    stage.start_gateway()


def _gateway_killed(stage, _place):
    """It does not: the profile's dead peer detection, a minute at best, has to find out."""
    stage.gateway.kill()
    stage.wait_not("connected", 150)
    stage.start_gateway()
