"""What the daemon itself takes: its start, its memory, its wake-ups."""

import plistlib
import re
import statistics
import subprocess
import time
from pathlib import Path

from tests.lab import profiles, world
from tests.lab.agent import Agent
from tests.lab.strongswan import wait_for

TYPICAL = Path(__file__).parents[1] / "data/typical-9k.mobileconfig"
SHUT, IN_FORCE = "nothing leaves until every hook is in place", "in force: every hook is in place"


class Daemon:
    """vpnagentd with a typical policy, its lines timed from its start."""

    def __init__(self, place, build, name, profile):
        policy = profiles.compile_policy(build / "bin/vpnprofile", place.folder / name, profile)
        self.policy_size = Path(policy).stat().st_size
        self._agent = Agent(place, build, policy, prefix=[build / "bin/vpn_bench", "--timed"])
        self._seen = 0

    def start(self):
        """Milliseconds by line."""
        self._seen = len(self._agent.log())
        self._agent.start(wait=False)
        wait_for(lambda: IN_FORCE in self._said(), f"the guard in force: {self._said()}", 20)
        return {line: float(time) for time, line in re.findall(r"^([0-9.]+) vpnagentd: (.*)$", self._said(), re.MULTILINE)}

    def _said(self):
        return self._agent.log()[self._seen:]

    def _process(self):
        return Path("/proc") / re.match(r"\d+", self._said())[0]

    def resident(self):
        """Bytes."""
        return _number(self._process() / "status", "VmRSS") * 1024

    def wake_ups(self):
        return sum(_number(file, "voluntary_ctxt_switches") for file in (self._process() / "task").glob("*/status"))

    def looks_for_a_portal(self):
        return self._agent.request("status")["captive"] == "looking"

    def stop(self):
        self._agent.terminate()

    def remove(self):
        self._agent.remove()
        self._agent.forget()


def _number(file, key):
    return int(re.search(rf"^{key}:\s+(\d+)", file.read_text(), re.MULTILINE)[1])


def _typical():
    """Without what Linux refuses (VP1708)."""
    profile = plistlib.loads(TYPICAL.read_bytes())
    for payload in profile["PayloadContent"]:
        payload.pop("Proxies", None)
    return plistlib.dumps(profile)


def rows(build, quick):
    place = world.World()
    daemon = Daemon(place, build, "typical", _typical())
    first, again = [], []
    for _ in range(2 if quick else 9):
        first.append(daemon.start())
        daemon.stop()
        again.append(daemon.start())
        daemon.remove()
    median = lambda runs, line: statistics.median(run[line] for run in runs)  # noqa: E731
    yield {"row": "agent: from its first start to nothing leaves but S1", "unit": "ms", "ours": median(first, SHUT), "bound": "ours_at_most", "must": 50}
    yield {"row": "agent: from its first start to every hook in place", "unit": "ms", "ours": median(first, IN_FORCE)}
    yield {"row": "agent: from its start to every hook taken over", "unit": "ms", "ours": median(again, IN_FORCE), "bound": "ours_at_most", "must": 50}
    daemon.start()
    seconds = 5 if quick else 20
    time.sleep(2)
    if not quick:  # nobody answers here, and it asks again after a minute at last
        wait_for(lambda: not daemon.looks_for_a_portal(), "no look for a portal any more", 120)
    before = daemon.wake_ups()
    time.sleep(seconds)
    woken = daemon.wake_ups() - before
    yield {"row": "agent: resident memory", "unit": "MiB", "ours": daemon.resident() / (1 << 20), "bound": "ours_at_most", "must": 15}
    yield {"row": f"agent: wake-ups in {seconds} s when nothing happens", "unit": "", "ours": woken, "bound": "ours_at_most", "must": seconds / 5}
    daemon.remove()
    names = 10_000 if quick else 1_000_000
    large = Daemon(place, build, "large", subprocess.run([build / "bin/vpn_bench", "--excluded-domains", str(names)], stdout=subprocess.PIPE, check=True).stdout)
    large.start()
    time.sleep(2)
    yield {"row": f"agent: resident memory with {names:,} excluded domains, beyond the policy's {large.policy_size / (1 << 20):.1f} MiB", "unit": "MiB",
           "ours": (large.resident() - large.policy_size) / (1 << 20), "bound": "ours_at_most", "must": 15}
    large.remove()
