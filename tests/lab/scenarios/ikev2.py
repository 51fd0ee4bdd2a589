"""End to end: an always-on profile compiled from XML, charon on both sides, the agent between them."""

from tests.lab import life, strongswan
from tests.lab.ike import OUTER, IkeStage, by_the_kernel
from tests.lab.scenario import expect, scenario


@scenario("IKEv2 always-on: lockdown before, through the tunnel after", needs=strongswan.available, machine=True)
def connect(place):
    tally, _ = life.connects(IkeStage, place, OUTER, "disconnected, connected")
    by_the_kernel(place)
    return tally


@scenario("IKEv2 always-on: gateway gone, charon killed, Wi-Fi to cellular and back, agent killed, under load", needs=strongswan.available, full_rounds=20, batch=4, long=True)
def under_load(place):
    acts = [("gateway stopped", _gateway_stopped), ("charon killed", _charon_killed), ("roam", life.roam),
            ("agent killed", life.agent_killed)]
    if place.full:
        acts.append(("gateway killed", _gateway_killed))
    return life.lives(IkeStage, place, OUTER, acts)


def _charon_killed(stage, place):
    """The next one is in the same cgroup: whose it is is known before its first socket."""
    (folder,) = [path for path in place.cgroup.rglob("ike-*") if path.is_dir()]
    before = folder.stat().st_ino
    life.kill("charon-systemd")(stage, place)
    expect(folder.exists() and folder.stat().st_ino == before, "the cgroup of charon is another one than before")


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
