"""A device whose network NetworkManager manages."""

from tests.lab import network_manager, profiles, world
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.scenarios.on_demand import WIDE, _told, _wait, _wanted
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for

_HOME, _ABROAD = "corp.example.com", "elsewhere.example"


@scenario("NetworkManager, the real one: a roam between two of its connections, by their search domains; what it said goes with it", needs=network_manager.available, long=True)
def roam(place):
    tally = Tally(status="connected, disconnected")
    desk = network_manager.ManagedDesk(place)
    desk.manage(world.WIFI, _HOME)
    desk.manage(world.CELLULAR, _ABROAD)
    desk.start_manager()
    rules = [{"DNSDomainMatch": [_HOME], "Action": "Connect"}, {"DNSDomainMatch": [_ABROAD], "Action": "Disconnect"}, {"Action": "Ignore"}]
    stage = Stage(place, profiles.device_wide(OnDemandRules=rules, IncludeAllNetworks=1), WIDE)
    rule = lambda: _told(stage)["on_demand"]["rule"]  # noqa: E731
    place.take()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"without an agent: {answer}")
    beyond = Tally()
    beyond.count(place.take(), lockdown())
    tally.control_leaked = beyond.guarded_leaked
    stage.start()
    expect(rule() == 2, f"no file names a search domain: {_told(stage)}")
    desk.start_bridge(stage.agent)
    for again in (False, True):
        _wanted(stage, True, f"Connect, again {again}")
        expect(rule() == 0, f"the rule of {_HOME}: {_told(stage)}")
        place.take()
        answer, _ = stage.ask("browser", world.SERVER, protocol="udp")
        expect(answer in REFUSED, f"before the tunnel is up: {answer}")
        stage.connect()
        answer, _ = stage.ask("browser", world.SERVER)
        expect(answer == b"hello", f"through the tunnel: {answer}")
        tally.count(place.take(), lockdown())
        if again:
            break
        _carrier(place, "down")
        _wanted(stage, False, "Disconnect")
        expect(rule() == 1, f"the rule of {_ABROAD}: {_told(stage)}")
        stage.client.report("disconnected")
        stage.wait("disconnected")
        # The kernel sends into a link without carrier until NetworkManager takes its routes away, some seconds later.
        wait_for(lambda: world.WIFI.link not in place.device.run(["ip", "route", "show", "default"]), "NetworkManager's own roam", 15)
        answer, _ = stage.ask("browser", world.SERVER)
        expect(answer == b"hello", f"without the tunnel, in a network that is to have none: {answer}")
        _carrier(place, "up")
    desk.kill_manager()
    _wait(stage, "what it has said is not known any more", lambda entry: entry["on_demand"]["rule"] == 2)
    tally.count(place.take(), lockdown())
    return tally


def _carrier(place, state):
    """As if the cable, or the access point, were out of reach."""
    place.places[world.WIFI.name].ip(f"link set device0 {state}")
