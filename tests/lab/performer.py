"""Performs cases: makes the world that they need, and says what came of them."""

from tests.lab import agent, attack, cases, certificates, guard, profiles, strongswan, undo, world
from tests.lab.frames import Lockdown
from tests.lab.process import Failed
from tests.lab.tunnel import Tunnel

CONTROL_RUNS = 3
_TROUBLE = (AssertionError, OSError, RuntimeError, Failed)


class Performer:
    def __init__(self, build, runs, *, full=False, whole_machine=False):
        self._build, self._runs, self._full, self._whole_machine = build, runs, full, whole_machine
        self._world = None
        self._compiled = None

    def attacks(self, ones, status):
        """Attacks against the agent, under one always-on guard whose tunnel is in a status."""
        return self._attack(ones, status, lambda: agent.Guard(self._world, self._build, self._policy(), status))

    def gated(self, ones, status="self-test"):
        """Attacks against a gate that is known to stop them."""
        return self._attack(ones, status, lambda: guard.Gate(self._world))

    def scenario(self, one, rounds):
        """A scenario in a world of its own."""
        clock = cases.Clock()
        missing = one.needs and one.needs()
        if missing:
            return cases.Result(one.name, "all", 0, 0, 0, "skipped", missing)
        self._leave()
        try:
            place = self.place()
            place.build, place.full, place.rounds = self._build, self._full, rounds
            tally = one.function(place)
            result = cases.Result(one.name, tally.status, tally.runs, tally.control_leaked or 0, tally.guarded_leaked, examples=tally.examples)
            result.reason = tally.note
            cases.judge(result, 0, controlled=tally.control_leaked is not None)
        except _TROUBLE as error:
            result = cases.Result(one.name, "all", 1, 0, 0, "failed", f"{type(error).__name__}: {error}")
        self._leave()
        result.seconds = clock.seconds()
        return result

    def place(self):
        """The world of the cases, made anew where the one before left traces."""
        if self._world is None:
            undo.next_world()
            self._world = world.World(whole_machine=self._whole_machine)
        return self._world

    def _attack(self, ones, status, make_guard):
        clock = cases.Clock()
        results = {one.name: cases.Result(one.name, status, 0, 0, 0, "skipped", reason) for one in ones if (reason := one.needs and one.needs())}
        able = [one for one in ones if one.name not in results]
        try:
            results |= self._play(able, status, make_guard) if able else {}
        except _TROUBLE as error:
            self._leave()
            text = f"{type(error).__name__}: {error}"
            results |= {one.name: cases.Result(one.name, status, self._runs, 0, 0, "failed", text) for one in able}
        if any(one.dirty for one in ones):
            self._leave()
        for result in results.values():
            result.seconds = round(clock.seconds() / len(results), 2)
        return [results[one.name] for one in ones]

    def _play(self, ones, status, make_guard):
        place = self.place()
        place.tunnel = place.tunnel or Tunnel(place)
        controls = [self._control(one, place) for one in ones]
        guarded = attack.play(ones, place, make_guard(), self._runs, lockdown())
        results = {}
        for one, control, outcome in zip(ones, controls, guarded):
            result = cases.Result(one.name, status, self._runs, control.leaked, outcome.leaked, examples=outcome.examples)
            results[one.name] = cases.judge(result, control.missed)
        return results

    @staticmethod
    def _control(one, place):
        outcome = attack.play([one], place, guard.Off(), CONTROL_RUNS)[0]
        if outcome.missed:  # on a busy machine a neighbour may answer too late
            outcome = attack.play([one], place, guard.Off(), CONTROL_RUNS)[0]
        return outcome

    def _policy(self):
        """Always-on, with a tunnel that a client of the lab brings up. Compiled once: each world has a copy."""
        folder = self._world.folder / "policies"
        if self._compiled is None:
            authority = certificates.Authority(self._world.folder / "ca")
            profile = profiles.always_on(authority.issue(strongswan.DEVICE_NAME), authority)
            policy = profiles.compile_policy(self._build / "bin/vpnprofile", folder, profile)
            self._compiled = policy.name, {path.name: (path.read_bytes(), path.stat().st_mode) for path in folder.iterdir()}
        name, files = self._compiled
        folder.mkdir(exist_ok=True)
        for file, (content, mode) in files.items():
            (folder / file).write_bytes(content)
            (folder / file).chmod(mode)
        return folder / name

    def _leave(self):
        undo.everything()
        self._world = None


def lockdown(**more):
    """What may leave under the always-on profile of the attacks."""
    endpoints = []  # S1.c is for the provider, and the lab's tunnel has no outer packets: whatever goes to the gateway leaks
    return Lockdown(endpoints=endpoints, tunnel_addresses=[world.TUNNEL, world.TUNNEL6], **more)
