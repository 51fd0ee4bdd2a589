"""Names: whom apps' lookups reach, and which addresses they tie to which verdict."""

import time

from tests.lab import certificates, dns, profiles, world
from tests.lab.frames import TCP, UDP, Leak
from tests.lab.process import Child
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for

EXCLUDED, CHAINED, SHARED, SHORT = "open.example.org", "www.open.example.org", "cdn.example.net", "short.open.example.org"
INSIDE_NAME = "intranet.corp.example"
FOREIGN = "192.168.1.1"  # the Wi-Fi's own resolver
LEDGER = "ledger"
_LONG = 600


class Resolvers:
    """The network's resolver and the tunnel's, which know the same names, and one of somewhere else."""

    def __init__(self, place, zone):
        self._place = place
        addresses = {"network": [world.WIFI.router, world.WIFI.router6], "tunnel": [world.INSIDE, world.INSIDE6]}
        at = {"network": "wifi", "tunnel": "gateway"}
        self._servers = {name: Child(dns.serve, addresses[name], zone, namespace=place.places[at[name]], cgroup=place.outside) for name in at}
        for server in self._servers.values():
            server.receive()

    def asked(self, name):
        """What a resolver was asked since the last call: {(protocol, name)}, and whether by the tunnel's address alone."""
        self._servers[name].send("log")
        return [(protocol, host, peer) for protocol, host, peer in self._servers[name].receive()]


def _stage(place, profile, tunnel, zone):
    stage = Stage(place, profile, tunnel, configuration={"resolvers": {"wlan0": {"servers": [world.WIFI.router]}}}, inside=True)
    resolvers = Resolvers(place, zone)
    return stage.start(), resolvers


def _names(asked):
    return {name for _, name, _ in asked}


def _reached_by(stage, server, app=LEDGER):
    """The source address under which a server sees the app, TCP and UDP; or the refusal."""
    seen = set()
    for protocol in ("tcp", "udp"):
        stage.place.served()
        answer, _ = stage.ask(app, server, protocol=protocol)
        seen |= {answer} if answer != b"hello" else {peer for _, address, peer, _ in stage.place.served() if address == server}
    return seen


@scenario("names: an app's lookups go where its verdict says, whomever it asks; excluded names past the tunnel")
def excluded(place):
    tally = Tally(status="disconnected, connected, reasserting")
    zone = {EXCLUDED: [(dns.A, world.SERVER, _LONG), (dns.AAAA, world.SERVER6, _LONG)], CHAINED: [(dns.CNAME, SHARED, _LONG), (dns.A, world.EXTRA_SERVERS[0], _LONG)],
            INSIDE_NAME: [(dns.A, world.EXTRA_SERVERS[1], _LONG)]}
    stage, resolvers = _stage(place, profiles.per_app("com.example.ledger", ExcludedDomains=[EXCLUDED]), profiles.PER_APP, zone)
    app = stage.app(LEDGER)
    place.take()
    # Before its tunnel: an error at once, and nothing leaves.
    for resolver in (world.WIFI.router, world.SERVER, "127.0.0.53"):
        for how in ({}, {"connected": True}, {"protocol": "tcp"}):
            told = app.call(dns.look_up, resolver, INSIDE_NAME, how)
            expect(told.get("code") == dns.SERVER_FAILURE and told["seconds"] < 1, f"before the tunnel, {resolver}, {how}: {told}\n{stage.agent.log()[-1500:]}")
    expect(not resolvers.asked("network") and not resolvers.asked("tunnel"), "a resolver was asked before the tunnel was up")
    tally.count([frame for frame in place.take() if INSIDE_NAME.split(".")[0].encode() in frame.data], lockdown())
    drops = [drop for drop in stage.agent.request("drops")["recent"] if drop.get("hostname") == INSIDE_NAME]
    expect(drops and drops[0]["app"] == "com.example.ledger" and drops[0]["rule"] == "S4.e", f"drops does not tell of it: {drops}")
    # An excluded name may be asked of the network even now.
    told = app.call(dns.look_up, world.SERVER, EXCLUDED)
    expect(told.get("addresses") == [world.SERVER], f"an excluded name without the tunnel: {told}")
    expect(_names(resolvers.asked("network")) == {EXCLUDED}, "the network's resolver was not asked for it")
    stage.connect(dns={"servers": [world.INSIDE]})
    place.take()
    for resolver in (world.WIFI.router, world.SERVER, "127.0.0.53", world.WIFI.router6):
        for how in ({}, {"connected": True}, {"protocol": "tcp"}):
            told = app.call(dns.look_up, resolver, INSIDE_NAME, how)
            expect(told.get("addresses") == [world.EXTRA_SERVERS[1]], f"{resolver}, {how}: {told}\n{stage.agent.log()[-1500:]}")
            expect(tuple(told["seen"]) == (resolver, 53), f"the app asked {resolver} and sees {told['seen']}")
    asked = resolvers.asked("tunnel")
    expect({peer for _, _, peer in asked} == {world.TUNNEL} and _names(asked) == {INSIDE_NAME} and len(asked) == 12, f"the tunnel's resolver: {asked}")
    expect({protocol for protocol, _, _ in asked} == {"udp", "tcp"}, "over TCP what came over TCP")
    expect(not resolvers.asked("network"), "the network's resolver was asked for what belongs to the tunnel")
    tally.count([frame for frame in place.take() if b"intranet" in frame.data], lockdown())
    # Addresses: excluded ones past the tunnel, chains included, all others through it.
    app.call(dns.look_up, FOREIGN, EXCLUDED, {"kind": dns.AAAA})
    told = app.call(dns.look_up, FOREIGN, CHAINED)
    expect(told.get("addresses") == [world.EXTRA_SERVERS[0]], f"a name that leads to another: {told}")
    expect(_names(resolvers.asked("network")) == {EXCLUDED, CHAINED} and not resolvers.asked("tunnel"), "excluded names are the network's")
    expect(_reached_by(stage, world.SERVER) == {world.WIFI.device}, f"an excluded name's address: {_reached_by(stage, world.SERVER)}")
    expect(_reached_by(stage, world.SERVER6) == {world.WIFI.device6}, "its IPv6 address")
    expect(_reached_by(stage, world.EXTRA_SERVERS[0]) == {world.WIFI.device}, "the address behind the other name")
    expect(_reached_by(stage, world.EXTRA_SERVERS[1]) == {world.TUNNEL}, "the address of a name that is not excluded")
    expect(stage.app("browser").call(dns.look_up, FOREIGN, INSIDE_NAME).get("addresses") == [world.EXTRA_SERVERS[1]], "another app's lookup")
    asked = resolvers.asked("network")
    expect([peer for _, _, peer in asked] == [world.WIFI.device], f"another app asks whom it likes: {asked}")
    # The tunnel goes: at once.
    stage.say("reasserting")
    place.take()
    told = app.call(dns.look_up, FOREIGN, INSIDE_NAME)
    expect(told.get("code") == dns.SERVER_FAILURE and told["seconds"] < 1, f"while the tunnel is away: {told}")
    tally.count([frame for frame in place.take() if b"intranet" in frame.data], lockdown())
    return tally


@scenario("names: a hundred names on one address, one of them excluded; and the end of an answer's life")
def shared(place):
    tally = Tally(runs=100, status="connected")
    many = [f"host{number}.{SHARED}" for number in range(99)]
    zone = {**{name: [(dns.A, world.SERVER, 2)] for name in many}, EXCLUDED: [(dns.A, world.SERVER, _LONG)], SHORT: [(dns.A, world.EXTRA_SERVERS[0], 1)]}
    stage, _ = _stage(place, profiles.per_app("com.example.ledger", ExcludedDomains=[EXCLUDED]), profiles.PER_APP, zone)
    stage.connect(dns={"servers": [world.INSIDE]})
    app = stage.app(LEDGER)
    app.call(dns.look_up, FOREIGN, EXCLUDED)
    expect(_reached_by(stage, world.SERVER) == {world.WIFI.device}, "the excluded name alone")
    for name in many:
        app.call(dns.look_up, FOREIGN, name)
    expect(_reached_by(stage, world.SERVER) == {world.TUNNEL}, "with one other name the stricter verdict holds")
    expect("the stricter holds" in stage.agent.log(), "and the agent says so")
    expect(_reached_by(stage, world.SERVER) == {world.TUNNEL}, "again")
    wait_for(lambda: _reached_by(stage, world.SERVER) == {world.WIFI.device}, "the others' answers to run out", 8)
    # An answer lives for its own time and a second.
    start = time.monotonic()
    app.call(dns.look_up, FOREIGN, SHORT)
    told = time.monotonic()
    expect(_reached_by(stage, world.EXTRA_SERVERS[0]) == {world.WIFI.device}, "a short-lived answer")
    place.take()
    while time.monotonic() < start + 1.8:
        time.sleep(0.05)
    expect(_reached_by(stage, world.EXTRA_SERVERS[0]) == {world.WIFI.device}, "before its second of grace is over")
    while time.monotonic() < told + 2.1:
        time.sleep(0.02)
    place.take()
    expect(_reached_by(stage, world.EXTRA_SERVERS[0]) == {world.TUNNEL}, "after it")
    tally.count([frame for frame in place.take() if frame.protocol in (TCP, UDP)], lockdown())
    return tally


@scenario("names: split DNS, some names by the tunnel's resolver and the others by the network's")
def split(place):
    tally = Tally(status="connected")
    zone = {INSIDE_NAME: [(dns.A, "10.99.0.77", _LONG)], SHARED: [(dns.A, world.SERVER, _LONG)]}
    dns_part = {"DNSProtocol": "Cleartext", "ServerAddresses": [world.INSIDE], "SupplementalMatchDomains": ["corp.example"]}
    profile = profiles.device_wide(dns=dns_part)
    stage, resolvers = _stage(place, profile, profiles.DEVICE_WIDE, zone)
    app = stage.app("browser")
    expect(app.call(dns.look_up, FOREIGN, SHARED).get("addresses") == [world.SERVER], "before the tunnel")
    resolvers.asked("network")
    stage.connect(included=["10.99.0.0/24"])
    place.take()
    for resolver in (FOREIGN, world.WIFI.router6):
        told = app.call(dns.look_up, resolver, "Intranet.Corp.Example")
        expect(told.get("addresses") == ["10.99.0.77"] and tuple(told["seen"]) == (resolver, 53), f"a name of the tunnel: {told}\n{stage.agent.log()[-1500:]}")
    expect(app.call(dns.look_up, FOREIGN, SHARED).get("addresses") == [world.SERVER], "another name")
    expect(_names(resolvers.asked("tunnel")) == {INSIDE_NAME} and _names(resolvers.asked("network")) == {SHARED}, "each by its own resolver")
    expect(app.call(dns.look_up, FOREIGN, "nowhere.example")["code"] == dns.NO_NAME, "a name that nobody has")
    tally.count([frame for frame in place.take() if b"ntranet" in frame.data.lower()], lockdown())
    stage.say("reasserting")
    told = app.call(dns.look_up, FOREIGN, SHARED)
    expect(told.get("addresses") == [world.SERVER], f"after the tunnel: {told}")
    return tally


@scenario("names: the payload's resolver over TLS and HTTPS, and none whose certificate is another's")
def encrypted(place):
    tally = Tally(runs=5, status="connected")
    authority = certificates.Authority(place.folder / "dns-ca")
    identity, stranger = authority.issue("dns.corp.example"), certificates.Authority(place.folder / "other-ca").issue("dns.corp.example")
    device_authority = certificates.Authority(place.folder / "device-ca")
    device = device_authority.issue("device.corp.example")
    zone = {INSIDE_NAME: [(dns.A, world.EXTRA_SERVERS[1], _LONG)]}
    tls = {"DNSProtocol": "TLS", "ServerAddresses": [world.INSIDE], "ServerName": "dns.corp.example"}
    https = {"DNSProtocol": "HTTPS", "ServerAddresses": [world.INSIDE], "ServerURL": "https://dns.corp.example/dns-query", "PayloadCertificateUUID": profiles.IDENTITY}

    def profile(part):
        return profiles.per_app("com.example.ledger", root=authority.certificate, identity=device, DNS=part)

    stage, plain = _stage(place, profile(tls), profiles.PER_APP, zone)
    app = stage.app(LEDGER)

    def server(of, http2=False, devices=None):
        child = Child(dns.serve_encrypted, world.INSIDE, zone, of.certificate, of.key, http2, devices, namespace=place.gateway, cgroup=place.outside)
        child.receive()
        return child

    def told(by, transport):
        answer = app.call(dns.look_up, FOREIGN, INSIDE_NAME)
        by.send("log")
        log = by.receive()
        expect(not plain.asked("tunnel") and not plain.asked("network"), f"{transport}: asked in the clear")
        return answer, log

    stage.connect()
    place.take()
    good = server(identity)
    answer, log = told(good, "TLS")
    expect(answer.get("addresses") == [world.EXTRA_SERVERS[1]] and log == [("tls", INSIDE_NAME, world.TUNNEL)], f"TLS: {answer}, {log}\n{stage.agent.log()[-800:]}")
    stage.agent.request("apply", policy=str(stage.compile(profile(https))))
    stage.new_client()
    stage.connect()
    answer, log = told(good, "HTTPS")
    expect(answer.get("addresses") == [world.EXTRA_SERVERS[1]] and log == [("https", INSIDE_NAME, world.TUNNEL)], f"HTTPS: {answer}, {log}\n{stage.agent.log()[-800:]}")
    good.stop()
    newer = server(identity, http2=True, devices=device_authority.certificate)
    for connections in (1, 0):  # the second question is asked over the first one's
        answer, log = told(newer, "HTTP/2")
        expect(answer.get("addresses") == [world.EXTRA_SERVERS[1]], f"HTTP/2: {answer}, {log}\n{stage.agent.log()[-800:]}")
        expect(log == [("connection", 443, world.TUNNEL)] * connections + [("h2", INSIDE_NAME, world.TUNNEL)], f"HTTP/2, {connections} new: {log}")
    newer.stop()
    bad = server(stranger)
    answer, log = told(bad, "another's certificate")
    expect(answer.get("code") == dns.SERVER_FAILURE, f"another's certificate: {answer}")
    expect(log and {kind for kind, _, _ in log} == {"refused"}, f"another's certificate: {log}")
    stage.agent.request("apply", policy=str(stage.compile(profile({**tls, "ServerName": "elsewhere.example"}))))
    stage.new_client()
    stage.connect()
    bad.stop()
    good = server(identity)
    answer, log = told(good, "another name")
    expect(answer.get("code") == dns.SERVER_FAILURE and {kind for kind, _, _ in log} == {"refused"}, f"another name: {answer}, {log}")
    tally.count([frame for frame in place.take() if frame.protocol in (TCP, UDP)], lockdown())
    return tally


@scenario("names: domains that trigger a VPN (SafariDomains), while the agent is gone and after it is back")
def triggered(place):
    tally = Tally(status="connected")
    zone = {INSIDE_NAME: [(dns.A, world.EXTRA_SERVERS[1], _LONG)], SHARED: [(dns.A, world.SERVER, _LONG)]}
    stage, resolvers = _stage(place, profiles.per_app(SafariDomains=["corp.example"]), profiles.PER_APP, zone)
    app = stage.app("browser")
    told = app.call(dns.look_up, FOREIGN, INSIDE_NAME)
    expect(told.get("code") == dns.SERVER_FAILURE, f"a name that needs the tunnel, before it is up: {told}")
    stage.connect(dns={"servers": [world.INSIDE]})
    place.take()
    expect(app.call(dns.look_up, FOREIGN, INSIDE_NAME).get("addresses") == [world.EXTRA_SERVERS[1]], "a name that triggers")
    expect(app.call(dns.look_up, FOREIGN, SHARED).get("addresses") == [world.SERVER], "another name")
    expect(_names(resolvers.asked("tunnel")) == {INSIDE_NAME} and _names(resolvers.asked("network")) == {SHARED}, "each by its own resolver")

    def by(server):
        return _reached_by(stage, server, "browser")

    expect(by(world.EXTRA_SERVERS[1]) == {world.TUNNEL} and by(world.SERVER) == {world.WIFI.device}, "each by its own way")
    stage.agent.kill()
    expect(by(world.EXTRA_SERVERS[1]) == {world.TUNNEL}, "without the agent the tie holds")
    told = app.call(dns.look_up, FOREIGN, INSIDE_NAME, {"connected": True})
    expect("error" in told and told["seconds"] < 1, f"without the agent a lookup fails at once: {told}")
    expect(not resolvers.asked("tunnel") and not resolvers.asked("network"), "without the agent nobody is asked")
    stage.agent.start()
    expect(by(world.EXTRA_SERVERS[1]) <= REFUSED | {world.TUNNEL}, "a new agent's tunnel is on its way")
    stage.new_client()
    stage.connect(dns={"servers": [world.INSIDE]})
    expect(by(world.EXTRA_SERVERS[1]) == {world.TUNNEL}, f"what an earlier agent tied: {by(world.EXTRA_SERVERS[1])}")
    expect(app.call(dns.look_up, FOREIGN, INSIDE_NAME).get("addresses") == [world.EXTRA_SERVERS[1]], "lookups by the new agent")
    tally.count([frame for frame in place.take() if frame.destination == world.EXTRA_SERVERS[1] or b"intranet" in frame.data], lockdown())
    return tally


@scenario("names: a lookup starts the tunnel that it needs, and waits for it (OnDemandMatchAppEnabled)")
def starts(place):
    """What apps do first. The lookups of others are not held up; no question leaves before the tunnel is up."""
    tally = Tally(status="disconnected, connecting, connected")
    zone = {INSIDE_NAME: [(dns.A, world.EXTRA_SERVERS[1], _LONG)]}
    stage, resolvers = _stage(place, profiles.per_app("com.example.ledger", OnDemandMatchAppEnabled=True), profiles.PER_APP, zone)
    stage.new_client()
    stage.client.report("disconnected")
    place.take()
    app = stage.app(LEDGER)
    app.send((dns.look_up, (FOREIGN, INSIDE_NAME, {"seconds": 9})))
    wait_for(lambda: stage.agent.request("status")["tunnels"][0]["wanted"], lambda: f"the lookup to start the tunnel; {stage.agent.log()[-1500:]}")
    other = stage.app("browser").call(dns.look_up, FOREIGN, INSIDE_NAME)
    expect(other.get("addresses") == [world.EXTRA_SERVERS[1]] and other["seconds"] < 1, f"another app's lookup: {other}")
    asked = resolvers.asked("network")
    expect([peer for _, _, peer in asked] == [world.WIFI.device], f"the network's resolver was asked: {asked}")
    time.sleep(0.5)
    tally.count([frame for frame in place.take() if b"intranet" in frame.data], lockdown(direct=[Leak(destination=FOREIGN, protocol=UDP, port=53)]))
    expect(not resolvers.asked("network"), "the app's question left before its tunnel was up")
    stage.connect(dns={"servers": [world.INSIDE]})
    told = app.receive()
    expect(told.get("addresses") == [world.EXTRA_SERVERS[1]] and told["seconds"] > 0.5, f"what the app was told: {told}; {stage.agent.log()[-1500:]}")
    expect({peer for _, _, peer in resolvers.asked("tunnel")} == {world.TUNNEL} and not resolvers.asked("network"), "the tunnel's resolver, and no other")
    expect(_reached_by(stage, world.EXTRA_SERVERS[1]) == {world.TUNNEL}, "and what it then connects to")
    tally.count([frame for frame in place.take() if b"intranet" in frame.data], lockdown())
    return tally
