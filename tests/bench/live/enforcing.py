"""What a guard costs the traffic that it lets through, and how fast it blocks: no filter, nftables rules like Mullvad's,
ourselves, in turn in each round."""

import statistics
import subprocess
from pathlib import Path

from tests.lab import certificates, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.process import join

RULES = Path(__file__).with_name("mullvad_like.nft")
# Kind of traffic: the row's name, its unit, the divisor to it, the least ratio to no filter (None: no promise).
TRAFFIC = {
    "connect": ("TCP connect, request, response, close", "1/s", 1, 0.92),
    "sendto": ("UDP small packets, sendto", "1/s", 1, 0.88),
    "connected": ("UDP small packets, connected", "1/s", 1, 0.88),
    "bulk": ("TCP bulk, both ends on one core", "MiB/s", 1 << 20, 0.97),
}


ON_DEMAND = [{"Action": "Connect", "InterfaceTypeMatch": "Cellular"}, {"Action": "EvaluateConnection", "ActionParameters": [
    {"Domains": ["corp.example.com"], "DomainAction": "ConnectIfNeeded"}], "SSIDMatch": ["Office"]}, {"Action": "Ignore"}]


class Ground:
    """A device with one link to the machine with the servers; nobody captures."""

    def __init__(self, build):
        self.build = build
        self.place = world.World(accesses=(world.WIFI,))
        self.place.build = build
        for capture in self.place.captures.values():
            capture.close()
        self.place.captures.clear()
        self.app = self.place.app_cgroup("browser")
        self._serve()
        authority = certificates.Authority(self.place.folder / "ca")
        profile = profiles.always_on(authority.issue(strongswan.DEVICE_NAME), authority,
                                     ApplicationExceptions=[{"BundleIdentifier": "com.example.browser"}])
        policy = profiles.compile_policy(build / "bin/vpnprofile", self.place.folder / "policies", profile)
        idle = profiles.compile_policy(build / "bin/vpnprofile", self.place.folder / "idle", profiles.device_wide(OnDemandRules=ON_DEMAND))
        clients = {profiles.DEVICE_WIDE: {}, profiles.ALWAYS_ON_TUNNEL: {}}  # both have one folder, and one configuration
        self._on_demand = Agent(self.place, build, idle, tunnels=clients)
        self._agent = Agent(self.place, build, policy, tunnels=clients)

    def _serve(self):
        server = self.place.places["wifi"].start([self.build / "bin/vpn_bench", "--serve", world.WIFI.router], stdout=subprocess.PIPE, text=True)
        if server.stdout.readline() != "ready\n":
            raise RuntimeError("the server of the benchmark does not start")

    def bench(self, *arguments):
        """What a mode of vpn_bench prints, run as the app in the device: numbers."""
        with self.place.device.inside():
            done = subprocess.run([self.build / "bin/vpn_bench", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                                  preexec_fn=lambda: join(self.app))
        if done.returncode != 0:
            raise RuntimeError(f"vpn_bench {' '.join(map(str, arguments))}: {done.stderr}{done.stdout}")
        return [float(word) for word in done.stdout.split()]

    # The guards: each is put up and taken away again.

    def none(self):
        return lambda: None

    def nftables(self):
        self.place.device.run(["nft", "-f", RULES])
        return lambda: self.place.device.run(["nft", "delete", "table", "inet", "bench"])

    def ours(self):
        self._agent.forget()
        self._agent.start()
        return self._agent.remove

    def on_demand(self):
        """On-demand rules, none of which starts the tunnel on this network."""
        self._on_demand.forget()
        self._on_demand.start()
        return self._on_demand.remove


def rows(build, quick):
    ground = Ground(build)
    guards = {"none": ground.none, "nftables": ground.nftables, "ours": ground.ours, "on_demand": ground.on_demand}
    rounds, seconds = (1, 0.1) if quick else (7, 0.5)
    rates = {name: {kind: [] for kind in TRAFFIC} for name in guards}
    for number in range(rounds + 1):
        for name, put in guards.items():
            take = put()
            for kind in TRAFFIC if name != "on_demand" else ("connect",):
                rate, = ground.bench("--traffic", kind, world.WIFI.router, seconds)
                if number or quick:  # the first round warms up
                    rates[name][kind].append(rate)
            take()
    for kind, (what, unit, divisor, must) in TRAFFIC.items():
        ours = statistics.median(rates["ours"][kind]) / divisor
        for peer, title, bound in (("none", "no filter", must), ("nftables", "nftables, 60 rules like Mullvad's", None)):
            row = {"row": what, "unit": unit, "ours": ours, "peer": statistics.median(rates[peer][kind]) / divisor, "peer_name": title}
            yield {**row, "bound": "ratio_at_least", "must": bound} if bound else row
    yield {"row": "TCP connect, request, response, close, with on-demand idle", "unit": "1/s", "ours": statistics.median(rates["on_demand"]["connect"]),
           "peer": statistics.median(rates["none"]["connect"]), "peer_name": "no filter", "bound": "ratio_at_least", "must": TRAFFIC["connect"][3]}
    yield from _flips(ground, quick)
    yield from _addresses(ground, quick)


def _flips(ground, quick):
    store, library, program = ground.bench("--flip", ground.place.folder / "agent/bpf/flip", ground.place.guarded, RULES, 3 if quick else 15)
    ground.place.device.run(["nft", "delete", "table", "inet", "bench"])
    what = {"row": "a tunnel that goes down is blocked: from the call to in force", "unit": "us", "ours": store}
    yield {**what, "peer": library, "peer_name": "60 rules by libnftables", "bound": "ours_at_most", "must": 3}
    yield {**what, "peer": program, "peer_name": "60 rules by nft -f"}


def _addresses(ground, quick):
    """All of them anew: what a change of one entry costs, too, for a table is replaced as a whole."""
    count = 1000 if quick else 1_000_000
    everything, words, size, trie = ground.bench("--addresses", ground.place.folder / "agent/bpf/addresses", ground.place.guarded, count)
    loading = "loading 1,000,000 routes into the kernel"
    yield {"row": loading, "unit": "ms", "ours": words, "peer": trie, "peer_name": "eBPF LPM trie, one batch", "bound": "ours_at_most", "must": 1000}
    yield {"row": f"{loading}, from the device's state on", "unit": "ms", "ours": everything}
    yield {"row": f"{loading}: size of a table", "unit": "MiB", "ours": size, "bound": "ours_at_most", "must": 100}
