"""Always-on (S3), with a tunnel that a client of the lab brings up: what happens to the device must not open a gap."""

import errno
import time

from tests.lab import world
from tests.lab.frames import Leak
from tests.lab.load import Flood, Stream
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import Stage, lockdown

REFUSED = {errno.EPERM, errno.ENETUNREACH, errno.EHOSTUNREACH}  # the last one: what routes that refuse give to datagrams
AT_ONCE = 0.5  # seconds in which a refused app has its error


def _control(place, act, *arguments):
    """The same act with enforcement off: how many frames of the load are on the wires."""
    flood = Flood(place, "browser", world.SERVER, rate=500)
    act(*arguments)
    flood.stop()
    leaked = sum(flood.token in frame.data for frame in place.take())
    return leaked


def _hold(place, tally, flood):
    """Ends the load, and counts what was on the wires."""
    counts = flood.stop()
    time.sleep(0.05)
    tally.count(place.take(), lockdown())
    return counts


@scenario("always-on: nothing before, everything through the tunnel after, errors at once")
def before_and_after(place):
    tally = Tally(control_leaked=_control(place, time.sleep, 0.2), status="disconnected, connected")
    stage = Stage(place).start()
    place.take()
    for server in (world.SERVER, world.SERVER6):
        for protocol in ("tcp", "udp"):
            answer, took = stage.ask("browser", server, protocol=protocol)
            expect(answer in REFUSED, f"{protocol} to {server} before the tunnel: {answer}")
            expect(took < AT_ONCE, f"the error took {took:.2f} s")
    stage.connect()
    for server, own in ((world.SERVER, world.TUNNEL), (world.SERVER6, world.TUNNEL6)):
        for protocol in ("tcp", "udp"):
            place.served()
            answer, _ = stage.ask("browser", server, protocol=protocol)
            expect(answer == b"hello", f"{protocol} to {server} through the tunnel: {answer}\n{stage.agent.log()[-1500:]}")
            expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{server} was not asked from {own}")
    tally.count(place.take(), lockdown())
    return tally


@scenario("always-on: the tunnel's device disappears and comes back under load (figure 3)")
def device_remade(place):
    rounds = 100 if place.full else 10
    tally = Tally(runs=rounds, control_leaked=_control(place, time.sleep, 0.2), status="connected")
    stage = Stage(place).start().connect()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    for _ in range(rounds):
        stage.tunnel.remove()
        time.sleep(0.05)
        stage.tunnel.make()
        stage.connect()
    counts = _hold(place, tally, flood)
    expect(counts["sent"] > 0, f"nothing went through the tunnel: {counts}")
    return tally


@scenario("always-on: status flaps under load (figure 3)")
def flaps(place):
    rounds = 10000 if place.full else 200
    tally = Tally(runs=rounds, control_leaked=_control(place, time.sleep, 0.2), status="connected, reasserting")
    stage = Stage(place).start().connect()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    for number in range(rounds):
        stage.client.report("reasserting" if number % 2 == 0 else "connected")
        time.sleep(0.005)
        if number % 100 == 99:
            tally.count(place.take(), lockdown())
    stage.wait("connected")
    time.sleep(0.2)
    counts = _hold(place, tally, flood)
    expect(counts["sent"] > 0, f"nothing went through the tunnel: {counts}")
    return tally


@scenario("always-on: Wi-Fi and cellular come and go under load (roam)")
def roams(place):
    rounds = 200 if place.full else 10
    tally = Tally(runs=rounds, control_leaked=_control(place, place.down, world.WIFI), status="connected")
    place.up(world.WIFI)
    stage = Stage(place).start().connect()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    for _ in range(rounds):
        place.down(world.WIFI)
        time.sleep(0.05)
        place.up(world.WIFI)
        time.sleep(0.05)
    _hold(place, tally, flood)
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"after the roams the tunnel does not carry: {answer}")
    return tally


@scenario("always-on: a new interface appears under load (figure 6)")
def new_interfaces(place):
    rounds = 1000 if place.full else 20
    tally = Tally(runs=rounds, control_leaked=_control(place, time.sleep, 0.2), status="disconnected")
    Stage(place).start()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    for _ in range(rounds):
        place.unplug(world.WIFI)
        place.plug(world.WIFI)
        time.sleep(0.02)
        tally.count(place.take(), lockdown())
    _hold(place, tally, flood)
    return tally


@scenario("always-on: the agent is killed and started again under load (figure 2)")
def agent_killed(place):
    rounds = 1000 if place.full else 10
    tally = Tally(runs=rounds, control_leaked=_control(place, time.sleep, 0.2), status="connected")
    stage = Stage(place).start().connect()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=10000)
    for number in range(rounds):
        stage.agent.kill()
        if number % 2:
            stage.tunnel.remove()
            time.sleep(0.05)
            stage.tunnel.make()
        stage.restart()
        stage.connect()
        tally.count(place.take(), lockdown())
    counts = _hold(place, tally, flood)
    expect(counts["sent"] > 0, f"nothing went through the tunnel: {counts}")
    return tally


@scenario("always-on: SIGTERM leaves the guard in place; the next agent adopts it")
def agent_terminated(place):
    tally = Tally(control_leaked=_control(place, time.sleep, 0.2), status="connected")
    stage = Stage(place).start().connect()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    stage.agent.terminate()
    stage.tunnel.remove()
    time.sleep(0.3)
    stage.tunnel.make()
    stage.restart()
    stage.connect()
    _hold(place, tally, flood)
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"the next agent does not carry: {answer}")
    return tally


@scenario("always-on: the policy is replaced under load (figure 4)")
def policy_replaced(place):
    rounds = 1000 if place.full else 20
    tally = Tally(runs=rounds, control_leaked=_control(place, time.sleep, 0.2), status="connected")
    stage = Stage(place).start().connect()
    policies = [stage.compile(name="next") for _ in range(min(rounds, 20))]
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    for number in range(rounds):
        if number >= len(policies):
            policies.append(stage.compile(name="next"))
        stage.agent.request("apply", policy=str(policies[number]))
        tally.count(place.take(), lockdown())
    stage.client.close()
    stage.client = None
    stage.connect()
    _hold(place, tally, flood)
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"under the last policy the tunnel does not carry: {answer}")
    return tally


@scenario("always-on: a connection from before gets an error within a second (figure 5)")
def connections_from_before(place):
    tally = Tally(control_leaked=_control(place, time.sleep, 0.2), status="disconnected")
    stream = Stream(place, "browser", world.SERVER)
    stage = Stage(place)
    start = time.monotonic()
    stage.start()
    ready = time.monotonic()
    error = stream.ended(1.5)
    place.take()
    expect(error is not None, "the connection from before was still open after 1.5 s")
    expect(time.monotonic() - ready < 1.3, f"it took {time.monotonic() - start:.2f} s from the agent's start")
    flood = Flood(place, "browser", world.SERVER, rate=500)
    time.sleep(0.2)
    _hold(place, tally, flood)
    return tally


@scenario("always-on: the VPN server is reachable for nobody but the provider (figure 7)")
def server_exemption(place):
    ports = range(1, 65536) if place.full else range(1, 65536, 97)
    tally = Tally(runs=len(ports), status="connected")
    stage = Stage(place).start().connect()
    place.take()
    reached = stage.app("browser").call(_reach, world.GATEWAY, list(ports))
    time.sleep(0.1)
    tally.count(place.take(), lockdown())
    tally.control_leaked = None
    expect(reached["error"] + reached["sent"] == len(ports), f"{reached}")
    return tally


def _reach(address, ports):
    import collections
    import socket

    counts = collections.Counter()
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.sendto(b"exempt?", (address, port))
                counts["sent"] += 1  # into the tunnel
            except OSError:
                counts["error"] += 1
    return counts


@scenario("always-on: DHCP, discovery and memberships still work (S1)")
def control_plane(place):
    tally = Tally(status="disconnected")
    Stage(place).start()
    place.take()
    expect(place.device.run(["busybox", "ping", "-c1", "-W1", world.WIFI.router], check=False).find(" 0% packet loss") < 0, "the router answered a ping")
    place.device.run(["ip", "neigh", "flush", "dev", "wlan0"])
    place.peer.call(_neighbour)
    frames = place.take()
    tally.count(frames, lockdown())
    expect(any(Leak(kind=0x0806, flags=2).matches(frame) for frame in frames), "the device did not answer ARP for its own address")
    return tally


def _neighbour():
    """In the router: asks for the device's hardware address anew."""
    import subprocess

    subprocess.run(["ip", "neigh", "flush", "dev", "device0"], check=False)
    subprocess.run(["busybox", "arping", "-c", "1", "-w", "1", "-I", "device0", world.WIFI.device], check=False, stdout=subprocess.DEVNULL)
