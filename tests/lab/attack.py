"""What an attack is, and how one is run.

An attack is a generator function with one argument, the Scene. What comes before its `yield` happens before the guard comes
into force (sockets made beforehand); it yields the frames that would betray it; what follows happens under the guard. An
OSError after the `yield` is the guard's refusal, and fine. Should it return a number, that many things got through by another
way than a wire (a packet that an app received, a route that was believed).

    @attack("udp4 connect+send")
    def connected(scene):
        yield Leak(token=scene.token)
        with socket(AF_INET, SOCK_DGRAM) as s:
            s.connect((scene.server, 7))
            s.send(scene.token)
"""

import contextlib
import importlib
import os
import pkgutil
import random
import time
from dataclasses import dataclass, field

from tests.lab import world as places
from tests.lab.frames import Leak
from tests.lab.process import Child

REGISTRY = {}
AT_ONCE = 10  # runs under one guard that comes into force, at least


@dataclass
class Attack:
    name: str
    function: object
    module: str
    settle: float  # seconds until its last frame is on the wire
    uid: int | None
    needs: object  # () → a reason to skip it here, or None
    batch: int  # runs in one process at the most; 1: it changes the device, and has it for itself
    allowed: str  # the rule that lets part of it pass
    whole_machine: bool  # only the root cgroup sees it: it runs in the VM too
    dirty: bool  # leaves traces in the world: the next case gets a new one
    app: str = "browser"


def attack(name, *, settle=0.03, uid=None, needs=None, batch=100, allowed="", whole_machine=False, dirty=False):
    def register(function):
        if name in REGISTRY:
            raise ValueError(f"two attacks are called {name}")
        REGISTRY[name] = Attack(name, function, function.__module__.rsplit(".", 1)[1], settle, uid, needs, batch, allowed, whole_machine, dirty)
        return function

    return register


def load():
    """All attacks of tests/attacks, in the order of its modules."""
    import tests.attacks

    for module in pkgutil.iter_modules(tests.attacks.__path__):
        importlib.import_module(f"tests.attacks.{module.name}")
    return REGISTRY


@dataclass
class Scene:
    """What an attack is given. It runs in the device's namespace as an app of the guarded cgroup."""

    world: object
    run: int
    base: int
    token: bytes = field(init=False)
    port: int = field(init=False)  # one that no other run uses, nor one of a case before: connections may linger

    server = places.SERVER
    server6 = places.SERVER6
    link = places.WIFI.link
    address = places.WIFI.device
    address6 = places.WIFI.device6
    router = places.WIFI.router
    router6 = places.WIFI.router6
    tunnel = places.TUNNEL
    tunnel6 = places.TUNNEL6

    def __post_init__(self):
        self.token = b"vpnlab" + os.urandom(12)
        self.port = self.base + self.run

    def at_peer(self, function, *arguments):
        """Calls a function of a module in the Wi-Fi's router, out of the guard's reach."""
        return self.world.peer.call(function, *arguments)

    def outside(self, function, *arguments):
        """Calls a function in the device, by a process that is in no guarded cgroup."""
        return self.world.stranger.call(function, *arguments)


@dataclass
class Outcome:
    leaked: int = 0  # frames, and other ways
    missed: int = 0  # runs of which not one frame was seen
    examples: list = field(default_factory=list)

    def leak(self, what):
        self.leaked += 1
        if len(self.examples) < 5:
            self.examples.append(what)


def play(attacks, world, guard, runs, lockdown=None):
    """Runs each of some attacks `runs` times, all of them under one guard that comes into force, some ten runs at a time; an
    Outcome for each. With a `lockdown`, whatever it does not allow counts as leaked, whosever it is; without (the control), the
    attack's own frames only."""
    totals = [Outcome() for _ in attacks]
    at_once = max(AT_ONCE, min(attack.batch for attack in attacks))
    for first in range(0, runs, at_once):
        _engage_once(attacks, world, guard, range(first, min(first + at_once, runs)), lockdown, totals)
    return totals


def _engage_once(attacks, world, guard, numbers, lockdown, totals):
    """What comes before is prepared for as many runs as one process has; the others of an attack that has the device for itself
    are prepared under the guard."""
    with contextlib.ExitStack() as stack:
        first = [_Cast(stack, attack, world, numbers[: attack.batch]) for attack in attacks]
        guard.engage()
        world.take()
        for attack, cast, total in zip(attacks, first, totals):
            cast.strike(lockdown, total)
            for start in range(attack.batch, len(numbers), attack.batch):
                cast.child.stop()  # its device is gone with it
                cast = _Cast(stack, attack, world, numbers[start : start + attack.batch])
                cast.strike(lockdown, total)
        guard.check()
        guard.release()


class _Cast:
    """Runs of an attack in one process of its own."""

    def __init__(self, stack, attack, world, numbers):
        self._attack, self._world = attack, world
        base = 10000 + random.randrange(18000)
        self._scenes = [Scene(world, number, base) for number in numbers]
        self.child = stack.enter_context(Child(_perform, attack.function, self._scenes, namespace=world.device,
                                               cgroup=world.app_cgroup(attack.app), uid=attack.uid))
        self._patterns = self.child.receive(60)

    def strike(self, lockdown, total):
        self.child.send("strike")
        results = self.child.receive(120)
        time.sleep(self._attack.settle)
        frames = self._world.take()
        seen = [False] * len(self._scenes)
        for frame in frames:
            own = next((i for i, leaks in enumerate(self._patterns) if any(leak.matches(frame) for leak in leaks)), None)
            if own is not None:
                seen[own] = True
            spared = lockdown and self._attack.allowed and lockdown.allows(frame)
            if (own is not None and not spared) or (lockdown and not lockdown.allows(frame)):
                total.leak(str(frame))
        for own, (through, error) in zip(seen, results):
            for _ in range(through):
                total.leak("got through")
            total.missed += not own and not through
            if error and not isinstance(error, OSError):
                raise error


def _perform(channel, function, scenes):
    """In the attacker's process."""
    performances = [function(scene) for scene in scenes]
    leaks = [next(performance) for performance in performances]
    channel.send([[leak] if isinstance(leak, Leak) else list(leak) for leak in leaks])
    channel.recv()
    channel.send([_strike(performance) for performance in performances])
    channel.poll(None)  # until it is killed: sockets are not closed before the frames are counted


def _strike(performance):
    try:
        next(performance)
    except StopIteration as end:
        return int(end.value or 0), None
    except OSError as error:
        return 0, error
    raise RuntimeError("an attack yields once")
