"""Chooses what to run, has it performed, shows how far it is, and writes what came of it."""

import json
import random
import secrets
import sys

from tests.lab import agent, attack, cases, demo, pool, scenario, vm
from tests.lab.performer import Performer
from tests.lab.process import Failed

RUNS = 10  # of each case in each status; a tenth of the full count
FULL_RUNS = 100
TOGETHER = 8  # attacks under one guard: more would save little, and an error is told of all of them


class Lab:
    def __init__(self, arguments):
        self._arguments = arguments
        self._runs = arguments.runs or (FULL_RUNS if arguments.full else RUNS)
        self._results = {}  # (case, status) → Result

    # What there is to run ------------------------------------------------------------------

    def run(self):
        """Attacks in every status of the tunnel, and scenarios, against the agent."""
        absent = agent.missing(self._arguments.build)
        if absent:
            print(f"error: {absent}; './dev lab self-test' needs no agent", file=sys.stderr)
            return 4
        units = [] if self._arguments.attacks else self._scenarios()
        if not self._arguments.scenarios:
            units += self._grouped("attacks", self._statuses())
        return self._perform(units)

    def self_test(self, beyond):
        """Attacks against a gate that is known to stop them: a lab that sees leaks in the control only can be believed."""
        units = self._grouped("gated", [(one, "self-test") for one in self._chosen(attack.load())])
        units += [("scenario", one.name, "all", 1) for one in self._chosen(scenario.load()) if not one.agent]

        def excuse(result):
            if result.case in beyond and result.guarded_leaked:
                result.result, result.reason = "passed", "passes this gate, as it should"

        return self._perform(units, excuse)

    def demo(self):
        place = Performer(self._arguments.build, 1).place()
        place.build = self._arguments.build
        return demo.show(place)

    def machine(self):
        """What needs a whole machine, in one: tests/lab/vm.py."""
        missing = vm.available()
        if missing:
            print(f"error: {missing}", file=sys.stderr)
            return 4
        for result in vm.results(self._arguments.build, self._arguments.tasks or (vm.TASKS if self._arguments.full else vm.SHORT), self._arguments.full, self._arguments.only):
            self._finish(result)
        return self._conclude(keep=lambda entry: not entry["status"].startswith("vm"))

    def _chosen(self, registry):
        return [one for one in registry.values() if self._arguments.only.lower() in one.name.lower()]

    def _statuses(self):
        """(attack, status): all statuses that were asked for. A sample is `connected` and one other each, turn by turn from a
        place that the seed gives."""
        attacks = self._chosen(attack.load())
        if not self._arguments.sample:
            return [(one, status) for one in attacks for status in self._arguments.statuses or cases.STATUSES]
        seed = self._arguments.seed if self._arguments.seed is not None else secrets.randbits(32)
        print(f"     --sample --seed {seed}", file=sys.stderr)
        others = [status for status in cases.STATUSES if status != "connected"]
        random.Random(seed).shuffle(others)
        return [pair for number, one in enumerate(attacks) for pair in ((one, "connected"), (one, others[number % len(others)]))]

    @staticmethod
    def _grouped(kind, pairs):
        """Units of attacks that share a guard: those that change the device have one each."""
        units, open_ones = [], {}
        for one, status in pairs:
            if one.dirty or one.batch == 1:
                units.append((kind, (one.name,), status))
                continue
            names = open_ones.setdefault((status, one.batch, one.uid), [])
            names.append(one.name)
            if len(names) == TOGETHER:
                units.append((kind, tuple(open_ones.pop((status, one.batch, one.uid))), status))
        return units + [(kind, tuple(names), status) for (status, _, _), names in open_ones.items()]

    def _scenarios(self):
        """In batches; the long ones first."""
        units = []
        for one in sorted(self._chosen(scenario.load()), key=lambda one: not one.long):
            if not self._arguments.full:
                units += [] if one.full else [("scenario", one.name, "all", one.rounds)]
                continue
            units += [("scenario", one.name, f"all #{number}", rounds) for number, rounds in enumerate(one.batches())]
        return units

    # How it is run ---------------------------------------------------------------------------

    def _perform(self, units, excuse=lambda result: None):
        journal = cases.Journal(cases.ROOT / "build/lab/journal.jsonl", self._arguments.build) if self._arguments.full else None
        left = []
        for unit in units:
            kept = journal and [journal.get(name, unit[2]) for name in _names(unit)]
            if kept and all(kept):
                for result in kept:
                    self._finish(result)
            else:
                left.append(unit)
        for unit, results in pool.each(left, self._arguments.jobs, self._performer):
            if isinstance(results, Failed):
                results = [cases.Result(name, unit[2], self._runs, 0, 0, "failed", str(results)) for name in _names(unit)]
            for result in results:
                excuse(result)
                if journal and result.result == "passed":
                    journal.put(unit[2], result)
                self._finish(result)
        return self._conclude()

    def _performer(self):
        """In a worker: the function from a unit to its results."""
        performer = Performer(self._arguments.build, self._runs, full=self._arguments.full)
        attacks, scenarios = attack.load(), scenario.load()

        def perform(unit):
            kind, what, status, *rounds = unit
            if kind == "scenario":
                return [performer.scenario(scenarios[what], *rounds)]
            return getattr(performer, kind)([attacks[name] for name in what], status)

        return perform

    # What came of it -------------------------------------------------------------------------

    def _finish(self, result):
        before = self._results.get((result.case, result.status))
        self._results[result.case, result.status] = before.with_batch(result) if before else result
        mark = {"passed": "\033[32mok  \033[0m", "failed": "\033[31mFAIL\033[0m", "skipped": "\033[33mskip\033[0m"}[result.result]
        counts = f"{result.runs:5} runs  control {result.control_leaked:4}  guarded {result.guarded_leaked}"
        print(f"{mark} {result.status:13} {result.case:78} {counts}" + (f"  {result.reason}" if result.reason else ""), flush=True)

    def _conclude(self, keep=None):
        """`keep`: which entries of the file from before stay in it."""
        results = self._results.values()
        counts = {kind: sum(result.result == kind for result in results) for kind in ("passed", "failed", "skipped")}
        output = self._arguments.output
        kept = [entry for entry in json.loads(output.read_text()) if keep(entry)] if keep and output.exists() else []
        cases.write(output, [*kept, *(result.line() for result in results)])
        print(", ".join(f"{number} {kind}" for kind, number in counts.items()) + f"; written to {output}", file=sys.stderr)
        return 1 if counts["failed"] or not counts["passed"] else 0


def _names(unit):
    return (unit[1],) if unit[0] == "scenario" else unit[1]
