"""Always-on (S3), with a tunnel that a client of the lab brings up: what happens to the device must not open a gap."""

import contextlib
import errno
import socket
import statistics
import time
from collections import Counter

from tests.lab import profiles, world
from tests.lab.frames import UDP, Leak
from tests.lab.load import Flood, Streams
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, lockdown

AT_ONCE = 0.5  # seconds in which a refused app has its error
BACK = 0.1  # seconds from `connected` to the first answer, for 99 of 100


def _control(place, act=time.sleep, *arguments):
    """The same with enforcement off: how many frames of the load are on the wires."""
    flood = Flood(place, "browser", world.SERVER, rate=500)
    act(*(arguments or (0.2,)))
    flood.stop()
    return sum(flood.token in frame.data for frame in place.take())


@contextlib.contextmanager
def _under_load(place, status="connected", rate=2000, act=(time.sleep, 0.2)):
    """A story in `place.rounds` rounds while an app sends all the time: its control (`act`) first. Gives (stage, tally), and counts
    what was on the wires in the end."""
    tally = Tally(runs=place.rounds, control_leaked=_control(place, *act), status=status)
    place.up(world.WIFI)
    stage = Stage(place).start()
    if status != "disconnected":
        stage.connect()
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=rate)
    yield stage, tally
    counts = flood.stop()
    time.sleep(0.05)
    tally.count(place.take(), lockdown())
    if status != "disconnected":
        expect(counts["sent"] > 0, f"nothing went through the tunnel: {counts}")
        answer, _ = stage.ask("browser", world.SERVER)
        expect(answer == b"hello", f"in the end the tunnel does not carry: {answer}; {stage.agent.log()[-1500:]}")


class _Return:
    """How soon traffic is back after `connected`."""

    def __init__(self, stage):
        self._stage, self._seconds = stage, []

    def measure(self):
        """Right after the agent said that the tunnel is connected."""
        self._seconds.append(self._stage.app("mail").call(_until_answered, world.SERVER, time.monotonic()))

    def note(self, tally):
        ordered = sorted(self._seconds)
        late = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        tally.note = f"back after {statistics.median(ordered) * 1000:.1f} ms (median), {late * 1000:.1f} ms (99th percentile)"
        expect(late <= BACK, tally.note)


def _until_answered(server, since):
    """In an app: asks until there is an answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.01)
        while time.monotonic() - since < 5:
            with contextlib.suppress(OSError):
                s.sendto(b"back?", (server, 7))
                s.recv(5)
                return time.monotonic() - since
    raise TimeoutError("traffic did not come back within 5 s")


@scenario("always-on: nothing before, everything through the tunnel after, errors at once")
def before_and_after(place):
    tally = Tally(control_leaked=_control(place), status="disconnected, connected")
    stage = Stage(place).start()
    place.take()
    for server in (world.SERVER, world.SERVER6):
        for protocol in ("tcp", "udp"):
            answer, took = stage.ask("browser", server, protocol=protocol)
            expect(answer in REFUSED, f"{protocol} to {server} before the tunnel: {answer}")
            expect(took < AT_ONCE, f"the error took {took:.2f} s")
        for kind in ("datagram", "ping"):
            answer = stage.app("browser").call(_send, server, kind)
            expect(answer in REFUSED, f"{kind} to {server} without connect() before the tunnel: {answer}")
    stage.connect()
    for server, own in ((world.SERVER, world.TUNNEL), (world.SERVER6, world.TUNNEL6)):
        for protocol in ("tcp", "udp"):
            place.served()
            answer, _ = stage.ask("browser", server, protocol=protocol)
            expect(answer == b"hello", f"{protocol} to {server} through the tunnel: {answer}\n{stage.agent.log()[-1500:]}")
            expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{server} was not asked from {own}")
    tally.count(place.take(), lockdown())
    return tally


def _send(server, kind):
    """In an app: sends once on a socket that is not connected. 0, or the error."""
    v6 = ":" in server
    types = {"datagram": (socket.SOCK_DGRAM, 0), "ping": (socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)}
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, *types[kind]) as s:
        try:
            s.sendto(bytes([128 if v6 else 8]) + bytes(7), (server, 7 if kind == "datagram" else 0))
        except OSError as error:
            return error.errno
    return 0


@scenario("always-on: the tunnel's device disappears and comes back under load (figure 3)", rounds=10, full_rounds=1000)
def device_remade(place):
    with _under_load(place) as (stage, tally):
        back = _Return(stage)
        for _ in range(place.rounds):
            stage.tunnel.remove()
            time.sleep(0.05)
            stage.tunnel.make()
            stage.connect()
            back.measure()
            tally.count(place.take(), lockdown())
    back.note(tally)
    return tally


@scenario("always-on: status flaps under load (figure 3)", rounds=200, full_rounds=9000, batch=1000)
def flaps(place):
    with _under_load(place, "connected, reasserting") as (stage, tally):
        for number in range(place.rounds):
            stage.client.report("reasserting" if number % 2 == 0 else "connected")
            time.sleep(0.005)
            if number % 100 == 99:
                tally.count(place.take(), lockdown())
        stage.connect()
        time.sleep(0.2)
    return tally


@scenario("always-on: Wi-Fi and cellular come and go under load (roam)", rounds=10, full_rounds=1000)
def roams(place):
    with _under_load(place, act=(place.down, world.WIFI)) as (_, tally):
        for _ in range(place.rounds):
            place.down(world.WIFI)
            time.sleep(0.05)
            place.up(world.WIFI)
            time.sleep(0.05)
            tally.count(place.take(), lockdown())
    return tally


@scenario("always-on: a new interface appears under load (figure 6)", rounds=20, full_rounds=1000)
def new_interfaces(place):
    with _under_load(place, "disconnected") as (_, tally):
        for _ in range(place.rounds):
            place.unplug(world.WIFI)
            place.plug(world.WIFI)
            time.sleep(0.02)
            tally.count(place.take(), lockdown())
    return tally


@scenario("always-on: agent and provider are killed and started again under load (figure 2)", rounds=9, full_rounds=1000, long=True)
def agent_killed(place):
    with _under_load(place, rate=10000) as (stage, tally):
        for number in range(place.rounds):
            if number % 3 != 1:
                stage.agent.kill()
            if number % 3 != 0:
                stage.client.kill()
                stage.tunnel.remove()
                time.sleep(0.05)
                stage.tunnel.make()
            if number % 3 != 1:
                stage.agent.start()
            stage.new_client()
            stage.connect()
            tally.count(place.take(), lockdown())
    return tally


@scenario("always-on: an agent that has been gone for a day (figure 2)")
def gone_for_a_day(place):
    """Its heartbeat is aged by hand. Under S3 nothing depends on it: the tunnel carries, and when it is gone nothing does."""
    with _under_load(place) as (stage, tally):
        stage.agent.kill()
        stage.agent.age(86400)
        answer, _ = stage.ask("mail", world.SERVER)
        expect(answer == b"hello", f"without an agent the tunnel does not carry: {answer}")
        stage.client.kill()
        stage.tunnel.remove()
        time.sleep(0.3)
        answer, _ = stage.ask("mail", world.SERVER, protocol="udp")
        expect(answer in REFUSED, f"without an agent and a tunnel: {answer}")
        stage.tunnel.make()
        stage.agent.start()
        stage.new_client()
        stage.connect()
    return tally


@scenario("always-on: SIGTERM leaves the guard in place; the next agent adopts it")
def agent_terminated(place):
    with _under_load(place) as (stage, tally):
        stage.agent.terminate()
        stage.tunnel.remove()
        time.sleep(0.3)
        stage.tunnel.make()
        stage.agent.start()
        stage.new_client()
        stage.connect()
    return tally


@scenario("always-on: the policy is replaced under load (figure 4)", rounds=20, full_rounds=1000, long=True)
def policy_replaced(place):
    with _under_load(place) as (stage, tally):
        for _ in range(place.rounds):
            stage.agent.request("apply", policy=str(stage.compile(name="next")))
            tally.count(place.take(), lockdown())
        stage.new_client()
        stage.connect()
    return tally


@scenario("always-on: connections from before get an error within a second (figure 5)", rounds=50, full_rounds=1000, batch=250)
def connections_from_before(place):
    tally = Tally(runs=place.rounds, control_leaked=_control(place), status="disconnected")
    streams = Streams(place, "browser", world.SERVER, place.rounds)
    Stage(place).start()
    ready = time.monotonic()
    place.take()
    errors = streams.ended(5)
    late = [when - ready for when, _ in errors if when - ready > 1]
    expect(len(errors) == place.rounds and not late, f"{place.rounds - len(errors)} were still open after 5 s, {len(late)} ended late: {late[:3]}")
    tally.count(place.take(), lockdown())
    tally.note = f"the last one ended {max(when for when, _ in errors) - ready:.2f} s after the guard was in force: {dict(Counter(name for _, name in errors))}"
    return tally


@scenario("always-on: the VPN server is reachable for nobody but the provider (figure 7)", rounds=676, full_rounds=65535, batch=65535)
def server_exemption(place):
    """Every port (or each so-many-th) by UDP and TCP, as root and not; the provider itself, to its own, gets out."""
    ports = list(range(1, 65536, 65535 // place.rounds))
    tally = Tally(status="connected", runs=0)
    stage = Stage(place).start().connect()
    place.take()
    expect(stage.client.try_outer() == 0, "the provider's own packet was refused (S1.c)")
    time.sleep(0.05)
    outer = Leak(destination=world.GATEWAY, protocol=UDP, port=51820)
    frames = place.take()
    expect(any(outer.matches(frame) for frame in frames), "the provider's own packet was not on a wire (S1.c)")
    tally.count(frames, lockdown(direct=[outer]))
    for uid in (None, 65534):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            for address in (world.GATEWAY, world.GATEWAY6):
                tried = stage.app("browser", uid).call(_reach, address, ports, kind, seconds=600)
                expect(tried == len(ports), f"{tried} of {len(ports)} ports were tried")
                tally.runs += tried
                time.sleep(0.1)
                tally.count(place.take(), lockdown())
    return tally


def _reach(address, ports, kind):
    """In an app: one packet to each port, into the tunnel or nowhere. How many were tried."""
    tried = Counter()
    for port in ports:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as s:
            s.setblocking(False)
            try:
                s.connect((address, port))
                s.send(b"exempt?")
                tried["sent"] += 1
            except OSError as error:
                tried[errno.errorcode[error.errno]] += 1
    return tried.total()


@scenario("always-on: counters agree with the captures to the packet, exemptions among them (figure 9)", rounds=200, full_rounds=10000, batch=10000)
def counted(place):
    tally = Tally(runs=3 * place.rounds, status="connecting, connected")
    stage = Stage(place)
    exempt = [{"BundleIdentifier": "com.example.watch"}]
    stage.agent.policy = stage.compile(profiles.always_on(stage.identity, stage.authority, ApplicationExceptions=exempt))
    stage.start()
    place.take()
    refused = stage.app("browser").call(_send_many, world.SERVER, b"refused", place.rounds)
    expect(refused == place.rounds, f"{refused} of {place.rounds} datagrams were refused before the tunnel")
    stage.connect()
    tunnel = place.device.capture("tun0")
    for app in ("browser", "watch"):
        expect(stage.app(app).call(_send_many, world.SERVER, app.encode(), place.rounds) == 0, f"{app}: a datagram was refused")
    time.sleep(0.2)
    direct = Leak(token=b"watch", protocol=UDP, destination=world.SERVER)
    on_wire = place.take()
    seen = {("browser", "drop"): (place.rounds, None), ("browser", "tunnel"): _sum(tunnel.take_sent(), b"browser"), ("watch", "direct"): _sum(on_wire, b"watch")}
    counters = stage.agent.request("drops")["counters"]
    for (app, verdict), (packets, count) in seen.items():
        own = [one for one in counters if (one["app"], one["verdict"], one["direction"]) == (f"com.example.{app}", verdict, "out")]
        expect(sum(one["packets"] for one in own) == packets == place.rounds, f"{app}, {verdict}: captured {packets}, counted {own}")
        expect(count is None or sum(one["bytes"] for one in own) == count, f"{app}, {verdict}: captured {count} bytes, counted {own}")
    tunnel.close()
    tally.count(on_wire, lockdown(direct=[direct]))
    return tally


def _sum(frames, token):
    """(packets, bytes of IP) of those that hold a token."""
    sizes = [len(frame.data) - 14 for frame in frames if token in frame.data]
    return len(sizes), sum(sizes)


def _send_many(server, token, count):
    """In an app: so many datagrams to a port at which nobody listens. How many were refused."""
    refused = 0
    for _ in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.sendto(token, (server, 9))
            except OSError:
                refused += 1
    return refused


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
