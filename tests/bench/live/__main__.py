"""python3 -m tests.bench.live PART: rows as JSON, one on each line. The harness (live.cpp) calls it; as root."""

import argparse
import json
import sys
from pathlib import Path

from tests.bench.live import agent, enforcing, names
from tests.lab import undo

PARTS = {"enforcing": enforcing.rows, "agent": agent.rows, "names": names.rows}


def main():
    parser = argparse.ArgumentParser(prog="tests.bench.live", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--quick", action="store_true", help="to try the benchmark itself: few and short rounds")
    arguments = parser.parse_args()
    undo.install()
    undo.next_world()
    for row in PARTS[arguments.part](arguments.build.resolve(), arguments.quick):
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
