"""What runs inside the machine, as its only process besides init. Reports go to the console, a line of JSON each."""

import json
import os
import subprocess
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.lab import attack, cases, undo
from tests.lab.performer import Performer


RUNS = 3
BUILD = Path("/lab")


def report(**what):
    print("\n@lab " + json.dumps(what), flush=True)


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


def _tell(results):
    for result in results:
        report(kind="result", **asdict(result))


def self_test():
    """Every attack on this kernel, against no guard and against the hand-written gate."""
    performer = Performer(BUILD, RUNS)
    for one in attack.load().values():
        _tell(performer.gated([one], "vm"))


def attacks():
    """The attacks that only the root cgroup sees, and those that not every kernel can run: the agent guards the whole
    machine."""
    performer = Performer(BUILD, RUNS, whole_machine=True)
    for one in attack.load().values():
        if one.whole_machine or one.needs:
            for status in ("connected", "killed"):
                results = performer.attacks([one], status)
                for result in results:
                    result.status = f"vm {status}"
                _tell(results)


def main():
    task = next((word[4:] for word in Path("/proc/cmdline").read_text().split() if word.startswith("lab=")), "boots")
    undo.install()
    try:
        boots()
        if task != "boots":
            globals()[task]()
        report(kind="done")
    except Exception:  # noqa: BLE001
        report(kind="error", text=traceback.format_exc())
    undo.everything()
    sys.stdout.flush()
    subprocess.run(["poweroff", "-f"], check=False)


if __name__ == "__main__":
    main()
