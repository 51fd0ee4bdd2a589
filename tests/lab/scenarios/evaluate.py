"""EvaluateConnection: the first lookup of a host decides whether a VPN that is down has to serve it."""

import json
import time

from tests.lab import dns, profiles, world
from tests.lab.process import Child
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import Stage
from tests.lab.strongswan import wait_for
from tests.lab.web import Web

WIDE, PORT = profiles.DEVICE_WIDE, 8080
_FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
_LONG, _SILENT = 600, "192.0.2.1"
INSIDE, OUTSIDE = world.EXTRA_SERVERS[0], world.SERVER  # addresses of hosts, as the two resolvers know them
PUBLIC = ("shop.example.org", "known.corp.example", "www.trusted.example", "www.moved.example", "www.answered.example", "www.silent.example")
PRIVATE = ("wiki.corp.example", "public.corp.example", *PUBLIC)


def _needed(domain, **more):
    return {"Domains": [domain], "DomainAction": "ConnectIfNeeded", **more}


RULES = [{"Action": "EvaluateConnection", "ActionParameters": [
    {"Domains": ["public.corp.example"], "DomainAction": "NeverConnect"},
    _needed("corp.example"),
    _needed("trusted.example", RequiredURLStringProbe=f"http://{world.SERVER}:{PORT}/"),
    _needed("moved.example", RequiredURLStringProbe=f"http://{world.EXTRA_SERVERS[1]}:{PORT}/"),
    _needed("answered.example", RequiredDNSServers=[_SILENT, world.WIFI.router]),
    _needed("silent.example", RequiredDNSServers=[_SILENT]),
]}]


class _Story:
    def __init__(self, place, profile, tunnel):
        self.place = place
        place.internet.ip(f"route add blackhole {_SILENT}/32")
        self.stage = Stage(place, profile, tunnel, configuration={"resolvers": {"wlan0": {"servers": [world.WIFI.router]}}}, inside=True)
        self._servers = {}
        for name, at, address, hosts, value in (("network", "wifi", world.WIFI.router, PUBLIC, OUTSIDE), ("tunnel", "gateway", world.INSIDE, PRIVATE, INSIDE)):
            zone = {host: [(dns.A, value, _LONG)] for host in hosts}
            self._servers[name] = Child(dns.serve, [address], zone, namespace=place.places[at], cgroup=place.outside)
            self._servers[name].receive()
        self.stage.start()
        self.stage.new_client()
        self.stage.client.report("disconnected")
        self.app = self.stage.app("browser")

    def told(self):
        return self.stage.agent.request("status")["tunnels"][0]

    def wanted(self, what):
        return wait_for(lambda: self.told()["wanted"], lambda: f"{what}: {self.told()}; the agent's log: {self.stage.agent.log()[-2000:]}", 10)

    def asked(self, name):
        self._servers[name].send("log")
        return {(host, peer) for _, host, peer in self._servers[name].receive()}

    def stays_down(self, host, code, addresses, outcome, parameter):
        answer = self.app.call(dns.look_up, world.WIFI.router, host, {"seconds": 9})
        expect((answer.get("code"), answer.get("addresses")) == (code, addresses), f"{host}: {answer}\n{self.stage.agent.log()[-1500:]}")
        expect(not self.told()["wanted"], f"{host} has started the tunnel: {self.told()}")
        evaluation = self.told()["on_demand"].get("evaluation", {})
        expect((evaluation.get("host"), evaluation.get("outcome"), evaluation.get("parameter")) == (host, outcome, parameter), f"{host}: {evaluation}")
        expect(evaluation["source"]["path"].endswith(f"ActionParameters[{parameter}]") and evaluation["source"]["line"] > 1, f"its place: {evaluation}")

    def starts(self, host, why, parameter):
        """The lookup waits until the tunnel is up, and is answered by the tunnel's resolver."""
        self.app.send((dns.look_up, (world.WIFI.router, host, {"seconds": 15})))
        self.wanted(host)
        time.sleep(0.3)
        expect(not self.app.channel.poll(), f"{host}: the lookup did not wait")
        evaluation = self.told()["on_demand"]["evaluation"]
        expect(evaluation["host"] == host and evaluation["outcome"] == "needed" and why in evaluation["why"], f"{host}: {evaluation}")
        expect(evaluation["parameter"] == parameter and evaluation["source"]["path"].endswith(f"ActionParameters[{parameter}]"), f"its place: {evaluation}")
        told = self.stage.agent.request("why", flow=json.dumps({"app": "com.example.browser", "remote": OUTSIDE, "protocol": "tcp", "remote_port": 443, "hostname": host}))
        expect(told["on_demand"][0]["evaluation"]["why"] == evaluation["why"], f"why: {told}")
        self.asked("tunnel")
        self.stage.connect(dns={"servers": [world.INSIDE]})
        answer = self.app.receive()
        expect(answer.get("addresses") == [INSIDE], f"{host}: {answer}\n{self.stage.agent.log()[-1500:]}")
        expect((host, world.TUNNEL) in self.asked("tunnel"), f"{host}: who was asked?")

    def ends(self):
        self.stage.client.report("disconnected", deliberate=True)
        self.stage.wait("disconnected")
        expect(not self.told()["wanted"], "its own client has ended it, and it is wanted")


@scenario("on-demand: EvaluateConnection, each of its criteria, by lookups of an app; others' hosts start nothing")
def evaluate(place):
    fine, moved = Web(place, PORT), Web(place, PORT, address=world.EXTRA_SERVERS[1])
    fine.answers(_FINE)
    moved.answers(_MOVED)
    story = _Story(place, profiles.device_wide(OnDemandRules=RULES), WIDE)
    expect(story.told()["on_demand"]["action"] == "EvaluateConnection", f"the network's rule: {story.told()}")
    answer = story.app.call(dns.look_up, world.WIFI.router, "shop.example.org")
    expect(answer.get("addresses") == [OUTSIDE] and "evaluation" not in story.told()["on_demand"], f"a host that no parameter names: {answer}")
    story.stays_down("public.corp.example", dns.NO_NAME, [], "never", 0)
    story.stays_down("known.corp.example", dns.NO_ERROR, [OUTSIDE], "not-needed", 1)
    story.stays_down("www.trusted.example", dns.NO_ERROR, [OUTSIDE], "not-needed", 2)
    expect({peer for peer, _ in fine.peers()} == {world.WIFI.device}, "the probe came by another way")
    story.stays_down("www.answered.example", dns.NO_ERROR, [OUTSIDE], "not-needed", 4)
    for host, why, parameter in (("wiki.corp.example", "does not resolve", 1), ("www.moved.example", "RequiredURLStringProbe", 3),
                                 ("www.silent.example", "RequiredDNSServers", 5)):
        story.starts(host, why, parameter)
        story.ends()
    # What is up is asked of nobody: the next host goes through it.
    story.starts("wiki.corp.example", "does not resolve", 1)
    moved.peers()
    answer = story.app.call(dns.look_up, world.WIFI.router, "www.moved.example")
    expect(answer.get("addresses") == [INSIDE] and not moved.peers(), f"while it is up: {answer}")
    # A user's word goes before.
    story.stage.agent.request("disconnect", tunnel=WIDE)
    story.stage.client.report("disconnected")
    story.stage.wait("disconnected")
    answer = story.app.call(dns.look_up, world.WIFI.router, "wiki.corp.example")
    expect(answer.get("code") == dns.NO_NAME and not story.told()["wanted"], f"a user has switched it off: {answer}, {story.told()}")
    return Tally(status="disconnected, connected")


@scenario("on-demand: EvaluateConnection, a probe that nobody answers holds its hosts' lookups, nobody else's, and not for long", long=True)
def evaluate_slowly(place):
    rules = [{"Action": "EvaluateConnection", "ActionParameters": [_needed("trusted.example", RequiredURLStringProbe=f"http://{_SILENT}:{PORT}/")]}]
    story = _Story(place, profiles.device_wide(OnDemandRules=rules), WIDE)
    story.app.send((dns.look_up, (world.WIFI.router, "www.trusted.example", {"seconds": 20})))
    wait_for(lambda: story.told()["on_demand"].get("evaluation", {}).get("outcome") == "pending", lambda: f"{story.told()}", 5)
    answer = story.stage.app("mail").call(dns.look_up, world.WIFI.router, "shop.example.org")
    expect(answer.get("addresses") == [OUTSIDE] and answer["seconds"] < 1, f"another host meanwhile: {answer}")
    answer = story.app.receive(25)
    expect(answer.get("addresses") == [OUTSIDE] and answer["seconds"] < 15, f"it waits at most so long: {answer}")
    expect(story.told()["wanted"], "the probe has failed, and the tunnel is not wanted")
    return Tally(status="disconnected", note=f"after {answer['seconds']:.1f} s")


@scenario("on-demand: EvaluateConnection of a per-app VPN: NeverConnect keeps a host from starting it")
def evaluate_per_app(place):
    rules = [{"Action": "EvaluateConnection", "ActionParameters": [{"Domains": ["public.corp.example"], "DomainAction": "NeverConnect"}, _needed("corp.example")]}]
    keys = profiles.per_app("com.example.browser", OnDemandMatchAppEnabled=True, rules=rules)
    story = _Story(place, keys, profiles.PER_APP)
    answer = story.app.call(dns.look_up, world.WIFI.router, "public.corp.example")
    expect(answer.get("code") == dns.SERVER_FAILURE and not story.told()["wanted"], f"NeverConnect: {answer}, {story.told()}")
    story.app.send((dns.look_up, (world.WIFI.router, "wiki.corp.example", {"seconds": 15})))
    story.wanted("a host that needs it")
    story.stage.connect(dns={"servers": [world.INSIDE]})
    answer = story.app.receive()
    expect(answer.get("addresses") == [INSIDE], f"through the tunnel: {answer}")
    expect(not story.asked("network"), "the network's resolver was asked for a governed app's hosts")
    return Tally(status="disconnected, connected")
