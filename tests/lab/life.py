"""What happens to a device with a real tunnel, whatever kind it is of."""

import os
import signal
import time

from tests.lab import world
from tests.lab.frames import Lockdown
from tests.lab.load import Flood
from tests.lab.scenario import Tally, expect
from tests.lab.stage import REFUSED


def lockdown(outer):
    return Lockdown(endpoints=outer, tunnel_addresses=[world.TUNNEL, world.TUNNEL6])


def control(place):
    """What leaves when nobody guards."""
    flood = Flood(place, "browser", world.SERVER, rate=500)
    time.sleep(0.1)
    flood.stop()
    return sum(flood.token in frame.data for frame in place.take())


def carries(stage, place, what):
    for server, own in ((world.SERVER, world.TUNNEL), (world.SERVER6, world.TUNNEL6)):
        place.served()
        answer, _ = stage.ask("browser", server)
        expect(answer == b"hello", f"{what}: {server} through the tunnel: {answer}; {stage.agent.log()[-2000:]}")
        expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{what}: {server} saw another source")


def connects(make, place, outer, status):
    """Nothing leaves before the tunnel is up, but its own packets to `outer`; everything goes through it after. (tally, stage)."""
    tally = Tally(control_leaked=control(place), status=status)
    stage = make(place)
    stage.start()
    place.take()
    answer, took = stage.ask("browser", world.SERVER)
    waits = stage.on_demand and answer == "timeout"  # for the tunnel
    expect(waits or (answer in REFUSED and took < 0.5), f"before the gateway is there: {answer} after {took:.2f} s")
    tally.count(place.take(), lockdown(outer))
    stage.start_gateway()
    stage.wait("connected", 30)
    carries(stage, place, "connected")
    frames = place.take()
    expect(any((frame.destination, frame.protocol, frame.port) in outer and frame.port != 500 for frame in frames), "no outer packet")
    tally.count(frames, lockdown(outer))
    return tally, stage


def lives(make, place, outer, acts):
    """Under load, after each of (title, act(stage, place)) the tunnel comes back, and nothing was ever beside it."""
    tally = Tally(runs=place.rounds, control_leaked=control(place), status="all")
    stage = make(place)
    stage.start_gateway()
    stage.start()
    stage.wait("connected", 30)
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=1000)
    for _ in range(place.rounds):
        for title, act in acts:
            act(stage, place)
            _back(stage, title)
            carries(stage, place, f"after: {title}")
            tally.count(place.take(), lockdown(outer))
    counts = flood.stop()
    tally.count(place.take(), lockdown(outer))
    expect(counts["sent"] > 0, f"nothing went through the tunnel: {counts}")
    return tally


def _back(stage, title):
    try:
        stage.wait("connected", 60)
    except TimeoutError as error:
        raise AssertionError(f"after: {title}: {error}") from None


def kill(program):
    """An act: the tunnel's daemon is killed."""

    def act(stage, place):
        own = [int(pid) for pid in place.device.run(["pidof", program], check=False).split()
               if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(place.device.path).st_ino]
        expect(own, f"no {program} in the device")
        for pid in own:
            os.kill(pid, signal.SIGKILL)
        stage.wait_not("connected")
        time.sleep(0.5)

    return act


def roam(_stage, place):
    """From Wi-Fi to cellular and back."""
    place.down(world.WIFI)
    time.sleep(2)
    place.up(world.WIFI)
    time.sleep(1)


def agent_killed(stage, _place):
    stage.agent.kill()
    time.sleep(0.5)
    stage.agent.start()
