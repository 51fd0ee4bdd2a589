"""End to end: an always-on profile compiled from XML, charon on both sides, the agent between them."""

import os
import signal
import time

from tests.lab import strongswan, world
from tests.lab.frames import UDP, Lockdown
from tests.lab.ike import OUTER, IkeStage
from tests.lab.load import Flood
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED


def _lockdown():
    return Lockdown(endpoints=OUTER, tunnel_addresses=[world.TUNNEL, world.TUNNEL6])


def _control(place):
    flood = Flood(place, "browser", world.SERVER, rate=500)
    time.sleep(0.1)
    flood.stop()
    return sum(flood.token in frame.data for frame in place.take())


def _carries(stage, place, what):
    for server, own in ((world.SERVER, world.TUNNEL), (world.SERVER6, world.TUNNEL6)):
        place.served()
        answer, _ = stage.ask("browser", server)
        expect(answer == b"hello", f"{what}: {server} through the tunnel: {answer}; {stage.agent.log()[-2000:]}")
        expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{what}: {server} saw another source")


@scenario("IKEv2 always-on: lockdown before, through the tunnel after", needs=strongswan.available)
def connect(place):
    tally = Tally(control_leaked=_control(place), status="disconnected, connected")
    stage = IkeStage(place).start()
    place.take()
    answer, took = stage.ask("browser", world.SERVER)
    expect(answer in REFUSED and took < 0.5, f"before the gateway is there: {answer} after {took:.2f} s")
    tally.count(place.take(), _lockdown())
    stage.start_gateway()
    stage.wait("connected", 30)
    _carries(stage, place, "connected")
    frames = place.take()
    expect(any(frame.port == 4500 and frame.protocol == UDP for frame in frames), "no outer packet")
    tally.count(frames, _lockdown())
    return tally


@scenario("IKEv2 always-on: gateway gone, charon killed, Wi-Fi to cellular and back, agent killed, under load", needs=strongswan.available, full_rounds=20, batch=4, long=True)
def life(place):
    tally = Tally(runs=place.rounds, control_leaked=_control(place), status="all")
    stage = IkeStage(place)
    stage.start_gateway()
    stage.start()
    stage.wait("connected", 30)
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=1000)
    acts = [("gateway stopped", _gateway_stopped), ("charon killed", _charon_killed), ("roam", _roam), ("agent killed", _agent_killed)]
    if place.full:
        acts.append(("gateway killed", _gateway_killed))
    for _ in range(place.rounds):
        for title, act in acts:
            act(stage, place)
            _back(stage, title)
            _carries(stage, place, f"after: {title}")
            tally.count(place.take(), _lockdown())
    counts = flood.stop()
    tally.count(place.take(), _lockdown())
    expect(counts["sent"] > 0, f"nothing went through the tunnel: {counts}")
    return tally


def _back(stage, title):
    try:
        stage.wait("connected", 60)
    except TimeoutError as error:
        raise AssertionError(f"after: {title}: {error}") from None


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


def _charon_killed(stage, place):
    pids = [int(pid) for pid in place.device.run(["pidof", "charon-systemd"], check=False).split()]
    own = [pid for pid in pids if _in_network(pid, place)]
    expect(own, "no charon in the device")
    for pid in own:
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)


def _in_network(pid, place):
    return os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(place.device.path).st_ino


def _roam(_stage, place):
    place.down(world.WIFI)
    time.sleep(2)
    place.up(world.WIFI)
    time.sleep(1)


def _agent_killed(stage, _place):
    stage.agent.kill()
    time.sleep(0.5)
    stage.agent.start()
