"""Runs cases, shows how far they are, and writes what came of them."""

import sys

from tests.lab import attack, cases, guard, scenario, undo, world
from tests.lab.frames import Lockdown
from tests.lab.process import Failed
from tests.lab.tunnel import Tunnel

CONTROL_RUNS = 3
RUNS = 10  # of each case in each status; a tenth of the full count


class Lab:
    def __init__(self, arguments):
        self._arguments = arguments
        self._runs = arguments.runs or (100 if arguments.full else RUNS)
        self._results = []
        self._world = None

    def self_test(self, beyond):
        """Attacks against a gate that is known to stop them: a lab that sees leaks in the control only can be believed."""
        for one in self._chosen(attack.load()):
            result = self._play(one, guard.Gate, "self-test")
            if one.name in beyond and result.guarded_leaked:
                result.result, result.reason = "passed", "passes this gate, as it should"
            self._finish(result)
        for one in self._chosen(scenario.load()):
            if not one.agent:
                self._finish(self._tell(one))
        return self._conclude()

    def _tell(self, one):
        """Runs a scenario in a world of its own."""
        clock = cases.Clock()
        missing = one.needs and one.needs()
        if missing:
            return cases.Result(one.name, "all", 0, 0, 0, "skipped", missing)
        self._leave()
        try:
            tally = one.function(self._place())
            result = cases.Result(one.name, tally.status, tally.runs, tally.control_leaked or 0, tally.guarded_leaked, examples=tally.examples)
            cases.judge(result, 0, controlled=tally.control_leaked is not None)
        except (AssertionError, OSError, RuntimeError, Failed) as error:
            result = cases.Result(one.name, "all", 1, 0, 0, "failed", f"{type(error).__name__}: {error}")
        self._leave()
        result.seconds = clock.seconds()
        return result

    def _chosen(self, registry):
        return [one for one in registry.values() if self._arguments.only.lower() in one.name.lower()]

    def _play(self, one, protection, status):
        clock = cases.Clock()
        missing = one.needs and one.needs()
        if missing:
            return cases.Result(one.name, status, 0, 0, 0, "skipped", missing)
        place = self._place()
        place.tunnel = place.tunnel or Tunnel(place)
        control = attack.play(one, place, guard.Off(), CONTROL_RUNS)
        if control.missed:  # on a busy machine a neighbour may answer too late
            control = attack.play(one, place, guard.Off(), CONTROL_RUNS)
        guarded = attack.play(one, place, protection(place), self._runs, self._lockdown())
        if one.dirty:
            self._leave()
        result = cases.Result(one.name, status, self._runs, control.leaked, guarded.leaked, seconds=clock.seconds(), examples=guarded.examples)
        return cases.judge(result, control.missed)

    def _place(self):
        """The world of the cases, made anew where the one before left traces."""
        if self._world is None:
            undo.next_world()
            self._world = world.World()
        return self._world

    def _leave(self):
        undo.everything()
        self._world = None

    def _lockdown(self):
        return Lockdown(tunnel_addresses=[world.TUNNEL, world.TUNNEL6])

    def _finish(self, result):
        self._results.append(result)
        mark = {"passed": "\033[32mok  \033[0m", "failed": "\033[31mFAIL\033[0m", "skipped": "\033[33mskip\033[0m"}[result.result]
        counts = f"{result.runs:4} runs  control {result.control_leaked:4}  guarded {result.guarded_leaked}"
        print(f"{mark} {result.status:13} {result.case:78} {counts}" + (f"  {result.reason}" if result.reason else ""), flush=True)

    def _conclude(self):
        counts = {kind: sum(result.result == kind for result in self._results) for kind in ("passed", "failed", "skipped")}
        cases.write(self._arguments.output, self._results)
        print(", ".join(f"{number} {kind}" for kind, number in counts.items()) + f"; written to {self._arguments.output}", file=sys.stderr)
        return 1 if counts["failed"] or not counts["passed"] else 0
