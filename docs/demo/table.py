#!/usr/bin/env python3
"""Asks vpnprofile explain about the flows of a file in each of its states and prints the verdicts as a table.

usage: table.py VPNPROFILE POLICY FLOWS.json
"""
import json
import pathlib
import subprocess
import sys
import tempfile


def verdicts(program, policy, state, flows):
    """The verdict on each flow, in order."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "state.json"
        file.write_text(json.dumps(state), encoding="utf-8")
        lines = "".join(json.dumps(flow) + "\n" for flow in flows)
        done = subprocess.run([program, "explain", policy, "--state", file, "--flows", "-", "--format", "json"],
                              input=lines, text=True, check=True, stdout=subprocess.PIPE)
        return [json.loads(line) for line in done.stdout.splitlines()]


def main(program, policy, file):
    demo = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
    states = demo["states"]
    columns = [verdicts(program, policy, state, [f["flow"] for f in demo["flows"]]) for state in states.values()]
    width = max(len(f["label"]) for f in demo["flows"]) + 2
    print(f"{demo['title']}\n")
    print(" " * width + "".join(f"{name:14}" for name in states).rstrip())
    sources = {}
    for row, flow in enumerate(demo["flows"]):
        cells = [column[row] for column in columns]
        print(f"{flow['label']:{width}}" + "".join(f"{c['verdict'] + ' ' + c['rule']:14}" for c in cells).rstrip())
        for cell in cells:
            source = cell.get("source")
            if source:
                sources.setdefault((cell["rule"], source.get("line"), source["path"]), source["file"])
    print()
    for (rule, line, path), name in sorted(sources.items(), key=str):
        print(f"{rule:5} {pathlib.Path(name).name}:{line}  {path}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
