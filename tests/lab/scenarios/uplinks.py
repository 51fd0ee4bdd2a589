"""Where packets leave: DHCP on it, bridges and bonds as the uplink, clients behind the device, strict rp_filter."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from tests.lab import dhcp, kernel, profiles, undo, world
from tests.lab.frames import UDP, Leak
from tests.lab.netns import stop
from tests.lab.process import Helper
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, ask, lockdown
from tests.lab.strongswan import wait_for


@scenario("always-on: DHCP by a real client, from its packet socket and renewed from the address (S1.a)")
def dhcp_client(place):
    tally = Tally(status="disconnected")
    Stage(place).start()
    place.take()
    done = place.folder / "udhcpc.done"
    place.peer.send((dhcp.serve, (world.WIFI.device, world.WIFI.router, 15), {"requests": 3}))
    with place.device.inside():
        client = dhcp.client(world.WIFI.link, place.folder / "udhcpc", done, cgroup=place.app_cgroup("udhcpc"))
    undo.later(stop, client)
    for event in ("bound", "renew"):
        wait_for(done.with_name(f"{done.name}.{event}").exists, f"the client's script has not heard of {event}")
        client.send_signal(signal.SIGUSR1)  # it is time to renew
    asked = place.peer.receive()
    stop(client)
    expect(asked[0] == "discover" and asked.count("renewal") >= 2, f"the server was asked: {asked}")
    frames = place.take()
    unicast = Leak(protocol=UDP, port=67, destination=world.WIFI.router, source=world.WIFI.device)
    expect(any(unicast.matches(frame) for frame in frames), f"no renewal was on the wire: {[str(frame) for frame in frames if frame.port == 67]}")
    tally.count(frames, lockdown())
    return tally


def _carries(place, stage, what):
    for server, own in ((world.SERVER, world.TUNNEL), (world.SERVER6, world.TUNNEL6)):
        for protocol in ("tcp", "udp"):
            place.served()
            answer, _ = stage.ask("browser", server, protocol=protocol)
            expect(answer == b"hello", f"{what}: {protocol} to {server}: {answer}; {stage.agent.log()[-1500:]}")
            expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{what}: {server} saw another source")


def _move(place, link):
    """The device's Wi-Fi is under another interface now, which has its addresses and routes."""
    access = world.WIFI
    for family in ("-4", "-6"):
        place.device.run(["ip", family, "route", "flush", "dev", access.link])
    place.device.ip(f"addr flush dev {access.link}", f"link set {access.link} up", f"link set {link} up", f"addr add {access.device}/{access.prefix} dev {link}",
                    f"addr add {access.device6}/64 dev {link} nodad", f"route replace default via {access.router} dev {link} metric 50",
                    f"route replace ::/0 via {access.router6} dev {link} metric 50")


def _stacked(place, kind, link):
    """An always-on guard of a device whose uplink is `link`, and Wi-Fi its port."""
    place.device.ip(*{"bridge": [f"link add {link} type bridge forward_delay 0", f"link set {world.WIFI.link} master {link}"],
                      "bond": [f"link add {link} type bond mode active-backup", f"link set {world.WIFI.link} down", f"link set {world.WIFI.link} master {link}"],
                      "team": [f"link add {link} type team", f"link set {world.WIFI.link} down", f"link set {world.WIFI.link} master {link}"],
                      }[kind])
    undo.later(place.device.run, ["ip", "link", "delete", link], None, False)
    _move(place, link)
    tally = Tally(control_leaked=0, status="disconnected, connected, reasserting")
    token = b"stacked uplink"
    for _ in range(3):
        place.stranger.call(_send, token)
        time.sleep(0.05)
        tally.control_leaked += sum(token in frame.data for frame in place.take())
    stage = Stage(place, configuration={"interfaces": {link: "wifi", world.WIFI.link: "wifi", world.CELLULAR.link: "cellular"}}).start()
    place.take()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer in REFUSED, f"before the tunnel: {answer}")
    stage.connect()
    _carries(place, stage, f"{kind} as uplink")
    tally.count(place.take(), lockdown())
    expect(stage.client.try_outer() == 0, "the provider's own packet was refused (S1.c)")
    outer = Leak(destination=world.GATEWAY, protocol=UDP, port=51820, source=world.WIFI.device)
    frames = []
    wait_for(lambda: any(outer.matches(frame) for frame in frames) or frames.extend(place.take()),
             lambda: f"the provider's own packet on the wire under the {kind}: {[str(frame) for frame in frames]}; {stage.agent.request('drops')['counters']}")
    tally.count(frames, lockdown(direct=[outer]))
    stage.say("reasserting")
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer in REFUSED, f"while the tunnel is away: {answer}")
    tally.count(place.take(), lockdown())
    return tally


def _send(token):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(token, (world.SERVER, 7))


@scenario("always-on: the uplink is a bridge that Wi-Fi is a port of")
def bridge(place):
    return _stacked(place, "bridge", "br-wan")


def _module(name):
    return lambda: None if kernel.has_link_kind(name) else f"this kernel has no {name} interfaces"


@scenario("always-on: the uplink is a bond that Wi-Fi is a port of", needs=_module("bond"), machine=True)
def bond(place):
    return _stacked(place, "bond", "bond0")


@scenario("always-on: the uplink is a team that Wi-Fi is a port of", needs=_module("team"), machine=True)
def team(place):
    return _stacked(place, "team", "team0")


# Clients behind the device -------------------------------------------------------------------


@contextlib.contextmanager
def _behind(place):
    """A machine at an inner bridge of the device, for which the device is the router, in both families."""
    place.device.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
    box = place.add_place("box")
    place.device.ip("link add docker0 type bridge forward_delay 0", f"link add vbox type veth peer name eth0 netns {box.name}", "link set vbox master docker0",
                    "link set vbox up", "link set docker0 up", "addr add 172.30.0.1/24 dev docker0", "addr add fd00:30::1/64 dev docker0 nodad")
    box.ip("addr add 172.30.0.2/24 dev eth0", "addr add fd00:30::2/64 dev eth0 nodad", "link set eth0 up", "route add default via 172.30.0.1", "route add ::/0 via fd00:30::1")
    place.gateway.ip("route add 172.30.0.0/24 dev tun0", "route add fd00:30::/64 dev tun0")
    place.internet.ip(f"route add 172.30.0.0/24 via {world.GATEWAY}", f"route add fd00:30::/64 via {world.GATEWAY6}")
    yield Helper(namespace=box, cgroup=place.outside)


@scenario("always-on: a routed client behind the device goes through the tunnel or nowhere, IPv4 and IPv6")
def routed_client(place):
    tally = Tally(control_leaked=0, status="disconnected, connected, reasserting")
    stage = Stage(place)
    with _behind(place) as box:
        for server in (world.SERVER, world.SERVER6):
            box.call(ask, server, {"protocol": "udp", "seconds": 0.2})
        time.sleep(0.05)
        tally.control_leaked = sum(b"hello" in frame.data for frame in place.take())
        stage.start()
        place.take()
        _nothing_for(box, "before the tunnel")
        tally.count(place.take(), lockdown())
        stage.connect()
        for server, own in ((world.SERVER, "172.30.0.2"), (world.SERVER6, "fd00:30::2")):
            for protocol in ("tcp", "udp"):
                place.served()
                answer, _ = box.call(ask, server, {"protocol": protocol})
                expect(answer == b"hello", f"{protocol} to {server} through the tunnel: {answer}; {stage.agent.log()[-1500:]}")
                expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{server} saw another source")
        tally.count(place.take(), lockdown())
        stage.say("reasserting")
        _nothing_for(box, "while the tunnel is away")
        stage.agent.kill()
        stage.client.kill()
        stage.tunnel.remove()
        _nothing_for(box, "without agent and tunnel")
    time.sleep(0.05)
    tally.count(place.take(), lockdown())
    return tally


def _nothing_for(box, what):
    for server in (world.SERVER, world.SERVER6):
        for protocol in ("tcp", "udp"):
            answer, _ = box.call(ask, server, {"protocol": protocol, "seconds": 0.3})
            expect(answer != b"hello", f"{what}, {protocol} to {server}: an answer")


# Strict reverse path filtering ---------------------------------------------------------------


@scenario("per-app and plain routes under strict rp_filter: replies come by the interface that the app's own route names")
def strict_reverse_path(place):
    tally = Tally(status="connected")
    names = ["all", "default", *(access.link for access in place.accesses)]
    place.device.sysctl(**{f"net__ipv4__conf__{name}__rp_filter": 1 for name in names})
    stage = Stage(place, profiles.per_app("com.example.ledger"), profiles.PER_APP).start().connect()
    for app, own in (("ledger", world.TUNNEL), ("browser", world.WIFI.device)):
        for protocol in ("tcp", "udp"):
            place.served()
            answer, _ = stage.ask(app, world.SERVER, protocol=protocol)
            expect(answer == b"hello", f"{app}, {protocol}: {answer}")
            expect({peer for _, address, peer, _ in place.served() if address == world.SERVER} == {own}, f"{app}, {protocol}: the server saw another source")
    return tally


# systemd-networkd ----------------------------------------------------------------------------

NETWORKD = "/lib/systemd/systemd-networkd"


def _no_networkd():
    return None if Path(NETWORKD).exists() else "systemd-networkd is not installed"


@scenario("beside systemd-networkd, which drops rules and routes that are not its own: nothing leaks, all is back", needs=_no_networkd)
def networkd(place):
    tally = Tally(status="connected", runs=3)
    stage = Stage(place).start().connect()
    rules = place.device.run(["ip", "rule"])
    files = place.folder / "network"
    files.mkdir()
    (files / "10-wifi.network").write_text(f"""[Match]
Name={world.WIFI.link}
[Network]
Address={world.WIFI.device}/24
Address={world.WIFI.device6}/64
Gateway={world.WIFI.router}
IPv6AcceptRA=no
LinkLocalAddressing=ipv6
[RoutingPolicyRule]
From={world.WIFI.device}
Table=100
Priority=30000
""")
    place.take()
    for _ in range(tally.runs):
        daemon = place.device.start([NETWORKD], preexec_fn=lambda: _enter(files), stdout=_log(place), stderr=_log(place))
        wait_for(lambda: "30000:" in place.device.run(["ip", "rule"]), lambda: f"networkd has not set its rule: {(place.folder / 'networkd').read_text()[-2000:]}", 20)
        time.sleep(0.5)
        missing = [line for line in rules.splitlines() if line not in place.device.run(["ip", "rule"])]
        expect(not missing, f"not back after networkd's start: {missing}")
        _carries(place, stage, "beside networkd")
        stop(daemon)
        place.device.run(["ip", "rule", "delete", "pref", "30000"], check=False)
    tally.count(place.take(), lockdown())
    return tally


def _log(place):
    log = (place.folder / "networkd").open("a")
    undo.later(log.close)
    return log


def _enter(files):
    """Mounts of its own: its configuration, and a /sys that says that there is no udev to wait for."""
    kernel.private_mounts()
    kernel.mount("tmpfs", "/run", "tmpfs")
    kernel.mount("sysfs", "/sys", "sysfs", flags=kernel.MS_RDONLY)
    kernel.mount("tmpfs", "/etc/systemd", "tmpfs")
    os.mkdir("/etc/systemd/network")
    kernel.mount(files, "/etc/systemd/network", flags=kernel.MS_BIND)
