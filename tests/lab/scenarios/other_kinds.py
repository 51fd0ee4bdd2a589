"""The other kinds of VPN: per-app, include all networks, enforce routes, plain routes."""

import os
import socket
import subprocess
import time

from tests.lab import profiles, world
from tests.lab.frames import UDP, Leak
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for

WIDE = profiles.DEVICE_WIDE


WAITS = "waits"


def _peers(place, server):
    return {peer for _, address, peer, _ in place.served() if address == server}


def _through(stage, app, server, expected, what):
    """Asks, and says by which way it came: the source address that the server saw, or the refusal. A connection that needs a
    tunnel that is started on demand waits for it (`WAITS`)."""
    for protocol in ("tcp", "udp"):
        stage.place.served()
        answer, _ = stage.ask(app, server, protocol=protocol)
        if expected is WAITS and protocol == "tcp":
            expect(answer == "timeout", f"{what}, {protocol}: {answer}, does not wait")
        elif expected in (None, WAITS):
            expect(answer in REFUSED, f"{what}, {protocol}: {answer}, not refused")
        else:
            expect(answer == b"hello", f"{what}, {protocol}: {answer}\n{stage.agent.log()[-1000:]}")
            expect(_peers(stage.place, server) == {expected}, f"{what}, {protocol}: the server saw another source")


@scenario("per-app: the app and its helpers in the tunnel or nowhere, the others beside it")
def per_app(place):
    tally = Tally(status="disconnected, connected, reasserting")
    stage = Stage(place, profiles.per_app("com.example.ledger"), profiles.PER_APP).start()
    beside = [Leak(source=world.WIFI.device, destination=server) for server in (world.SERVER,)]
    place.take()
    _through(stage, "ledger", world.SERVER, None, "the app before its tunnel")
    helper = stage.app("ledger").call(_spawned, world.SERVER)
    expect(helper in REFUSED, f"the app's helper before the tunnel: {helper}")
    _through(stage, "browser", world.SERVER, world.WIFI.device, "another app")
    stage.connect()
    _through(stage, "ledger", world.SERVER, world.TUNNEL, "the app in its tunnel")
    _through(stage, "browser", world.SERVER, world.WIFI.device, "another app beside the tunnel")
    stage.say("reasserting")
    _through(stage, "ledger", world.SERVER, None, "the app while its tunnel is away")
    _through(stage, "browser", world.SERVER, world.WIFI.device, "another app meanwhile")
    tally.count([frame for frame in place.take() if frame.protocol not in (6, UDP)], lockdown(direct=beside))
    return tally


@scenario("per-app: an app in a cgroup that was made this moment")
def new_cgroup(place):
    """The agent has not heard of it yet: the kernel knows the app by the cgroup's name. Others are not held up."""
    tally = Tally(runs=20, status="disconnected, connected")
    apps = {**profiles.APPS, "com.example.ledger": {"cgroup": "app-ledger-*.scope"}}
    stage = Stage(place, profiles.per_app("com.example.ledger"), profiles.PER_APP, apps=apps).start()

    def start(name):
        return [place.stranger.call(_newborn, str(place.guarded / f"app-{name}-{number}.scope"), world.SERVER, b"%s%03d" % (name.encode(), number))
                for number in range(tally.runs)]

    def seen(text):
        return sum(text in frame.data and frame.protocol == UDP for frame in frames)

    place.take()
    refusals, others = start("ledger"), start("ledgers")
    time.sleep(0.05)
    frames = place.take()
    tally.guarded_leaked = seen(b"ledger0")
    expect(set(refusals) <= REFUSED, f"new processes of the app before the tunnel: {refusals}")
    expect(others == [0] * tally.runs and seen(b"ledgers0") == tally.runs, f"new processes of another app: {others}, {seen(b'ledgers0')} frames")
    stage.connect()
    place.take()
    sent = start("ledger-inside")
    time.sleep(0.05)
    frames = place.take()
    tally.guarded_leaked += seen(b"ledger-inside")
    expect(sent == [0] * tally.runs, f"new processes of the app in its tunnel: {sent}")
    return tally


def _newborn(folder, server, token):
    """Makes the cgroup, moves a process into it, and sends at once, as an app that is started in a scope of its own. 0, or the error."""
    os.mkdir(folder)
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            with open(f"{folder}/cgroup.procs", "w") as file:
                file.write("0")
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(token, (server, 7))
        except OSError as error:
            code = error.errno
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _spawned(server):
    """In the app: what becomes of a program that it starts."""
    code = f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'helper', ('{server}', 7))"
    done = subprocess.run(["/usr/bin/python3", "-c", f"import sys\ntry:\n {code}\nexcept OSError as e: sys.exit(e.errno)"], check=False)
    return done.returncode


@scenario("include all networks: everything in the tunnel or nowhere, local networks as the profile says")
def include_all(place):
    tally = Tally(status="disconnected, connected, reasserting")
    profile = profiles.device_wide(IncludeAllNetworks=1, ExcludeLocalNetworks=1, ExcludeDeviceCommunication=1)
    stage = Stage(place, profile, WIDE).start()
    place.take()
    _through(stage, "browser", world.SERVER, WAITS, "an app before the tunnel")
    stage.connect()
    _through(stage, "browser", world.SERVER, world.TUNNEL, "an app in the tunnel")
    _through(stage, "browser", world.SERVER6, world.TUNNEL6, "an app in the tunnel, IPv6")
    tally.count(place.take(), lockdown())
    stage.app("browser").call(_send, world.WIFI.router, 9)
    stage.app("watch").call(_send, world.SERVER, 9)
    stage.app("browser").call(_send, world.WIFI.router, 53)
    time.sleep(0.05)
    frames = place.take()
    local = Leak(destination=world.WIFI.router, protocol=UDP, port=9)
    companion = Leak(destination=world.SERVER, protocol=UDP, port=9)
    expect(any(local.matches(frame) for frame in frames), "the local network was not reached (S5.c)")
    expect(any(companion.matches(frame) for frame in frames), "the companion was not let out (S5.b)")
    tally.count(frames, lockdown(direct=[local, companion]))
    stage.say("reasserting")
    _through(stage, "browser", world.SERVER, WAITS, "an app while the tunnel is away")
    tally.count(place.take(), lockdown())
    return tally


def _send(server, port):
    """In an app: one datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.sendto(b"one", (server, port))
        except OSError as error:
            return error.errno
    return 0


@scenario("enforce routes: included in the tunnel or nowhere, excluded beside it, the rest as the system routes")
def enforce_routes(place):
    tally = Tally(status="connected, reasserting")
    stage = Stage(place, profiles.device_wide(EnforceRoutes=1), WIDE).start()
    routes = {"included": ["198.51.100.0/24"], "excluded": ["198.51.100.81/32"]}
    stage.connect(**routes)
    _through(stage, "browser", world.SERVER, world.TUNNEL, "an included destination")
    _through(stage, "browser", "198.51.100.81", world.WIFI.device, "an excluded destination")
    _through(stage, "browser", "93.184.216.34", world.WIFI.device, "a destination that no route names")
    place.device.ip(f"route add {world.SERVER}/32 via {world.WIFI.router} dev wlan0")
    _through(stage, "browser", world.SERVER, world.TUNNEL, "an included destination with a better route of the system")
    place.take()
    stage.say("reasserting", **routes)
    _through(stage, "browser", world.SERVER, WAITS, "an included destination while the tunnel is away")
    tally.count(place.take(), lockdown())
    _through(stage, "browser", "198.51.100.81", world.WIFI.device, "an excluded destination meanwhile")
    return tally


@scenario("plain routes: the longest match of the system's and the tunnel's routes decides")
def plain_routes(place):
    tally = Tally(status="connected, disconnected")
    stage = Stage(place, profiles.device_wide(), WIDE).start()
    stage.connect(included=["198.51.100.0/24"], excluded=["198.51.100.81/32"])
    _through(stage, "browser", world.SERVER, world.TUNNEL, "an included destination")
    _through(stage, "browser", "198.51.100.81", world.WIFI.device, "an excluded destination")
    place.device.ip(f"route add {world.SERVER}/32 via {world.WIFI.router} dev wlan0")
    stage.wait("connected")
    time.sleep(0.3)
    _through(stage, "browser", world.SERVER, world.WIFI.device, "an included destination with a better route of the system")
    place.device.ip(f"route delete {world.SERVER}/32")
    stage.client.report("disconnected", deliberate=True)
    wait_for(lambda: stage.status() != "connected", "another status than connected")
    _through(stage, "browser", world.SERVER, world.WIFI.device, "without the tunnel")
    return tally
