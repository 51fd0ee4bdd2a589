"""The lab's command line; `./dev lab` calls it."""

import argparse
import os
import sys
from pathlib import Path

from tests.lab import attack, cases, pool, report, scenario, undo, vm
from tests.lab.run import Lab

# What passes the hand-written gate: below it (AF_XDP), or on the way in.
_BEYOND_THE_GATE = {"AF_XDP copy-mode tx", "ND probe for the tunnel's IPv6 address", "ICMP redirect", "ND redirect",
                    "decapsulation of GRE, IPIP and 6in4 from outside (CVE-2020-10136, CVE-2024-7595)"}


def _arguments():
    parser = argparse.ArgumentParser(prog="./dev lab", description="Tests in network namespaces, with real packets.",
                                     epilog="example: ./dev lab --only 'tcp4 connect'")
    parser.add_argument("command", nargs="?", choices=("run", "list", "cleanup", "self-test", "vm", "table", "demo"), default="run",
                        help="self-test: the attacks against no guard and against a hand-written gate, without the agent; "
                             "vm: what needs a whole machine; demo: a live table; table: results into docs/assurance.md; list; cleanup: remove what a killed run left")
    parser.add_argument("--vm", action="store_true", help="as the command vm")
    parser.add_argument("--task", dest="tasks", action="append", choices=vm.TASKS, help="only this task of the machine")
    parser.add_argument("--status", dest="statuses", action="append", choices=cases.STATUSES, help="attacks in this status of the tunnel only")
    parser.add_argument("--attacks", action="store_true", help="attacks only, no scenarios")
    parser.add_argument("--scenarios", action="store_true", help="scenarios only, no attacks")
    parser.add_argument("--sample", action="store_true", help="attacks in the status connected and one other each, by turns")
    parser.add_argument("--seed", type=int, help="where the turns of --sample begin (default: random, and printed)")
    parser.add_argument("--jobs", type=int, default=pool.WORKERS, help=f"cases side by side, most of whose time is waiting (default: {pool.WORKERS})")
    parser.add_argument("--full", action="store_true", help="the full counts: takes hours; what is done is kept and resumed")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose name contains TEXT")
    parser.add_argument("--runs", type=int, help="runs of each case in each status")
    parser.add_argument("--build", type=Path, default=cases.ROOT / "build/release", help="where the programs are (default: build/release)")
    parser.add_argument("--output", type=Path, default=cases.ROOT / "build/lab.json")
    return parser.parse_args()


def main():
    arguments = _arguments()
    if arguments.command == "list":
        for one in attack.load().values():
            print(f"{one.module:14} {one.name}")
        for one in scenario.load().values():
            print(f"{'scenario':14} {one.name}")
        return 0
    if arguments.command == "table":
        report.update(cases.ROOT / "docs/assurance.md", arguments.output)
        return 0
    if os.geteuid() != 0:
        print("error: the lab makes network namespaces, which takes root: sudo ./dev lab", file=sys.stderr)
        return 77 if "CTEST_INTERACTIVE_DEBUG_MODE" in os.environ else 4  # to ctest: skipped
    if arguments.command == "cleanup":
        for name in undo.leftovers():
            print(f"removed {name}")
        return 0
    undo.install()
    undo.leftovers()
    lab = Lab(arguments)
    if arguments.command == "demo":
        return lab.demo()
    if arguments.vm or arguments.command == "vm":
        return lab.machine()
    return lab.self_test(_BEYOND_THE_GATE) if arguments.command == "self-test" else lab.run()


if __name__ == "__main__":
    sys.exit(main())
