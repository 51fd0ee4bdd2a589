"""What the agent asks of the network itself: probes of on-demand rules, and captive portals."""

import json
import socket
import time

from tests.lab import profiles, world
from tests.lab.frames import Leak
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for
from tests.lab.web import Web

WIDE = profiles.DEVICE_WIDE
TCP, PORT = 6, 8080
_EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
_FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n"


def _status(stage):
    return stage.agent.request("status")


def _rule(stage):
    return _status(stage)["tunnels"][0]["on_demand"]


def _wait(stage, what, test, seconds=15):
    return wait_for(test, lambda: f"{what}; {json.dumps(_status(stage))}; the agent's log: {stage.agent.log()[-2000:]}", seconds)


@scenario("on-demand: a URL probe decides, past the tunnel, and to its own address and port only")
def url_probe(place):
    """A rule for the trusted network comes first. Until the probe is answered nothing starts; a redirection is no success; a
    server that never ends its answer is given up."""
    tally = Tally(status="disconnected, connected")
    url = f"http://{world.SERVER}:{PORT}/inside"
    rules = [{"URLStringProbe": url, "Action": "Disconnect"}, {"Action": "Connect"}]
    web = Web(place, PORT)
    web.answers(_FINE)
    stage = Stage(place, profiles.device_wide(IncludeAllNetworks=1, OnDemandRules=rules), WIDE, inside=True,
                  configuration={"captive": {"url": url, "status": 200}}).start()  # or it looks for a portal elsewhere
    _wait(stage, "the probe's success", lambda: _rule(stage)["action"] == "Disconnect")
    expect(not _status(stage)["tunnels"][0]["wanted"], "a trusted network, and the tunnel is wanted")
    for title, answer in (("a redirection", _PORTAL), ("no success", b"HTTP/1.1 404 Not Found\r\n\r\n"), ("no HTTP", b"SSH-2.0-x\r\n"), ("a head without an end", b"HTTP/1.1 200 " + b"x" * 100_000)):
        web.answers(answer)
        place.take()
        place.down(world.CELLULAR)  # so that the Wi-Fi's going is another network
        place.down(world.WIFI)
        _wait(stage, "no network", lambda: _status(stage)["primary_interface"] == "")
        place.up(world.WIFI)
        _wait(stage, title, lambda: _rule(stage)["action"] == "Connect" and _rule(stage)["rule"] == 1 and _status(stage)["primary_interface"] == "wlan0")
        expect(_status(stage)["tunnels"][0]["wanted"], f"{title}: the tunnel is not wanted")
        refused, _ = stage.ask("browser", world.SERVER, protocol="udp")
        expect(refused in REFUSED, f"{title}: an app beside the tunnel: {refused}")
        tally.count(place.take(), lockdown(direct=[Leak(destination=world.SERVER, protocol=TCP, port=PORT)]))
    expect({peer for peer, _ in web.peers()} == {world.WIFI.device}, "the probe came by another way")
    return tally


@scenario("captive portal: the web-sheet app alone, while the portal holds the network, and no longer")
def captive(place):
    tally = Tally(status="connecting, connected")
    web = Web(place, PORT)
    web.answers(_EMPTY)
    options = {"inside": True, "configuration": {"captive": {"url": f"http://{world.SERVER}:{PORT}/", "window_seconds": 10}}}
    stage = Stage(place, None, profiles.ALWAYS_ON_TUNNEL, **options)
    stage.policy = stage.agent.policy = stage.compile(profiles.always_on(stage.identity, stage.authority, AllowCaptiveWebSheet=1))
    stage.start()
    _wait(stage, "a free network", lambda: _status(stage)["captive"] == "free")
    probe = [Leak(destination=world.SERVER, protocol=TCP, port=PORT)]
    answer, _ = stage.ask("portal", world.SERVER)
    expect(answer in REFUSED, f"the web-sheet app in a free network: {answer}")
    tally.count(place.take(), lockdown(direct=probe))

    def roams():
        place.down(world.CELLULAR)
        place.down(world.WIFI)
        _wait(stage, "no network", lambda: _status(stage)["primary_interface"] == "" and _status(stage)["captive"] == "unused")
        place.up(world.WIFI)

    web.answers(_PORTAL)
    roams()
    _wait(stage, "the portal", lambda: _status(stage)["captive"] == "captive")
    place.take()
    answer, _ = stage.ask("portal", world.SERVER)
    expect(answer == b"hello", f"the web-sheet app in the window: {answer}")
    time.sleep(0.2)  # until the connection has ended
    tally.count(place.take(), lockdown(direct=[*probe, Leak(destination=world.SERVER, protocol=TCP, port=7)]))
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer in REFUSED, f"another app in the window: {answer}")
    tally.count(place.take(), lockdown(direct=probe))
    web.answers(_EMPTY)
    _wait(stage, "the first success", lambda: _status(stage)["captive"] == "free")
    place.take()
    answer, _ = stage.ask("portal", world.SERVER)
    expect(answer in REFUSED, f"the web-sheet app after the success: {answer}")
    tally.count(place.take(), lockdown(direct=probe))

    web.answers(_PORTAL)
    roams()
    _wait(stage, "the portal again", lambda: _status(stage)["captive"] == "captive")
    _wait(stage, "the end of its time", lambda: _status(stage)["captive"] == "closed")
    place.take()
    answer, _ = stage.ask("portal", world.SERVER)
    expect(answer in REFUSED, f"the web-sheet app after its time: {answer}")
    tally.count(place.take(), lockdown(direct=probe))
    return tally


@scenario("captive portal: what another service has heard of is looked at, and believed when it is seen")
def hinted(place):
    """As the bridge to D-Bus tells what NetworkManager has found out: for as long as it is connected."""
    tally = Tally(status="connecting")
    web = Web(place, PORT)
    web.answers(_EMPTY)
    stage = Stage(place, None, inside=True, configuration={"captive": {"url": f"http://{world.SERVER}:{PORT}/"}})
    stage.policy = stage.agent.policy = stage.compile(profiles.always_on(stage.identity, stage.authority, AllowCaptiveWebSheet=1))
    stage.start()
    captive = lambda expected: _wait(stage, expected, lambda: _status(stage)["captive"] == expected, 4)  # noqa: E731
    captive("free")
    probe = [Leak(destination=world.SERVER, protocol=TCP, port=PORT)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as teller:
        teller.settimeout(10)
        teller.connect(str(stage.agent.control))
        answers = teller.makefile("rb")

        def tell(portal):
            web.peers()
            teller.sendall(json.dumps({"command": "machine", "facts": {"portal": portal}}).encode() + b"\n")
            expect(json.loads(answers.readline())["ok"], "the agent does not take it")
            wait_for(web.peers, "a look", 4)

        tell("there")  # which is not so
        captive("free")
        place.take()
        answer, _ = stage.ask("portal", world.SERVER)
        expect(answer in REFUSED, f"the web-sheet app in a free network that somebody calls captive: {answer}")
        tally.count(place.take(), lockdown(direct=probe))
        tell("none")
        web.answers(_PORTAL)
        tell("there")
        captive("captive")
        tally.count(place.take(), lockdown(direct=probe))
        web.answers(_EMPTY)
        tell("none")
        captive("free")
        answers.close()
    return tally


@scenario("captive portal: nothing is sent where no rule asks for it")
def not_captive(place):
    stage = Stage(place, None, profiles.ALWAYS_ON_TUNNEL, inside=True, configuration={"captive": {"url": f"http://{world.SERVER}:{PORT}/"}}).start()
    tally = Tally(status="connecting")
    place.down(world.WIFI)
    place.up(world.WIFI)
    time.sleep(1.5)
    expect(_status(stage)["captive"] == "unused", f"{_status(stage)['captive']}")
    tally.count(place.take(), lockdown())
    return tally
