"""App proxies: flows are handed to a real proxy, TCP and UDP, and go nowhere else."""

import errno
import socket
import time

from tests.lab import certificates, dns, profiles, world
from tests.lab.agent import Agent
from tests.lab.frames import Leak
from tests.lab.load import Flood, Streams
from tests.lab.process import Child
from tests.lab.proxies import PASSWORD, PORTS, SECURE_PORT, USER, Proxy, secured
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Base, Stage, lockdown
from tests.lab.strongswan import wait_for

LEDGER = "ledger"
NAME = "wiki.corp.example"
GONE = REFUSED | {errno.ECONNRESET, errno.ECONNREFUSED, errno.EPIPE}


def profile(program, apps=("com.example.ledger",), resolver=True, **keys):
    vendor = {"ProxyType": "HTTP" if program == "tinyproxy" else "SOCKS5", "ProxyPort": PORTS[program]}
    vpn = {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "com.example.proxy", "ProviderType": "app-proxy",
           "AuthenticationMethod": "Password", **keys}
    names = {"DNS": {"DNSProtocol": "Cleartext", "ServerAddresses": [world.GATEWAY]}} if resolver else {}
    return profiles.per_app(*apps, VPN=vpn, VendorConfig=vendor, VPNSubType="com.example.proxy", **names)


class _Stage(Base):
    """The proxy is its own provider: nobody speaks for the tunnel."""

    def __init__(self, place, text, tunnel=profiles.PER_APP, resolver=True):
        super().__init__(place, tunnel)
        self.policy = self.compile(text)
        self.agent = Agent(place, place.build, self.policy, inside=True, configuration={"resolvers": {"wlan0": {"servers": [world.WIFI.router]}}})
        if resolver:
            Child(dns.serve, [world.GATEWAY], {NAME: [(dns.A, world.SERVER, 600)]}, namespace=place.gateway, cgroup=place.outside).receive()
        self.start()

    def connect(self):
        self.agent.request("connect", tunnel=self.tunnel_name)
        self.wait("connected")
        return self


def _only(port, datagrams=False):
    """What may leave: the relay's connections to the proxy; with SOCKS5's associations, datagrams to it."""
    return lockdown(direct=[Leak(destination=world.GATEWAY, protocol=6, port=port), *([Leak(destination=world.GATEWAY, protocol=17)] if datagrams else [])])


def _seen(server, kind, port=7):
    """In an app: whom a connected socket says that it is connected to, and who has answered."""
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind) as s:
        s.settimeout(5)
        s.connect((server, port))
        s.send(b"hello")
        if kind == socket.SOCK_DGRAM:
            data, peer = s.recvfrom(64)
        else:
            data, peer = s.recv(5), s.getpeername()
        return data, s.getpeername()[:2], peer[:2]


def _unconnected(servers):
    """In an app: one datagram socket that asks several servers by turns; who has answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        out = []
        for server in servers:
            s.sendto(b"hello", (server, 7))
            out.append(s.recvfrom(64))
        return out


def _bulk(server, size):
    """In an app: sends so much to an echo server, which keeps little, then ends its half, and reads until the end."""
    with socket.create_connection((server, 7), 5) as s:
        s.settimeout(20)
        data, got = bytes(range(256)) * (size // 256), bytearray()
        s.setblocking(False)
        sent, ended = 0, False
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if sent < size and sent - len(got) < 131072:
                try:
                    sent += s.send(data[sent:sent + 65536])
                except BlockingIOError:
                    pass
            elif not ended and sent == len(got) == size:
                s.shutdown(socket.SHUT_WR)
                ended = True
            try:
                piece = s.recv(1 << 20)
                if not piece:
                    break
                got += piece
            except BlockingIOError:
                time.sleep(0.0005)
        return "whole" if bytes(got) == data and ended else f"{sent} bytes sent, {len(got)} came back, {'ended' if ended else 'not ended'}"


@scenario("app proxy: SOCKS5 (danted), TCP and UDP, names and peers kept; nothing leaves but to the proxy")
def socks(place):
    tally = Tally(status="disconnected, connected, reasserting")
    proxy = Proxy(place, "danted", {NAME: world.EXTRA_SERVERS[0]}).start()
    stage = _Stage(place, profile("danted"))
    place.take()
    for protocol in ("tcp", "udp"):
        answer, took = stage.ask(LEDGER, world.SERVER, protocol=protocol)
        expect(answer in REFUSED and took < 1, f"before the proxy is looked for: {protocol} {answer}")
    tally.count(place.take(), lockdown())
    stage.connect()
    place.take()
    place.served()
    for server in (world.SERVER, world.SERVER6):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            data, peer, sender = stage.app(LEDGER).call(_seen, server, kind)
            expect(data == b"hello" and peer == (server, 7) == sender, f"{server} {kind}: {data} {peer} {sender}\n{proxy.log()}")
    seen = {peer for _, address, peer, _ in place.served()}
    expect(seen == {world.GATEWAY, world.GATEWAY6}, f"the server saw {seen}, not the proxy")
    answers = stage.app(LEDGER).call(_unconnected, [world.SERVER, world.EXTRA_SERVERS[0], world.SERVER])
    expect([peer for _, peer in answers] == [(server, 7) for server in (world.SERVER, world.EXTRA_SERVERS[0], world.SERVER)], f"by turns: {answers}")
    # The proxy is asked for the name: it knows another address by it.
    told = stage.app(LEDGER).call(dns.look_up, world.WIFI.router, NAME)
    expect(told.get("addresses") == [world.SERVER], f"a lookup, by the proxy: {told}\n{stage.agent.log()[-1500:]}")
    place.served()
    for protocol in ("tcp", "udp"):
        answer, _ = stage.ask(LEDGER, world.SERVER, protocol=protocol)
        expect(answer == b"hello", f"by the name's address, {protocol}: {answer}\n{proxy.log()}")
    asked = {(protocol, address) for protocol, address, _, _ in place.served()}
    expect(asked == {("tcp", world.EXTRA_SERVERS[0]), ("udp", world.EXTRA_SERVERS[0])}, f"the proxy went to {asked}, not where it knows {NAME} to be")
    start = time.monotonic()
    much = stage.app(LEDGER).call(_bulk, world.EXTRA_SERVERS[1], 16 << 20)
    expect(much == "whole", f"both ways at once, and the end of one half: {much}\n{proxy.log()}")
    tally.note = f"{16 / (time.monotonic() - start):.0f} MiB/s each way"
    tally.count(place.take(), _only(proxy.port, datagrams=True))
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello" and {peer for _, _, peer, _ in place.served()} >= {world.WIFI.device}, f"an app that it does not govern: {answer}")
    place.take()
    _goes(stage, proxy, tally)
    return tally


def _goes(stage, proxy, tally):
    """The proxy is killed, and comes back; then the agent is."""
    place, app = stage.place, stage.app(LEDGER)
    proxy.stop()
    answer, took = stage.ask(LEDGER, world.SERVER)
    expect(answer in GONE | {b""} and took < 2, f"the proxy is gone: {answer} after {took:.1f} s")
    stage.wait("reasserting")
    for protocol in ("tcp", "udp"):
        answer, took = stage.ask(LEDGER, world.SERVER, protocol=protocol)
        expect(answer in REFUSED and took < 0.5, f"and this is known: {protocol} {answer} after {took:.1f} s")
    proxy.start()
    stage.wait("connected", 40)
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer == b"hello", f"it is back: {answer}")
    tally.count(place.take(), _only(proxy.port, datagrams=True))
    stage.agent.kill()
    place.take()
    for protocol in ("tcp", "udp"):
        answer, took = stage.ask(LEDGER, world.SERVER, protocol=protocol)
        expect(answer in GONE and took < 0.5, f"the agent is killed: {protocol} {answer} after {took:.1f} s")
    tally.count(place.take(), lockdown(direct=[Leak(destination=world.GATEWAY, protocol=6, port=proxy.port)]))  # what TCP still had to say
    stage.agent.start()
    stage.wait("connected", 40)
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer == b"hello", f"with the next agent: {answer}\n{stage.agent.log()[-1500:]}")
    expect(app.call(_seen, world.SERVER, socket.SOCK_DGRAM)[0] == b"hello", "datagrams with the next agent")
    tally.count(place.take(), _only(proxy.port, datagrams=True))


@scenario("app proxy: HTTP CONNECT (tinyproxy) carries TCP by name; datagrams are refused at once")
def http(place):
    tally = Tally(status="connected, disconnected")
    proxy = Proxy(place, "tinyproxy", {NAME: world.EXTRA_SERVERS[0]}).start()
    stage = _Stage(place, profile("tinyproxy")).connect()
    place.take()
    place.served()
    data, peer, _ = stage.app(LEDGER).call(_seen, world.SERVER, socket.SOCK_STREAM)
    expect(data == b"hello" and peer == (world.SERVER, 7), f"{data} {peer}\n{proxy.log()}")
    told = stage.app(LEDGER).call(dns.look_up, world.WIFI.router, NAME)
    expect(told.get("addresses") == [world.SERVER], f"a lookup, by the proxy: {told}")
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer == b"hello" and [address for _, address, _, _ in place.served()][-1] == world.EXTRA_SERVERS[0], f"by name: {answer}\n{proxy.log()}")
    expect(f"{NAME}:7" in proxy.log(), f"the proxy was not asked for the name: {proxy.log()}")
    answer, took = stage.ask(LEDGER, world.SERVER, protocol="udp")
    expect(answer in REFUSED and took < 0.5, f"a datagram: {answer}")
    much = stage.app(LEDGER).call(_bulk, world.EXTRA_SERVERS[1], 16 << 20)
    expect(much == "whole", f"both ways at once, and the end of one half: {much}\n{proxy.log()}")
    tally.count(place.take(), _only(proxy.port))
    _goes_by_hand(stage, tally, proxy)
    return tally


@scenario("app proxy: HTTP CONNECT over TLS, to who has the name and knows the device; no name is on the wire")
def secure(place):
    tally = Tally(status="connecting, connected, disconnected")
    proxy = Proxy(place, "tinyproxy", {NAME: world.EXTRA_SERVERS[0]}).start()
    authority, devices = certificates.Authority(place.folder / "proxy-ca"), certificates.Authority(place.folder / "device-ca")
    identity, device = authority.issue("proxy.corp.example", world.GATEWAY), devices.issue("device.corp.example")
    stranger = certificates.Authority(place.folder / "other-ca").issue("proxy.corp.example", world.GATEWAY)

    def front(of):
        child = Child(secured, proxy.port, of.certificate, of.key, devices.certificate, namespace=place.gateway, cgroup=place.outside)
        child.receive()
        return child

    vpn = {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "com.example.proxy", "ProviderType": "app-proxy",
           "AuthenticationMethod": "Certificate", "PayloadCertificateUUID": profiles.IDENTITY}
    text = profiles.per_app("com.example.ledger", root=authority.certificate, identity=device, VPN=vpn, VPNSubType="com.example.proxy",
                            VendorConfig={"ProxyType": "HTTPS", "ProxyPort": SECURE_PORT})
    stage = _Stage(place, text, resolver=False)
    another = front(stranger)
    stage.agent.request("connect", tunnel=stage.tunnel_name)
    wait_for(lambda: "its certificate: " in stage.agent.log(), lambda: f"another's certificate: {stage.agent.log()[-1500:]}", 10)
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(stage.status() != "connected" and answer in REFUSED, f"another's certificate: {stage.status()}, {answer}")
    another.stop()
    front(identity)
    stage.connect()
    place.served()
    data, peer, _ = stage.app(LEDGER).call(_seen, world.SERVER, socket.SOCK_STREAM)
    expect(data == b"hello" and peer == (world.SERVER, 7), f"{data} {peer}\n{proxy.log()}")
    told = stage.app(LEDGER).call(dns.look_up, world.WIFI.router, NAME)
    answer, _ = stage.ask(LEDGER, told["addresses"][0])
    expect(answer == b"hello" and f"{NAME}:7" in proxy.log(), f"by name: {told} {answer}\n{proxy.log()}")
    much = stage.app(LEDGER).call(_bulk, world.EXTRA_SERVERS[1], 16 << 20)
    expect(much == "whole", f"both ways at once, and the end of one half: {much}\n{proxy.log()}")
    frames = place.take()
    expect(not any(word in frame.data for frame in frames for word in (b"CONNECT", NAME.encode())), "what is asked of the proxy is on the wire")
    tally.count(frames, _only(SECURE_PORT))
    _goes_by_hand(stage, tally, proxy)
    return tally


def _goes_by_hand(stage, tally, proxy):
    """A connection that is carried, and the tunnel is ended: it gets an error, and nothing more leaves."""
    place, app = stage.place, stage.app(LEDGER)
    app.send((_talks_on, (world.SERVER,)))
    time.sleep(0.3)
    stage.agent.request("disconnect", tunnel=stage.tunnel_name)
    stage.wait("disconnected")
    ended, took = app.receive()
    expect(ended in GONE and took < 2, f"a connection that was carried: {ended} after {took:.1f} s")
    time.sleep(0.2)
    place.take()
    answer, took = stage.ask(LEDGER, world.SERVER)
    expect(answer in REFUSED and took < 0.5, f"after its end: {answer}")
    tally.count(place.take(), lockdown())


def _talks_on(server):
    """In an app: asks until there is an error; which, and how long it took."""
    start = time.monotonic()
    with socket.create_connection((server, 7), 5) as s:
        s.settimeout(5)
        while time.monotonic() < start + 10:
            try:
                s.send(b"hello")
                if not s.recv(5):
                    return "ended", time.monotonic() - start
            except OSError as error:
                return error.errno, time.monotonic() - start
            time.sleep(0.01)
    return "goes on", 0


@scenario("app proxy: user and password of the profile (microsocks); wrong ones leave it down")
def login(place):
    tally = Tally(status="connected, connecting")
    proxy = Proxy(place, "microsocks", password=True).start()
    stage = _Stage(place, profile("microsocks", AuthName=USER, AuthPassword=PASSWORD)).connect()
    place.take()
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer == b"hello", f"with the password: {answer}\n{stage.agent.log()[-1500:]}")
    answer, took = stage.ask(LEDGER, world.SERVER, protocol="udp")
    expect(answer in REFUSED and took < 0.5, f"a proxy without datagrams: {answer}")
    tally.count(place.take(), _only(proxy.port))
    policy = stage.compile(profile("microsocks", AuthName=USER, AuthPassword="wrong"))
    stage.agent.terminate()
    stage.agent = Agent(place, place.build, policy, inside=True)
    stage.start()
    wait_for(lambda: "does not take our user and password" in stage.agent.log() or "closed the connection" in stage.agent.log(), lambda: stage.agent.log()[-1500:], 10)
    expect(stage.status() != "connected", "it is up by a wrong password")
    expect(PASSWORD not in stage.agent.log() and "wrong" not in stage.agent.log(), "a password is in the log")
    place.take()
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer in REFUSED, f"with a wrong password: {answer}")
    tally.count(place.take(), _only(proxy.port))
    return tally


@scenario("app proxy: a transparent proxy carries every app's TCP and UDP, but for what its routes exclude")
def transparent(place):
    tally = Tally(status="connected")
    proxy = Proxy(place, "danted").start()
    vendor = {"ProxyType": "SOCKS5", "ProxyPort": proxy.port, "ExcludedRoutes": [f"{world.EXTRA_SERVERS[0]}/32"]}
    stage = _Stage(place, profiles.transparent(vendor), profiles.DEVICE_WIDE).connect()
    place.take()
    place.served()
    for app in ("browser", LEDGER):
        for protocol in ("tcp", "udp"):
            answer, _ = stage.ask(app, world.SERVER, protocol=protocol)
            expect(answer == b"hello", f"{app}, {protocol}: {answer}\n{stage.agent.log()[-1500:]}\n{proxy.log()}")
    expect({peer for _, _, peer, _ in place.served()} == {world.GATEWAY}, "not by the proxy")
    tally.count(place.take(), _only(proxy.port, datagrams=True))
    answer, _ = stage.ask("browser", world.EXTRA_SERVERS[0])
    expect(answer == b"hello" and {peer for _, _, peer, _ in place.served()} == {world.WIFI.device}, f"an excluded destination: {answer}")
    return tally


def _provider(channel, path):
    """A client's own SOCKS5 proxy at a Unix socket: notes what it is asked for, and sends back what comes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(8)
        channel.send("ready")
        while True:
            client, _ = listener.accept()
            with client:
                client.settimeout(2)
                if not client.recv(3, socket.MSG_WAITALL):
                    continue
                client.sendall(b"\5\0")
                head = client.recv(5, socket.MSG_WAITALL)
                if len(head) < 5:
                    continue
                rest = client.recv(head[4] + 2 if head[3] == 3 else 5, socket.MSG_WAITALL)
                channel.send(rest[:-2].decode() if head[3] == 3 else socket.inet_ntoa(head[4:] + rest[:3]))
                client.sendall(b"\5\0\0\1" + bytes(6))
                while data := client.recv(4096):
                    client.sendall(data)


@scenario("app proxy: a client's own socket (settings.proxy of the external protocol), and nobody else's")
def own_socket(place):
    tally = Tally(status="connected, reasserting")
    vpn = {"RemoteAddress": world.GATEWAY, "ProviderBundleIdentifier": "com.example.client.proxy", "ProviderType": "app-proxy", "AuthenticationMethod": "Password"}
    stage = Stage(place, profiles.per_app("com.example.ledger", VPN=vpn), profiles.PER_APP, inside=True).start()
    path, foreign = place.folder / "proxy", place.folder / "foreign"
    provider = Child(_provider, str(path), namespace=place.device, cgroup=place.outside)
    provider.receive()
    place.folder.chmod(0o777)
    other = Child(_provider, str(foreign), namespace=place.device, cgroup=place.outside, uid=1000)
    other.receive()
    stage.agent.request("connect", tunnel=profiles.PER_APP)
    stage.connect(interface=None, proxy={"protocol": "socks5", "socket": str(path)})
    place.take()
    data, peer, _ = stage.app(LEDGER).call(_seen, world.SERVER, socket.SOCK_STREAM)
    expect(data == b"hello" and peer == (world.SERVER, 7) and provider.receive() == world.SERVER, f"{data} {peer}\n{stage.agent.log()[-1500:]}")
    answer, took = stage.ask(LEDGER, world.SERVER, protocol="udp")
    expect(answer in REFUSED and took < 0.5, f"a datagram: {answer}")
    stage.client.report("connected", interface=None, proxy={"protocol": "socks5", "socket": str(foreign)})
    time.sleep(0.3)
    answer, took = stage.ask(LEDGER, world.SERVER)
    expect(answer in GONE | {b""} and took < 2 and not other.channel.poll(), f"another user's socket: {answer}")
    stage.client.report("connected", interface=None, proxy={"protocol": "socks5", "socket": str(path)})
    time.sleep(0.3)
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer == b"hello", f"its own again: {answer}")
    stage.client.kill()
    stage.wait("reasserting")
    answer, _ = stage.ask(LEDGER, world.SERVER)
    expect(answer in REFUSED, f"its client is gone: {answer}")
    tally.count(place.take(), lockdown())
    return tally


@scenario("app proxy: the agent and the proxy killed by turns at 2,000 datagrams a second and 50 connections", rounds=4, full_rounds=100, long=True)
def killed(place):
    tally = Tally(status="connected, reasserting", runs=place.rounds, control_leaked=None)
    proxy = Proxy(place, "danted").start()
    stage = _Stage(place, profile("danted")).connect()
    flood = Flood(place, LEDGER, world.SERVER, rate=2000)
    place.take()
    place.served()
    for number in range(place.rounds):
        streams = Streams(place, LEDGER, world.EXTRA_SERVERS[1], 50)
        if number % 2:
            proxy.stop()
            time.sleep(0.5)
            proxy.start()
        else:
            stage.agent.kill()
            time.sleep(0.5)
            stage.agent.start()
        ended = streams.ended(3)
        expect(len(ended) == 50, f"{len(ended)} of 50 connections have ended")
        stage.wait("connected", 40)
        answer, _ = stage.ask(LEDGER, world.SERVER)
        expect(answer == b"hello", f"it is back: {answer}\n{stage.agent.log()[-1500:]}")
        tally.count(place.take(), _only(proxy.port, datagrams=True))
    tally.note = f"datagrams: {dict(flood.stop())}"
    tally.count(place.take(), _only(proxy.port, datagrams=True))
    seen = {peer for _, _, peer, _ in place.served()}
    expect(seen == {world.GATEWAY}, f"the server saw {seen}")
    return tally


@scenario("app proxy: names that the proxy alone knows; no lookup leaves")
def names(place):
    """Without resolvers of the VPN's own: an address stands for the name."""
    tally = Tally(status="connected")
    hosts = {NAME: world.EXTRA_SERVERS[0], "db.corp.example": world.EXTRA_SERVERS[1]}
    for program in ("tinyproxy", "danted"):
        proxy = Proxy(place, program, hosts).start()
        stage = _Stage(place, profile(program, resolver=False), resolver=False).connect()
        place.take()
        place.served()
        for name, address in hosts.items():
            told = stage.app(LEDGER).call(dns.look_up, world.WIFI.router, name)
            expect(len(told.get("addresses", [])) == 1 and told["addresses"][0].startswith(("198.18.", "198.19.")), f"{name}: {told}\n{stage.agent.log()[-1500:]}")
            expect(stage.app(LEDGER).call(dns.look_up, world.WIFI.router, name, {"kind": dns.AAAA}).get("code") == dns.NO_ERROR, "its IPv6 address")
            for kind in (socket.SOCK_STREAM, *([socket.SOCK_DGRAM] if program == "danted" else [])):
                data, peer, _ = stage.app(LEDGER).call(_seen, told["addresses"][0], kind)
                expect(data == b"hello" and peer == (told["addresses"][0], 7), f"{name}: {data} {peer}\n{proxy.log()}")
                expect({server for _, server, _, _ in place.served()} == {address}, f"{name} is not where the proxy knows it to be")
        tally.count(place.take(), _only(proxy.port, datagrams=True))
        told = stage.app("browser").call(dns.look_up, world.WIFI.router, NAME, {"seconds": 1})
        expect(not told.get("addresses"), f"another app's lookups are its own: {told}")
        stage.agent.remove()
        proxy.stop()
    return tally
