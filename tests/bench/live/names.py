"""Lookups: asking a resolver by the forwarder, asking it directly, and by dnsmasq, in turns."""

import re
import shutil
import subprocess

from tests.lab import process, profiles, undo, world
from tests.lab.netns import stop
from tests.lab.scenario import expect
from tests.lab.stage import Stage

PEER_PORT = 5335


def rows(build, quick):
    if not shutil.which("dnsperf") or not shutil.which("dnsmasq"):
        return
    place = world.World(build=build)
    profile = profiles.device_wide(dns={"DNSProtocol": "Cleartext", "ServerAddresses": [world.INSIDE], "SupplementalMatchDomains": ["corp.example"]})
    stage = Stage(place, profile, profiles.DEVICE_WIDE, configuration={"resolvers": {"wlan0": {"servers": [world.WIFI.router]}}}, inside=True).start()
    _dnsmasq(place.places["wifi"], place.outside, f"--listen-address={world.WIFI.router}", "--port=53", f"--address=/bench.example/{world.SERVER}")
    _dnsmasq(place.device, place.app_cgroup("peer"), "--listen-address=127.0.0.1", f"--port={PEER_PORT}", f"--server={world.WIFI.router}", "--cache-size=0")
    names = place.folder / "names"
    names.write_text("".join(f"host{number}.bench.example A\n" for number in range(1000)))
    stage.connect(included=["10.99.0.0/24"])
    seconds, rounds = (1, 2) if quick else (3, 5)
    measured = {who: {"one": [], "many": []} for who in ("ours", "direct", "peer")}
    for _ in range(rounds):
        for who in measured:
            # Steered only while the tunnel is there that answers some names.
            stage.say("connected" if who == "ours" else "reasserting", included=["10.99.0.0/24"])
            before = stage.agent.request("status")["names"]["answered"]
            for how, outstanding in (("one", 1), ("many", 50)):
                server, port = ("127.0.0.1", PEER_PORT) if who == "peer" else (world.WIFI.router, 53)
                measured[who][how].append(_perform(place, server, port, names, seconds, outstanding))
            answered = stage.agent.request("status")["names"]["answered"] - before
            expect((answered > 0) == (who == "ours"), f"{who}: {answered} lookups by the forwarder")
    # The quietest rounds: three processes take turns for each lookup, and whatever else runs comes between them.
    latency = {who: min(latency for latency, _ in measured[who]["one"]) for who in measured}
    rate = {who: max(rate for _, rate in measured[who]["many"]) for who in measured}
    yield {"row": "names: a lookup by the forwarder, beyond asking the resolver directly", "unit": "us", "ours": latency["ours"] - latency["direct"],
           "peer": latency["peer"] - latency["direct"], "peer_name": "dnsmasq", "bound": "ours_at_most", "must": 100}
    yield {"row": "names: lookups a second, 50 at a time", "unit": "1/s", "ours": rate["ours"], "peer": rate["peer"], "peer_name": "dnsmasq"}
    yield {"row": "names: lookups a second, 50 at a time, against the resolver itself", "unit": "1/s", "ours": rate["ours"], "peer": rate["direct"],
           "peer_name": "directly"}
    stage.agent.remove()


def _dnsmasq(namespace, cgroup, *options):
    command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", "--pid-file",
               "--dns-forward-max=1000", *options]
    with namespace.inside():
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=lambda: process.join(cgroup))
    undo.later(stop, daemon)


def _perform(place, server, port, names, seconds, outstanding):
    """(microseconds of a lookup, lookups a second), in an app of the device."""
    command = ["dnsperf", "-s", server, "-p", str(port), "-d", str(names), "-l", str(seconds), "-q", str(outstanding), "-c", "1", "-T", "1"]

    def run():
        with place.device.inside():
            return subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: process.join(place.app_cgroup("browser")), check=False)

    done = run()
    lost = re.search(r"Queries lost:\s+(\d+)", done.stdout)
    if done.returncode != 0 or not lost:
        raise RuntimeError(f"dnsperf: {done.stdout}{done.stderr}")
    latency = float(re.search(r"Average Latency \(s\):\s+([0-9.]+)", done.stdout)[1]) * 1e6
    return latency, float(re.search(r"Queries per second:\s+([0-9.]+)", done.stdout)[1])
