"""Sleep and wake, as logind tells of them."""

import json
import time

from tests.lab import logind, profiles, world
from tests.lab.frames import Leak
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.scenarios.probes import _FINE, PORT, TCP, _rule, _status, _wait
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.web import Web

_LOCAL = [Leak(destination=world.WIFI.router, protocol=17, port=9)]


@scenario("sleep and wake, told by the real logind: what a network alone opens is closed before, and everything is asked anew after", needs=logind.available)
def sleep(place):
    tally = Tally(status="connected")
    url = f"http://{world.SERVER}:{PORT}/inside"
    probe = [Leak(destination=world.SERVER, protocol=TCP, port=PORT)]
    web = Web(place, PORT)
    web.answers(_FINE)
    desk = logind.LogindDesk(place)
    desk.start_logind()
    rules = [{"URLStringProbe": url, "Action": "Connect"}, {"Action": "Disconnect"}]
    stage = Stage(place, profiles.device_wide(IncludeAllNetworks=1, ExcludeLocalNetworks=1, OnDemandRules=rules), profiles.DEVICE_WIDE, inside=True).start()
    desk.start_bridge(stage.agent)
    asleep = lambda: _status(stage)["asleep"]  # noqa: E731
    _wait(stage, "the probe", lambda: _rule(stage)["rule"] == 0 and _status(stage)["tunnels"][0]["wanted"])
    _wait(stage, "the inhibitor", lambda: "vpnprofile" in desk.inhibitors())
    stage.connect()

    def local(expected, what):
        place.take()
        answer = stage.app("browser").call(_send, world.WIFI.router)
        expect(answer in expected, f"{what}: an app to the local network: {answer}")
        return place.take()

    beyond = Tally()
    beyond.count(local({0}, "awake"), lockdown(direct=probe))
    tally.control_leaked = beyond.guarded_leaked
    for answer, rule in ((b"HTTP/1.1 404 Not Found\r\n\r\n", 1), (_FINE, 0)):
        web.answers(answer)
        web.peers()
        place.take()
        desk.suspend()
        expect(asleep(), "logind lets the machine sleep, and the agent does not know of it")
        expect("vpnprofile" not in desk.inhibitors(), "the inhibitor is still held")
        tally.count(local({0, *REFUSED}, "asleep"), lockdown())  # into the tunnel, where it is up
        expect(not web.peers(), "a probe is asked while the machine sleeps")
        start = time.monotonic()
        desk.wake()
        _wait(stage, "awake, and the probe asked anew", lambda: not asleep() and _rule(stage)["rule"] == rule)
        tally.note = f"{1000 * (time.monotonic() - start):.0f} ms from logind's word to the rule of the new answer"
        expect(len(web.peers()) == 1, "the probe is asked once")
        _wait(stage, "another inhibitor", lambda: "vpnprofile" in desk.inhibitors())
        tally.count(local({0}, "awake again"), lockdown(direct=[*probe, *_LOCAL]))
        if rule == 1:
            _wait(stage, "the rule", lambda: not _status(stage)["tunnels"][0]["wanted"])
        else:
            _wait(stage, "the rule", lambda: _status(stage)["tunnels"][0]["wanted"])

    desk.pretend("PrepareForSleep", "boolean:true")
    time.sleep(0.3)
    expect(not asleep(), "anybody can tell that the machine sleeps")
    desk.suspend()
    desk.pretend("PrepareForSleep", "boolean:false")
    time.sleep(0.3)
    expect(asleep(), "anybody can tell that the machine is awake")
    desk.kill_bridge()
    _wait(stage, "what the bridge has told goes with it", lambda: not asleep(), 5)
    expect(json.dumps(_status(stage)["guard"]) == '"in-force"', "the guard")
    return tally


def _send(address):
    """In an app: a datagram to somebody; 0, or the error's number."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.sendto(b"hello", (address, 9))
            return 0
        except OSError as error:
            return error.errno
