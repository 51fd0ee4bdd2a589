"""Runs cases, shows how far they are, and writes what came of them."""

import json
import sys

from tests.lab import agent, attack, cases, certificates, demo, guard, profiles, scenario, strongswan, undo, vm, world
from tests.lab.frames import Lockdown
from tests.lab.process import Failed
from tests.lab.tunnel import Tunnel

CONTROL_RUNS = 3
RUNS = 10  # of each case in each status; a tenth of the full count
FULL_RUNS = 100
_TROUBLE = (AssertionError, OSError, RuntimeError, Failed)


class Lab:
    def __init__(self, arguments, whole_machine=False):
        self._arguments, self._whole_machine = arguments, whole_machine
        self._runs = arguments.runs or (FULL_RUNS if arguments.full else RUNS)
        self._results = []
        self._world = None

    # What there is to run ------------------------------------------------------------------

    def run(self):
        """Attacks in every status of the tunnel, and scenarios, against the agent."""
        absent = agent.missing(self._arguments.build)
        if absent:
            print(f"error: {absent}; './dev lab self-test' needs no agent", file=sys.stderr)
            return 4
        journal = cases.Journal(cases.ROOT / "build/lab/journal.jsonl", self._arguments.build)
        attacks = [] if self._arguments.scenarios else self._chosen(attack.load())
        work = [(one, status) for one in attacks for status in (cases.STATUSES if not self._arguments.statuses else self._arguments.statuses)]
        if not self._arguments.attacks:
            work += [(one, None) for one in self._chosen(scenario.load()) if self._arguments.full or not one.full]
        for one, status in work:
            kept = journal.get(one.name, status or "all") if self._arguments.full else None
            result = kept or (self._tell(one) if status is None else self._attack(one, status))
            if self._arguments.full and not kept and result.result == "passed":
                result_status, result.status = result.status, status or "all"
                journal.put(result)
                result.status = result_status
            self._finish(result)
        return self._conclude()

    def self_test(self, beyond):
        """Attacks against a gate that is known to stop them: a lab that sees leaks in the control only can be believed."""
        for one in self._chosen(attack.load()):
            result = self._play(one, lambda: guard.Gate(self._world), "self-test")
            if one.name in beyond and result.guarded_leaked:
                result.result, result.reason = "passed", "passes this gate, as it should"
            self._finish(result)
        for one in self._chosen(scenario.load()):
            if not one.agent:
                self._finish(self._tell(one))
        return self._conclude()

    def demo(self):
        place = self._place()
        place.build = self._arguments.build
        return demo.show(place)

    def machine(self):
        """What needs a whole machine, in one: tests/lab/vm.py."""
        missing = vm.available()
        if missing:
            print(f"error: {missing}", file=sys.stderr)
            return 4
        machine = vm.Machine(self._arguments.build)
        for task in self._arguments.tasks or vm.TASKS:
            done = False
            for report in machine.boot(task):
                kind = report.pop("kind")
                if kind == "kernel":
                    print(f"     machine with Linux {report['release']}: {task}", file=sys.stderr)
                elif kind == "result":
                    self._finish(cases.Result(**report))
                elif kind == "error":
                    self._finish(cases.Result(f"machine: {task}", "vm", 1, 0, 0, "failed", report["text"]))
                done |= kind == "done"
            if not done:
                self._finish(cases.Result(f"machine: {task}", "vm", 1, 0, 0, "failed", "the machine ended before it was done"))
        return self._conclude(keep=lambda entry: not entry["status"].startswith("vm"))

    def _chosen(self, registry):
        return [one for one in registry.values() if self._arguments.only.lower() in one.name.lower()]

    # How one is run --------------------------------------------------------------------------

    def _attack(self, one, status):
        def make():
            return agent.Guard(self._world, self._arguments.build, self._policy(), status, whole_machine=self._whole_machine)

        try:
            return self._play(one, make, status)
        except _TROUBLE as error:
            self._leave()
            return cases.Result(one.name, status, self._runs, 0, 0, "failed", f"{type(error).__name__}: {error}")

    def _policy(self):
        """Always-on, with a tunnel that a client of the lab brings up."""
        authority = certificates.Authority(self._world.folder / "ca")
        profile = profiles.always_on(authority.issue(strongswan.DEVICE_NAME), authority)
        return profiles.compile_policy(self._arguments.build / "bin/vpnprofile", self._world.folder, profile)

    def _play(self, one, make_guard, status):
        clock = cases.Clock()
        missing = one.needs and one.needs()
        if missing:
            return cases.Result(one.name, status, 0, 0, 0, "skipped", missing)
        place = self._place()
        place.tunnel = place.tunnel or Tunnel(place)
        control = attack.play(one, place, guard.Off(), CONTROL_RUNS)
        if control.missed:  # on a busy machine a neighbour may answer too late
            control = attack.play(one, place, guard.Off(), CONTROL_RUNS)
        guarded = attack.play(one, place, make_guard(), self._runs, lockdown())
        result = cases.Result(one.name, status, self._runs, control.leaked, guarded.leaked, seconds=clock.seconds(), examples=guarded.examples)
        if one.dirty:
            self._leave()
        return cases.judge(result, control.missed)

    def _tell(self, one):
        """Runs a scenario in a world of its own."""
        clock = cases.Clock()
        missing = one.needs and one.needs()
        if missing:
            return cases.Result(one.name, "all", 0, 0, 0, "skipped", missing)
        self._leave()
        try:
            place = self._place()
            place.build, place.full = self._arguments.build, self._arguments.full
            tally = one.function(place)
            result = cases.Result(one.name, tally.status, tally.runs, tally.control_leaked or 0, tally.guarded_leaked, examples=tally.examples)
            cases.judge(result, 0, controlled=tally.control_leaked is not None)
        except _TROUBLE as error:
            result = cases.Result(one.name, "all", 1, 0, 0, "failed", f"{type(error).__name__}: {error}")
        self._leave()
        result.seconds = clock.seconds()
        return result

    def _place(self):
        """The world of the cases, made anew where the one before left traces."""
        if self._world is None:
            undo.next_world()
            self._world = world.World(whole_machine=self._whole_machine)
        return self._world

    def _leave(self):
        undo.everything()
        self._world = None

    # What came of it -------------------------------------------------------------------------

    def _finish(self, result):
        self._results.append(result)
        mark = {"passed": "\033[32mok  \033[0m", "failed": "\033[31mFAIL\033[0m", "skipped": "\033[33mskip\033[0m"}[result.result]
        counts = f"{result.runs:5} runs  control {result.control_leaked:4}  guarded {result.guarded_leaked}"
        print(f"{mark} {result.status:13} {result.case:78} {counts}" + (f"  {result.reason}" if result.reason else ""), flush=True)

    def _conclude(self, keep=None):
        """`keep`: which entries of the file from before stay in it."""
        counts = {kind: sum(result.result == kind for result in self._results) for kind in ("passed", "failed", "skipped")}
        output = self._arguments.output
        kept = [entry for entry in json.loads(output.read_text()) if keep(entry)] if keep and output.exists() else []
        cases.write(output, [*kept, *(result.line() for result in self._results)])
        print(", ".join(f"{number} {kind}" for kind, number in counts.items()) + f"; written to {output}", file=sys.stderr)
        return 1 if counts["failed"] or not counts["passed"] else 0


def lockdown(**more):
    """What may leave under the always-on profile of the attacks."""
    endpoints = []  # S1.c is for the provider, and the lab's tunnel has no outer packets: whatever goes to the gateway leaks
    return Lockdown(endpoints=endpoints, tunnel_addresses=[world.TUNNEL, world.TUNNEL6], **more)
