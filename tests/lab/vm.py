"""What needs a whole machine (tests/lab/machine.py): what it is to do, and what came of it."""

import random
import secrets
import shutil
import sys
import urllib.parse
from collections import Counter

from tests.lab import cases, vm_systemd, vm_wire
from tests.lab.machine import SECONDS, WIFI_KERNEL_PACKAGE, WIFI_MODULES, WIFI_PACKAGES, Machine

SHORT = ("programs", "boot", "cuts", "kills", "systemd", "tunnels", "wifi", *(f"attacks-{status}-{part}" for status in ("connected", "killed") for part in (0, 1)))
TASKS = (*SHORT, *(f"self-test-{part}" for part in range(4)))
CUTS, FULL_CUTS = 3, 100


def results(build, tasks, full=False, only=""):
    """What came of each task; `only` of cases whose name contains this."""
    plain = [task for task in tasks if task not in ("wifi", "systemd")]
    machine = Machine(build) if plain else None
    if "systemd" in tasks:
        yield from vm_systemd.results(build)
    if "wifi" in tasks:
        yield from _inside(Machine(build, cases.ROOT / "build/vm/wifi", WIFI_KERNEL_PACKAGE, WIFI_MODULES, WIFI_PACKAGES), "wifi")
    for task in plain:
        if task in ("boot", "kills"):
            yield _boot(machine, task)
        elif task == "cuts":
            yield _cuts(machine, FULL_CUTS if full else CUTS)
        else:
            yield from _inside(machine, task, only)


def _inside(machine, task, only=""):
    """The guest judges."""
    ended = "the machine ended before it was done"
    for report in machine.boot(task, words=f"only={urllib.parse.quote(only)}"):
        kind = report.pop("kind")
        if kind == "kernel":
            print(f"     machine with Linux {report['release']}: {task}", file=sys.stderr)
        elif kind == "result":
            yield cases.Result(**report)
        elif kind in ("error", "done"):
            ended = report.get("text", "")
    if ended:
        yield cases.Result(f"machine: {task}", "vm", 1, 0, 0, "failed", ended)


_TITLES = {"boot": "boot: lockdown, network, agent, hand-over, as the host sees it", "kills": "boot, and the agent killed ten times at random moments",
           "cuts": "power cuts at random moments of the boot, the agent's state on a disk"}


def _boot(machine, task):
    """The host judges."""
    _, _, control = _watched(machine, "boot-unguarded")
    kinds, beyond, _ = _watched(machine, task)
    result = cases.Result(_TITLES[task], "vm", 1, len(control), len(beyond), examples=[str(frame) for frame in beyond[:5]])
    if kinds[-1]["kind"] != "done":
        result.result, result.reason = "failed", kinds[-1].get("text", "the machine ended before it was done")
        return result
    result.reason = f"{next(kind['tried'] for kind in kinds if kind['kind'] == 'load')['tried']} packets tried"
    return cases.judge(result, 0)


def _watched(machine, task):
    """(what was reported, frames beyond S1, frames of the load)."""
    kinds = list(machine.boot(task, arguments=vm_wire.options(machine.wire))) or [{"kind": "nothing"}]
    return kinds, *vm_wire.judge(machine.wire)


def _cuts(machine, count):
    """The state that the cuts leave on the disk has to do for the next start."""
    seed = secrets.randbits(32)
    rng = random.Random(seed)
    result = cases.Result(_TITLES["cuts"], "vm", count, len(_watched(machine, "boot-unguarded")[2]), 0)
    machine.new_disk()
    reached, whole = Counter(), SECONDS
    for number in range(count + 2):
        uncut = number in (0, count + 1)
        last, took = machine.cut(SECONDS if uncut else rng.random() * whole)
        beyond, _ = vm_wire.judge(machine.wire)
        result.guarded_leaked += len(beyond)
        result.examples += [str(frame) for frame in beyond[:3]]
        if not uncut:
            reached[last] += 1
        elif last == "done":
            whole = took
        else:
            result.result, result.reason = "failed", f"seed {seed}: boot {number} came to its {last} only: {machine.wire.with_name('cuts.log')}"
            return result
    result.reason = f"seed {seed}; cut after: {dict(reached)}"
    return cases.judge(result, 0)


def available():
    """A reason why there can be no machine, or None."""
    missing = [name for name in ("qemu-system-x86_64", "cpio", "dpkg-deb", "strip") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else None
