"""Scenarios: stories with several acts. A scenario is a function with one argument, a fresh World; it returns a Tally, and
raises when the story does not go as told."""

import importlib
import pkgutil
import socket
from dataclasses import dataclass, field

REGISTRY = {}


@dataclass
class Tally:
    """What was seen. A scenario without an adversary has no control (None)."""

    runs: int = 1
    control_leaked: int | None = None
    guarded_leaked: int = 0
    examples: list = field(default_factory=list)
    status: str = "all"  # of the tunnel meanwhile
    note: str = ""  # what else was measured

    def count(self, frames, lockdown):
        """Adds the frames that a lockdown does not allow."""
        for frame in frames:
            if not lockdown.allows(frame):
                self.guarded_leaked += 1
                if len(self.examples) < 5:
                    self.examples.append(str(frame))


@dataclass
class Scenario:
    name: str
    function: object
    needs: object
    full: bool  # only with --full
    agent: bool  # needs vpnagentd
    rounds: int  # of place.rounds
    full_rounds: int  # with --full, in batches of `batch`
    batch: int
    machine: bool  # runs in the whole machine, too
    long: bool  # begins early, for it ends late

    def batches(self):
        """The full count in pieces."""
        return [min(self.batch, self.full_rounds - done) for done in range(0, self.full_rounds, self.batch)]


def scenario(name, *, needs=None, full=False, agent=True, rounds=1, full_rounds=1, batch=100, machine=False, long=False):
    def register(function):
        REGISTRY[name] = Scenario(name, function, needs, full, agent, rounds, full_rounds, batch, machine, long)
        return function

    return register


def load():
    import tests.lab.scenarios

    for module in pkgutil.iter_modules(tests.lab.scenarios.__path__):
        importlib.import_module(f"tests.lab.scenarios.{module.name}")
    return REGISTRY


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def ask(place, server, port=7, data=b"hello", kind=socket.SOCK_STREAM, seconds=3):
    """Asks an echo server from a place, by no app in particular; what came back, or the OSError."""
    with place.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind) as s:
        s.settimeout(seconds)
        try:
            s.connect((server, port))
            s.send(data)
            return s.recv(len(data))
        except OSError as error:
            return error
