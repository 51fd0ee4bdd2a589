"""The end of `./dev demo`: the always-on example on a real IKEv2 tunnel, while it goes up, dies and returns. A live table of
what apps try and what becomes of it, and the count of leaked packets, from captures on the wires."""

import errno
import sys
import time

from tests.lab import strongswan, world
from tests.lab.frames import Lockdown
from tests.lab.ike import OUTER, IkeStage
from tests.lab.stage import ask

FLOWS = [  # app, what is tried
    ("browser", "web page, IPv4", (world.SERVER, {"port": 443})),
    ("browser", "web page, IPv6", (world.SERVER6, {"port": 443})),
    ("mail", "mail, TCP 80", (world.SERVER, {"port": 80})),
    ("ledger", "datagram, UDP 7", (world.SERVER, {"protocol": "udp"})),
    ("watch", "a public resolver, UDP 53", (world.EXTRA_SERVERS[0], {"port": 53, "protocol": "udp"})),
]
ROW = "  {:10} {:28} {:32} {}"
_CLEAR = "\033[{}F\033[J"


class Demo:
    def __init__(self, place):
        self._place = place
        self._stage = IkeStage(place)
        self._terminal = sys.stdout.isatty()
        self._lines = 0
        self._packets = self._leaked = self._outer = 0
        self._lockdown = Lockdown(endpoints=OUTER, tunnel_addresses=[world.TUNNEL, world.TUNNEL6])

    def play(self):
        """Returns how many packets leaked."""
        stage = self._stage
        stage.start()
        self._act("The agent guards the device; the VPN's gateway does not answer yet", 1.5)
        self._gateway_answers("The gateway is there: the tunnel is up")
        stage.gateway.stop()
        stage.wait_not("connected", 20)
        self._act("The gateway has gone", 2)
        self._gateway_answers("The gateway is back")
        stage.agent.kill()
        self._act("The agent was killed: the kernel goes on", 1.5)
        print(f"\n  {self._packets} frames left the device, {self._outer} of them in the tunnel. \033[1mLeaked: {self._leaked}\033[0m")
        return self._leaked

    def _gateway_answers(self, title):
        self._stage.start_gateway()
        self._stage.wait("connected", 30)
        self._act(title, 1.5)

    def _act(self, title, seconds):
        print(f"\n\033[1m{title}\033[0m")
        print("\033[2m" + ROW.replace("{:32}", "{:23}").format("app", "tries", "gets", "by") + "\033[0m")
        self._lines = 0
        end = time.monotonic() + seconds
        while True:
            self._draw()
            if time.monotonic() > end:
                return
            time.sleep(0.2)

    def _draw(self):
        rows = []
        for app, what, (server, how) in FLOWS:
            self._place.served()
            answer, took = self._stage.app(app).call(ask, server, {**how, "seconds": 0.6})
            peers = {peer for _, address, peer, _ in self._place.served() if address == server}
            rows.append(ROW.format(app, what, _answer(answer, took), _way(peers)))
        for frame in self._place.take():
            self._packets += 1
            self._leaked += not self._lockdown.allows(frame)
            self._outer += (frame.destination, frame.protocol, frame.port) in OUTER
        rows.append(f"  \033[2m{self._packets} frames on the wires, {self._outer} of the tunnel's; leaked: {self._leaked}\033[0m")
        if self._terminal and self._lines:
            print(_CLEAR.format(self._lines), end="")
        elif self._lines:
            return  # a file gets each table once
        print("\n".join(rows), flush=True)
        self._lines = len(rows)


def _answer(answer, took):
    if answer == b"hello":
        return f"\033[32manswer\033[0m in {took * 1000:.0f} ms"
    name = errno.errorcode.get(answer, answer) if isinstance(answer, int) else answer
    return f"\033[31m{name}\033[0m after {took * 1000:.0f} ms"


def _way(peers):
    return "the tunnel" if peers & {world.TUNNEL, world.TUNNEL6} else "the wire!" if peers else "–"


def show(place):
    missing = strongswan.available()
    if missing:
        print(f"  {missing}")
        return 1
    return 1 if Demo(place).play() else 0
