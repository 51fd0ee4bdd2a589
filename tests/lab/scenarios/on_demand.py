"""On-demand: what the network's rule, an app's packet, an idle timer and a user do to a tunnel."""

import errno
import json
import time

from tests.lab import profiles, world
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, ask, lockdown
from tests.lab.strongswan import wait_for

WIDE = profiles.DEVICE_WIDE
EVERYWHERE = {"IncludeAllNetworks": 1}


def _told(stage):
    """What the agent says of the tunnel."""
    return next(entry for entry in stage.agent.request("status")["tunnels"] if entry["id"] == stage.tunnel_name)


def _wait(stage, what, test, seconds=10):
    return wait_for(lambda: test(_told(stage)), lambda: f"{what}: {_told(stage)}; the agent's log: {stage.agent.log()[-2000:]}", seconds)


def _wanted(stage, expected, what):
    _wait(stage, what, lambda entry: entry["wanted"] == expected)


def _stage(place, rules, configuration=None, **keys):
    profile = profiles.device_wide(OnDemandRules=rules, **{**EVERYWHERE, **keys})
    return Stage(place, profile, WIDE, configuration=configuration).start()


@scenario("on-demand: a roam from a network with Connect to one with Disconnect, to one with Ignore, under load")
def roam(place):
    tally = Tally(status="connected, disconnected")
    rules = [{"InterfaceTypeMatch": "WiFi", "DNSDomainMatch": ["corp.example.com"], "Action": "Connect"},
             {"InterfaceTypeMatch": "Cellular", "Action": "Disconnect"}, {"Action": "Ignore"}]
    stage = _stage(place, rules, {"resolvers": {"wlan0": {"servers": [world.SERVER], "search": ["corp.example.com"]}}})
    _wanted(stage, True, "Connect")
    place.take()
    answer, _ = stage.ask("browser", world.SERVER, protocol="udp")
    expect(answer in REFUSED, f"before the tunnel is up: {answer}")
    tally.count(place.take(), lockdown())
    stage.connect()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"through the tunnel: {answer}")
    tally.count(place.take(), lockdown())
    told = _told(stage)["on_demand"]
    expect((told["action"], told["rule"]) == ("Connect", 0), f"the rule of the Wi-Fi: {told}")
    expect(told["source"]["path"].endswith("OnDemandRules[0]") and told["source"]["line"] > 1, f"the rule's place: {told}")
    why = stage.agent.request("why", flow=json.dumps({"app": "com.example.browser", "remote": world.SERVER, "protocol": "tcp", "remote_port": 7}))
    expect(why["on_demand"][0]["rule"] == 0 and why["on_demand"][0]["tunnel"] == WIDE, f"why: {why}")

    place.down(world.WIFI)
    _wanted(stage, False, "Disconnect on cellular")
    expect(_told(stage)["on_demand"]["rule"] == 1, "the rule of the cellular network")
    place.served()
    stage.client.report("disconnected")
    stage.wait("disconnected")
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"without the tunnel, on a network that is to have none: {answer}")

    place.up(world.WIFI)
    _wanted(stage, True, "Connect again")
    stage.connect()
    stage.agent.folder.joinpath("config/agent.yaml").write_text(json.dumps(
        {**json.loads(stage.agent.folder.joinpath("config/agent.yaml").read_text()), "resolvers": {"wlan0": {"servers": [world.SERVER], "search": ["elsewhere.example"]}}}))
    place.take()
    stage.agent.request("reload")
    stage.new_client()
    stage.client.report("connected")
    _wait(stage, "another network of the same type", lambda entry: entry["on_demand"]["action"] == "Ignore")
    stage.wait("connected")
    expect(_told(stage)["wanted"], "Ignore keeps what is up")
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"through the tunnel that was kept: {answer}")
    tally.count(place.take(), lockdown())
    return tally


@scenario("on-demand: a user overrides the rule, and may not where OnDemandUserOverrideDisabled says so")
def override(place):
    stage = _stage(place, [{"Action": "Connect"}], OnDemandUserOverrideDisabled=0)
    stage.connect()
    stage.agent.request("disconnect", tunnel=WIDE)
    _wanted(stage, False, "a user's disconnect")
    expect(_told(stage)["on_demand"]["overridden"], "the override is not told")
    stage.client.report("disconnected")
    stage.wait("disconnected")
    stage.agent.request("connect", tunnel=WIDE)
    _wanted(stage, True, "a user's connect")
    stage.agent.terminate()
    stage.policy = stage.agent.policy = stage.compile(profiles.device_wide(OnDemandUserOverrideDisabled=1, **EVERYWHERE))
    stage.agent.start()
    try:
        stage.agent.request("disconnect", tunnel=WIDE)
    except RuntimeError as error:
        expect("OnDemandUserOverrideDisabled" in str(error), f"refused for another reason: {error}")
    else:
        raise AssertionError("a user may override what the profile forbids")
    expect(_told(stage)["wanted"], "the tunnel is not wanted any more")
    return Tally(status="connected, disconnected")


@scenario("on-demand: an idle tunnel ends, and the next use starts it")
def idle(place):
    tally = Tally(status="connected, disconnected")
    stage = _stage(place, [{"Action": "Connect"}], DisconnectOnIdle=1, DisconnectOnIdleTimer=2)
    stage.connect()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        stage.ask("browser", world.SERVER, protocol="udp")
        expect(_told(stage)["wanted"], "it ends while it is used")
        time.sleep(0.2)
    place.take()
    _wanted(stage, False, "the end of an idle tunnel")
    expect(_told(stage)["on_demand"]["resting"], "it does not say that it rests")
    stage.client.report("disconnected")
    stage.wait("disconnected")
    time.sleep(0.5)
    expect(not _told(stage)["wanted"], "nobody has used it")
    answer, _ = stage.ask("browser", world.SERVER, protocol="udp")
    expect(answer in REFUSED, f"while it is away: {answer}")
    _wanted(stage, True, "its next use")
    stage.connect()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"through it: {answer}")
    tally.count(place.take(), lockdown())
    return tally


@scenario("on-demand: the first packet of a governed app starts its per-app VPN (OnDemandMatchAppEnabled)")
def match_app(place):
    tally = Tally(status="disconnected, connected")
    stage = Stage(place, profiles.per_app("com.example.ledger", OnDemandMatchAppEnabled=True), profiles.PER_APP).start()
    stage.new_client()
    stage.client.report("disconnected")
    place.take()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"an app that it does not govern: {answer}")
    time.sleep(0.2)
    expect(not _told(stage)["wanted"], "another app has started it")
    place.take()
    answer, _ = stage.ask("ledger", world.SERVER, protocol="udp")
    expect(answer in REFUSED, f"before the tunnel is up: {answer}")
    _wanted(stage, True, "the app's first packet")
    stage.connect()
    answer, _ = stage.ask("ledger", world.SERVER)
    expect(answer == b"hello", f"through the tunnel: {answer}")
    tally.count(place.take(), lockdown())
    return tally


@scenario("on-demand: the connection that starts the tunnel waits for it; nothing of it leaves before")
def waits(place):
    tally = Tally(status="disconnected, connecting, connected")
    stage = Stage(place, profiles.per_app("com.example.ledger", OnDemandMatchAppEnabled=True), profiles.PER_APP).start()
    stage.new_client()
    stage.client.report("disconnected")
    place.take()
    place.served()
    apps = [(stage.app("ledger"), world.SERVER), (stage.app("ledger", uid=1000), world.SERVER6)]
    for app, server in apps:
        app.send((ask, (server, {"seconds": 15})))
    _wanted(stage, True, "the app's connection")
    time.sleep(0.5)
    stage.connect()
    answers = [app.receive() for app, _ in apps]
    expect(all(answer == b"hello" for answer, _ in answers), f"what came back, and after how long: {answers}; {stage.agent.log()[-2000:]}")
    expect(all(took > 0.5 for _, took in answers), f"they did not wait: {answers}")
    seen = {peer for _, address, peer, _ in place.served() if address in (world.SERVER, world.SERVER6)}
    expect(seen == {world.TUNNEL, world.TUNNEL6}, f"the server saw {seen}, not the tunnel's addresses")
    tally.count(place.take(), lockdown())
    tally.note = f"after {max(took for _, took in answers):.1f} s"
    return tally


@scenario("on-demand: a connection waits 20 s at most; then it and those after it are refused at once", long=True)
def waits_in_vain(place):
    tally = Tally(status="connecting")
    stage = Stage(place, profiles.per_app("com.example.ledger", OnDemandMatchAppEnabled=True), profiles.PER_APP).start()
    stage.new_client()
    stage.client.report("disconnected")
    place.take()
    answer, took = stage.ask("ledger", world.SERVER, seconds=60)
    expect(answer in REFUSED | {errno.ECONNABORTED} and 15 < took < 25, f"the one that waits: {answer} after {took:.1f} s; {stage.agent.log()[-1000:]}")
    answer, took = stage.ask("ledger", world.SERVER, seconds=60)
    expect(answer in REFUSED and took < 0.5, f"the next one: {answer} after {took:.1f} s")
    tally.count(place.take(), lockdown())
    stage.connect()
    answer, took = stage.ask("ledger", world.SERVER)
    expect(answer == b"hello", f"when it is up after all: {answer}")
    return tally
