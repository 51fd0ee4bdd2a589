"""What runs inside the machine, as its only process besides init. Reports go to the console, a line of JSON each."""

import os
import random
import subprocess
import sys
import time
import traceback
import urllib.parse
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

from tests.lab import attack, cases, guest, kernel, scenario, undo, vm_wire
from tests.lab.agent import Agent
from tests.lab.guest import report
from tests.lab.netns import Namespace
from tests.lab.performer import Performer
from tests.lab.process import Child
from tests.lab.scenarios import wifi as on_wifi

RUNS = 3
TOGETHER = 8
BUILD = Path("/lab")
STATE = Path("/state")  # a disk, where the machine has one


def boots():
    """The machine itself: its kernel, and what of it the guard needs."""
    report(kind="kernel", release=os.uname().release, btf=Path("/sys/kernel/btf/vmlinux").exists(),
           modules=len(Path("/proc/modules").read_text().splitlines()))


def programs():
    """Loads the eBPF objects as they are, so that the verifier of this kernel sees each program."""
    for path in sorted(Path("bin").glob("*.bpf.o")):
        done = subprocess.run(["bpftool", "-d", "prog", "loadall", path, f"/sys/fs/bpf/{path.name.split('.')[0]}"], capture_output=True, text=True)
        text = [line for line in (done.stderr + done.stdout).splitlines() if line]
        ends = [i for i, line in enumerate(text) if "END PROG LOAD LOG" in line]  # before it stands what the verifier did not like
        verdict = [line for end in ends for line in text[max(0, end - 4) : end + 2]]
        result = cases.Result(f"the verifier takes {path.name}", "vm", 1, 0, 0, *(("failed", "\n".join(verdict[-8:])) if done.returncode else ()))
        report(kind="result", **asdict(result))


# Attacks and scenarios, with the agent on the root cgroup -------------------------------------


def _groups(ones):
    """Those that share a guard: what changes the device has one for itself."""
    quiet = [one for one in ones if not one.dirty and one.batch >= RUNS]
    return [quiet[i : i + TOGETHER] for i in range(0, len(quiet), TOGETHER)] + [[one] for one in ones if one not in quiet]


def _chosen(registry):
    """Those that are to be looked at."""
    only = urllib.parse.unquote(next((word[5:] for word in Path("/proc/cmdline").read_text().split() if word.startswith("only=")), "")).lower()
    return [one for one in registry.values() if only in one.name.lower()]


def _tell(results, status):
    for result in results:
        result.status = status
        report(kind="result", **asdict(result))


def self_test(part, parts):
    """Every attack on this kernel, against no guard and against the hand-written gate."""
    performer = Performer(BUILD, RUNS)
    for group in _groups(_chosen(attack.load()))[part::parts]:
        _tell(performer.gated(group), "vm self-test")


def attacks(status, part=0, parts=1):
    """The attacks that only the root cgroup sees, and those that not every kernel can run: the agent guards the whole machine."""
    performer = Performer(BUILD, RUNS, whole_machine=True)
    chosen = [one for one in _chosen(attack.load()) if one.whole_machine or one.needs]
    for group in _groups(chosen)[part::parts]:
        _tell(performer.attacks(group, status), f"vm {status}")


def tunnels():
    """Those of the kernel: ESP and WireGuard, which send their outer packets by themselves."""
    performer = Performer(BUILD, RUNS, whole_machine=True)
    for one in _chosen(scenario.load()):
        if one.machine:
            result = performer.scenario(one, 1)
            _tell([result], f"vm {result.status}")


def wifi():
    """On simulated radios, which only a whole machine has."""
    on_wifi.name_radios()
    performer = Performer(BUILD, RUNS, whole_machine=True)
    for one in _chosen(scenario.load()):
        if one.function.__module__ == on_wifi.__name__:
            result = performer.scenario(one, 1)
            _tell([result], f"vm {result.status}")


# The boot, as the host sees it --------------------------------------------------------------


def boot(kills=1, guarded=True):
    """The units of packaging/systemd, in their order: lockdown, network, agent, hand-over. An app tries to get out all the time,
    and the agent is killed at random moments."""
    load = Child(_try_everything, cgroup=_cgroup("app"))
    load.receive()
    if guarded:
        subprocess.run(["nft", "-f", "packaging/systemd/lockdown.nft"], check=True)
    subprocess.run(["ip", "-batch", "-"], check=True, text=True, input=f"""addr add {vm_wire.ADDRESS}/24 dev eth0
addr add {vm_wire.ADDRESS6}/64 dev eth0 nodad
link set eth0 up
route add default via {vm_wire.HOST} dev eth0
route add ::/0 via {vm_wire.HOST6} dev eth0
""")
    report(kind="network")
    time.sleep(1)
    if guarded:
        agent = _agent()
        subprocess.run(["nft", "delete", "table", "inet", "vpn_lockdown"], check=True)
        report(kind="guarded")
        for _ in range(kills):
            time.sleep(random.random() * 3)
            agent.kill()
            time.sleep(random.random())
            agent.start(wait=random.random() < 0.5)
        time.sleep(1)
        agent.start_again_where_it_has_ended()
    load.send("stop")
    report(kind="load", tried=load.receive())
    load.stop()


def _cgroup(name):
    path = kernel.cgroup_mount() / name
    path.mkdir(exist_ok=True)
    return path


def _agent():
    """An installation whose state is on the disk, where there is one."""
    device = Namespace("device", "/proc/1/ns/net")
    folder = Path("/tmp/vpnlab")  # not in /run: the agent has one of its own
    folder.mkdir()
    world = SimpleNamespace(folder=folder, device=device, whole_machine=True, outside=_cgroup("system"), accesses=[])
    agent = _Installed(world, BUILD, BUILD / "boot/lab.vpnpolicy", configuration={"interfaces": {"eth0": "wifi"}})
    return agent.start()


class _Installed(Agent):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        if STATE.exists():
            (self.folder / "state").rmdir()
            (self.folder / "state").symlink_to(STATE)

    def start_again_where_it_has_ended(self):
        if self._process.poll() is not None:
            self.start()


def _try_everything(channel):
    channel.send("ready")
    tried = refused = 0
    while not channel.poll():
        counts = guest.try_once()
        tried, refused = tried + counts[0], refused + counts[1]
        time.sleep(0.005)
    channel.recv()
    channel.send({"tried": tried, "refused": refused})
    channel.poll(None)


# ---------------------------------------------------------------------------------------------


TASKS = {
    "programs": programs,
    "boot": boot,
    "boot-unguarded": lambda: boot(guarded=False),
    "cuts": lambda: boot(kills=0),
    "kills": lambda: boot(kills=10),
    "tunnels": tunnels,
    "wifi": wifi,
    **{f"attacks-{status}-{part}": lambda status=status, part=part: attacks(status, part, 2) for status in ("connected", "killed") for part in (0, 1)},
    **{f"self-test-{part}": lambda part=part: self_test(part, 4) for part in range(4)},
}


def main():
    task = next((word[4:] for word in Path("/proc/cmdline").read_text().split() if word.startswith("lab=")), "")
    undo.install()
    try:
        boots()
        TASKS[task]()
        report(kind="done")
    except Exception:  # noqa: BLE001
        report(kind="error", text=traceback.format_exc())
    undo.everything()
    sys.stdout.flush()
    subprocess.run(["poweroff", "-f"], check=False)


if __name__ == "__main__":
    main()
