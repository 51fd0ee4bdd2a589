"""Two always-on tunnels at once, one for each type of interface: both are up, and the one of the primary's type carries (S3.d)."""

import time

from tests.lab import life, profiles, strongswan, world
from tests.lab.frames import ESP
from tests.lab.ike import OUTER, IkeStage, by_the_kernel
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.strongswan import wait_for

WIFI_TUNNEL, CELLULAR_TUNNEL = f"{profiles.ALWAYS_ON}#0", f"{profiles.ALWAYS_ON}#1"


def _statuses(stage):
    return {entry["id"]: entry["status"] for entry in stage.agent.request("status")["tunnels"]}


def _source(stage, place, what):
    """The tunnel's address that the server saw."""
    place.served()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"{what}: {answer}; {_statuses(stage)}; {stage.agent.log()[-2500:]}")
    (peer,) = {peer for _, address, peer, _ in place.served() if address == world.SERVER}
    expect(peer.startswith("10.99.0."), f"{what}: the server saw {peer}")
    return peer


def _carries(stage, place, source):
    """Whether it is this tunnel that carries now. What is under way while another one takes over is reset."""
    place.served()
    answer, _ = stage.ask("browser", world.SERVER)
    return answer == b"hello" and source in {peer for _, address, peer, _ in place.served() if address == world.SERVER}


def _outer_by(place, access, title):
    """How much ESP, of the kernel or in UDP (RFC 3948), left by a link, on which all has that link's own address."""
    frames = [frame for frame in place.captures[access.link].take() if frame.destination == world.GATEWAY]
    wrong = [str(frame) for frame in frames if frame.source != access.device]
    expect(not wrong, f"{title}: from another address by {access.link}: {wrong[:3]}")
    return sum(frame.protocol == ESP or frame.port == 4500 and len(frame.payload) > 8 and frame.payload[:4] != bytes(4) for frame in frames)


def _leaves_by_wifi_only(stage, place, source):
    place.take()
    expect(_source(stage, place, "both up") == source, "now the other tunnel carries")
    expect(_outer_by(place, world.WIFI, "both up") > 0, "nothing of it left by Wi-Fi")
    return _outer_by(place, world.CELLULAR, "both up") == 0


@scenario("always-on with a tunnel for Wi-Fi and one for cellular: both are up, the primary's carries, a roam waits for nothing",
          needs=strongswan.available, machine=True)
def two_tunnels(place):
    tally = Tally(control_leaked=life.control(place), status="connected")
    stage = IkeStage(place, profiles.always_on_pair, WIFI_TUNNEL)
    stage.start_gateway()
    stage.start()
    wait_for(lambda: set(_statuses(stage).values()) == {"connected"}, lambda: f"both tunnels: {_statuses(stage)}; {stage.agent.log()[-2500:]}", 30)
    daemons = {path.name for path in place.cgroup.rglob("ike-*") if path.is_dir()}
    expect(len(daemons) == 2, f"daemons: {daemons}")
    by_the_kernel(place, 2)
    first = _source(stage, place, "both up")
    # The kernel itself says something by each new interface (MLD, within a second), which is in its tunnel then.
    wait_for(lambda: _leaves_by_wifi_only(stage, place, first), "an exchange of which nothing is in the other tunnel", 10)
    place.down(world.WIFI)
    start = time.monotonic()
    wait_for(lambda: stage.ask("browser", world.SERVER, seconds=0.3)[0] == b"hello", lambda: f"traffic by cellular: {_statuses(stage)}; {stage.agent.log()[-2500:]}")
    tally.note = f"back {(time.monotonic() - start) * 1000:.0f} ms after Wi-Fi was gone"
    second = _source(stage, place, "without Wi-Fi")
    expect(second != first, "the same tunnel still carries")
    expect(_statuses(stage)[CELLULAR_TUNNEL] == "connected", f"{_statuses(stage)}")
    place.up(world.WIFI)
    wait_for(lambda: set(_statuses(stage).values()) == {"connected"}, lambda: f"both tunnels again: {_statuses(stage)}; {stage.agent.log()[-2500:]}", 30)
    wait_for(lambda: _carries(stage, place, first), lambda: f"traffic by Wi-Fi's tunnel again: {_statuses(stage)}; {stage.agent.log()[-2500:]}")
    tally.count(place.take(), life.lockdown(OUTER))
    return tally
