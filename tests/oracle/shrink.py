"""Makes a difference between oracle and program as small as it gets, and writes it down."""

import copy
import json
import shlex

import inputs
import oracle
import product

ATTEMPTS = 1500


def paths_of(value, path=()):
    """Paths of everything below a value, shallow ones first, the last elements of a list first."""
    level, found = [(path, value)], []
    while level:
        below = []
        for at, item in level:
            keys = list(item) if isinstance(item, dict) else range(len(item) - 1, -1, -1) if isinstance(item, list) else ()
            below += [((*at, key), item[key]) for key in keys]
        found += [at for at, _ in below]
        level = below
    return found


def without(value, path):
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return made


class Case:
    """One world (documents, app map, platform), state and flow."""

    def __init__(self, world, state, flow):
        self.world, self.state, self.flow = world, state, flow

    def parts(self):
        return {"state": self.state, "flow": self.flow, "app_map": self.world["app_map"], "documents": self.world["documents"]}

    def replaced(self, part, value):
        if part in ("state", "flow"):
            return Case(self.world, value if part == "state" else self.state, value if part == "flow" else self.flow)
        return Case({**self.world, part: value}, self.state, self.flow)


def judge(program, case, folder):
    """(program's shape, oracle's shape); None when either cannot answer."""
    try:
        policy = inputs.build(case.world["documents"], case.world["app_map"], case.world["platform"])
        wanted = product.expected(oracle.decide(policy, inputs.State(case.state), case.flow))
        compiled = product.compile_world(program, case.world, folder)
        got = product.shape(product.explain(program, compiled, case.state, [case.flow], folder)[0])
    except (product.Refused, KeyError, ValueError, TypeError, AttributeError, IndexError):
        return None
    return got, wanted


def shrink(program, case, folder):
    """The smallest case found that still differs in the same way (rules and verdicts of both)."""
    answers = judge(program, case, folder)
    if answers is None or answers[0] == answers[1]:
        return case, answers
    signature = tuple((a.get("rule"), a.get("verdict")) for a in answers)
    left, smaller = ATTEMPTS, True
    while smaller and left > 0:
        smaller = False
        for part in ("state", "flow", "app_map", "documents"):
            n = 0
            while left > 0:
                candidates = paths_of(case.parts()[part])
                if n >= len(candidates):
                    break
                attempt = case.replaced(part, without(case.parts()[part], candidates[n]))
                left -= 1
                now = judge(program, attempt, folder)
                if now and now[0] != now[1] and tuple((a.get("rule"), a.get("verdict")) for a in now) == signature:
                    case, answers, smaller = attempt, now, True
                else:
                    n += 1
    return case, answers


def write(program, case, answers, folder):
    """A folder that reproduces the difference with one command."""
    paths = product.write_world(case.world, folder)
    (folder / "state.json").write_text(json.dumps(case.state, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "flow.json").write_text(json.dumps(case.flow, ensure_ascii=False) + "\n", encoding="utf-8")
    app_map = ["--app-map", "app-map.json"] if case.world["app_map"] else []
    compile_line = [program, "compile", *(p.name for p in paths), "-o", "p.vpnpolicy", "--platform", case.world["platform"], *app_map]
    explain_line = [program, "explain", "p.vpnpolicy", "--state", "state.json", "--flow", "@flow.json", "--format", "json"]
    (folder / "run").write_text("#!/bin/sh\n" + shlex.join(map(str, compile_line)) + "\n" + shlex.join(map(str, explain_line)) + "\n", encoding="utf-8")
    (folder / "answers.json").write_text(json.dumps({"program": answers[0], "oracle": answers[1]}, indent=1) + "\n", encoding="utf-8")
