"""What the lab runs: attacks and scenarios, each in each status of the tunnel that it is for, and what came of it."""

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of the tunnel: those that an always-on tunnel can be in (it is wanted, so it is never disconnected for long), and the one in
# which nobody is left: the agent was killed, and the tunnel's device went with its client.
STATUSES = ("connected", "connecting", "reasserting", "disconnecting", "killed")


@dataclass
class Result:
    """A line of build/lab.json. `status` is the tunnel's while the case ran; `passed`, `failed` or `skipped` is `result`."""

    case: str
    status: str
    runs: int
    control_leaked: int  # frames, with enforcement off: none means that the case shows nothing
    guarded_leaked: int  # frames beyond the policy, and whatever else got through
    result: str = "passed"
    reason: str = ""  # of a failure or a skip; or what else was measured
    seconds: float = 0.0
    examples: list = field(default_factory=list)  # of what leaked

    def with_batch(self, other):
        """Both as one: the batches of a count are one case."""
        worse = max(self, other, key=lambda one: ("skipped", "passed", "failed").index(one.result))
        return replace(worse, runs=self.runs + other.runs, control_leaked=self.control_leaked + other.control_leaked,
                       guarded_leaked=self.guarded_leaked + other.guarded_leaked, seconds=self.seconds + other.seconds)

    def line(self):
        return {key: value for key, value in asdict(self).items() if isinstance(value, int) or value}


def judge(result, missed, controlled=True):
    """Fills in `result`: the control must have leaked in every run, the guarded runs never."""
    if result.guarded_leaked:
        result.result, result.reason = "failed", f"{result.guarded_leaked} leaked: {'; '.join(result.examples)}"
    elif controlled and (missed or not result.control_leaked):
        result.result, result.reason = "failed", f"the control proves nothing: {missed} of its runs did not leak"
    return result


class Journal:
    """What is done already, for `--full`, which takes hours: one line of JSON for each batch, kept as long as the programs and
    the tests are the same."""

    def __init__(self, path, build):
        self._path = path
        self._key = _digest([*sorted((ROOT / "tests").glob("lab/*.py")), *sorted((ROOT / "tests").glob("lab/scenarios/*.py")),
                             *sorted((ROOT / "tests").glob("attacks/*.py")), *sorted(build.glob("bin/vpn*"))])
        self._done = {}
        if path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                if entry["key"] == self._key:
                    self._done[entry["case"], entry["status"]] = entry["result"]

    def get(self, case, batch):
        """`batch`: the status, or which part of a count it was."""
        kept = self._done.get((case, batch))
        return None if kept is None else Result(**kept)

    def put(self, batch, result):
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps({"key": self._key, "case": result.case, "status": batch, "result": asdict(result)}) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _digest(files):
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write(path, lines):
    """All at once, or not at all. `lines`: dictionaries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text("[\n" + ",\n".join(" " + json.dumps(line) for line in lines) + "\n]\n")
    os.replace(temporary, path)


class Clock:
    def __init__(self):
        self._start = time.monotonic()

    def seconds(self):
        return round(time.monotonic() - self._start, 2)
