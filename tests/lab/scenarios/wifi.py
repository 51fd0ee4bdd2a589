"""The name of the Wi-Fi network, on simulated radios (mac80211_hwsim): real access points, and the kernel's own client."""

import subprocess
from pathlib import Path

from tests.lab import profiles, world
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.scenarios.on_demand import WIDE, _told, _wait, _wanted
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for

HOME, ABROAD = "Corp Office", "Guest"
_RADIOS = Path("/sys/class/ieee80211")


def _no_radios():
    found = len(list(_RADIOS.iterdir())) if _RADIOS.exists() else 0
    return None if found == 3 else "this kernel has no simulated radios (./dev lab --vm --task wifi)"


def name_radios():
    """So that their links are in nobody's way: before there is a world."""
    for number, radio in enumerate(sorted(_RADIOS.iterdir())):
        link = next((radio / "device/net").iterdir()).name
        subprocess.run(["ip", "link", "set", link, "down", "name", f"radio{number}"], check=True)


class Air:
    """The first radio is the device's, in place of its wire; each other one an access point at the router of the Wi-Fi."""

    def __init__(self, place):
        self._place, self._router, self._points = place, place.places["wifi"], {}
        place.unplug(world.WIFI)
        place.captures.pop(world.WIFI.link).close()
        _, *others = sorted(path.name for path in _RADIOS.iterdir())
        for number, (radio, name) in enumerate(zip(others, (HOME, ABROAD), strict=True), 1):
            self._offer(radio, f"radio{number}", name, channel=5 * number)
        place.device.ip(f"link set radio0 name {world.WIFI.link}", f"link set {world.WIFI.link} up")

    def _offer(self, radio, link, name, channel):
        subprocess.run(["iw", "phy", radio, "set", "netns", "name", self._router.name], check=True)
        configuration = self._place.folder / f"{link}.conf"
        configuration.write_text(f"interface={link}\ndriver=nl80211\nssid={name}\nhw_mode=g\nchannel={channel}\n")
        self._place.captures[link] = self._router.capture(link)
        log = configuration.with_suffix(".log")
        self._router.start(["hostapd", configuration], stdout=log.open("w"), stderr=subprocess.STDOUT)
        wait_for(lambda: "AP-ENABLED" in log.read_text(), lambda: f"the access point: {log.read_text()}", 60)
        self._points[name] = link

    def join(self, name):
        """The device comes into the range of another network; what a network manager does then."""
        device, access = self._place.device, world.WIFI
        device.run(["iw", "dev", access.link, "disconnect"], check=False)
        for link in self._points.values():
            self._router.run(["ip", "addr", "flush", "dev", link])
        point = self._points[name]
        self._router.ip(f"addr add {access.router}/{access.prefix} dev {point}", f"addr add {access.router6}/64 dev {point} nodad")
        device.run(["iw", "dev", access.link, "connect", name])
        told = lambda: device.run(["iw", "dev", access.link, "link"])  # noqa: E731
        wait_for(lambda: f"SSID: {name}" in told(), lambda: f"the network: {told()}", 60)
        device.ip(f"addr replace {access.device}/{access.prefix} dev {access.link}", f"addr replace {access.device6}/64 dev {access.link} nodad")
        self._place.route(access)


@scenario("on-demand by SSIDMatch: a roam from one access point to another, to one that is offered again", needs=_no_radios)
def roam(place):
    tally = Tally(status="connected, disconnected")
    place.down(world.CELLULAR)
    air = Air(place)
    air.join(HOME)
    rules = [{"SSIDMatch": [HOME], "Action": "Connect"}, {"SSIDMatch": [ABROAD], "Action": "Disconnect"}, {"Action": "Ignore"}]
    # The kernel says what is Wi-Fi, and which: of what somebody has configured the name does not count.
    configuration = {"interfaces": {}, "resolvers": {world.WIFI.link: {"servers": [world.SERVER], "ssid": ABROAD}}}
    stage = Stage(place, profiles.device_wide(OnDemandRules=rules, IncludeAllNetworks=1), WIDE, configuration=configuration)
    place.take()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"over the air, without an agent: {answer}")
    tally.count(place.take(), lockdown())
    tally.control_leaked, tally.guarded_leaked, tally.examples = tally.guarded_leaked, 0, []
    stage.start()
    for again in (False, True):
        _wanted(stage, True, f"Connect, again {again}")
        expect(_told(stage)["on_demand"]["rule"] == 0, f"the rule of {HOME}: {_told(stage)}")
        place.take()
        answer, _ = stage.ask("browser", world.SERVER, protocol="udp")
        expect(answer in REFUSED, f"before the tunnel is up: {answer}")
        stage.connect()
        answer, _ = stage.ask("browser", world.SERVER, seconds=10)
        expect(answer == b"hello", f"through the tunnel: {answer}")
        tally.count(place.take(), lockdown())
        if again:
            break
        air.join(ABROAD)
        _wanted(stage, False, "Disconnect")
        expect(_told(stage)["on_demand"]["rule"] == 1, f"the rule of {ABROAD}: {_told(stage)}")
        stage.client.report("disconnected")
        stage.wait("disconnected")
        answer, _ = stage.ask("browser", world.SERVER, seconds=10)
        expect(answer == b"hello", f"without the tunnel, in a network that is to have none: {answer}")
        air.join(HOME)
    place.device.run(["iw", "dev", world.WIFI.link, "disconnect"])
    _wait(stage, "no network", lambda entry: entry["on_demand"]["rule"] != 0)
    return tally
