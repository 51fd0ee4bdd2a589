"""python3 -m tests.agent PART [TEST…]: the tests of one module here, as root."""

import argparse
import os
import sys
import unittest
from pathlib import Path

from tests.agent import room
from tests.lab import agent, undo


def main():
    parser = argparse.ArgumentParser(prog="tests.agent", description=__doc__)
    parser.add_argument("part", choices=("control", "desktop", "policies", "readme", "tunnels"))
    parser.add_argument("tests", nargs="*", help="Class.test, all unless said")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: it makes network namespaces, which takes root")
        return 77
    room.BUILD = arguments.build.resolve()
    absent = agent.missing(room.BUILD)
    if absent:
        print(f"error: {absent}")
        return 4
    undo.install()
    module = f"tests.agent.{arguments.part}_test"
    names = [f"{module}.{name}" for name in arguments.tests] or [module]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
