#!/usr/bin/python3
"""Compares `vpnprofile explain` with the oracle on random policies, states and flows.

  compare.py --vpnprofile build/release/bin/vpnprofile --seed 1 --rounds 50
"""

import argparse
import collections
import json
import os
import random
import secrets
import sys
import tempfile
import time
from pathlib import Path

import generate_flows
import generate_policy
import inputs
import oracle
import product
import shrink

STATES, FLOWS = 3, 100  # for each policy
SHRUNK = 8  # differences that are made small; the others are only counted


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vpnprofile", required=True, type=Path, help="the program")
    parser.add_argument("--seed", type=int, action="append", help="may be given several times; absent: a random one")
    parser.add_argument("--random-seed", action="store_true", help="one more seed, a random one")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("VPN_ORACLE_ROUNDS", "34")),
                        help=f"policies for each seed, {STATES * FLOWS} flows each (VPN_ORACLE_ROUNDS)")
    parser.add_argument("--out", type=Path, help="folder for reproductions")
    parser.add_argument("--stop-at", type=int, default=1000, help="give up after so many differences")
    return parser.parse_args()


class Comparison:
    def __init__(self, program, folder, out):
        self.program, self.folder, self.out = program, folder, out
        self.flows = 0
        self.rules = collections.Counter()
        self.differences = collections.Counter()
        self.refused = []

    def round(self, rng, label):
        world = generate_policy.PolicyGenerator(rng).generate()
        world["binary"] = [n for n in range(len(world["documents"])) if rng.random() < 0.25]
        policy = inputs.build(world["documents"], world["app_map"], world["platform"])
        try:
            compiled = product.compile_world(self.program, world, self.folder)
        except product.Refused as refusal:
            self.refused.append(f"{label}: {refusal}")
            return
        for state in generate_flows.states(rng, policy, STATES):
            self.state(world, policy, compiled, state, rng, label)

    def state(self, world, policy, compiled, state, rng, label):
        read = inputs.State(state)
        flows = generate_flows.flows(rng, policy, read, FLOWS)
        answers = product.explain(self.program, compiled, state, flows, self.folder)
        for flow, answer in zip(flows, answers):
            self.flows += 1
            wanted, got = product.expected(oracle.decide(policy, read, flow)), product.shape(answer)
            self.rules[wanted["rule"]] += 1
            if got != wanted:
                self.difference(shrink.Case(world, state, flow), got, wanted, label)

    def difference(self, case, got, wanted, label):
        signature = (got.get("rule", "no verdict"), got.get("verdict"), wanted["rule"], wanted["verdict"])
        self.differences[signature] += 1
        if self.differences[signature] > 1 or len(self.differences) > SHRUNK:
            return
        with tempfile.TemporaryDirectory() as folder:
            small, answers = shrink.shrink(self.program, case, Path(folder))
        answers = answers or (got, wanted)
        place = self.out / f"difference-{sum(self.differences.values())}"
        shrink.write(self.program, small, answers, place)
        print(f"{label}: the program says {json.dumps(answers[0])}\n  the oracle says {json.dumps(answers[1])}\n"
              f"  flow {json.dumps(small.flow)}\n  reproduction in {place}", flush=True)

    def report(self):
        print(f"{self.flows} flows, rules met: " + " ".join(f"{rule}:{count}" for rule, count in sorted(self.rules.items())))
        for refusal in self.refused[:3]:
            print("refused: " + refusal)
        for signature, count in self.differences.most_common():
            print(f"{count} times: program {signature[0]} {signature[1]}, oracle {signature[2]} {signature[3]}")
        print(f"{sum(self.differences.values())} differences, {len(self.refused)} policies refused")
        return not self.differences and not self.refused


def main():
    arguments = parse_arguments()
    seeds = list(arguments.seed or [])
    if arguments.random_seed or not seeds:
        seeds.append(secrets.randbelow(1 << 32))
    out = arguments.out or Path(tempfile.mkdtemp(prefix="vpnprofile-oracle-"))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(arguments.vpnprofile.resolve(), Path(folder), out)
        for seed in seeds:
            print(f"seed {seed}", flush=True)
            rng = random.Random(seed)
            for n in range(arguments.rounds):
                comparison.round(rng, f"seed {seed}, round {n}")
                if sum(comparison.differences.values()) >= arguments.stop_at:
                    break
    agreed = comparison.report()
    print(f"{time.monotonic() - started:.1f} s")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
