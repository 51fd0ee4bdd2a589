"""Runs the vpnprofile program on a generated world and brings back its verdicts."""

import json
import plistlib
import subprocess
from pathlib import Path

TIMEOUT = 60


class Refused(Exception):
    """compile did not write a policy."""


def plist_bytes(document, binary):
    return plistlib.dumps(document, fmt=plistlib.FMT_BINARY if binary else plistlib.FMT_XML, sort_keys=False)


def write_world(world, folder):
    """Writes profiles, declarations and the app map; returns the documents' paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n, document in enumerate(world["documents"]):
        if "Type" in document:
            path = folder / f"{n:02}.json"
            path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
        else:
            path = folder / f"{n:02}.mobileconfig"
            path.write_bytes(plist_bytes(document, n in world.get("binary", ())))
        paths.append(path)
    (folder / "app-map.json").write_text(json.dumps(world["app_map"], indent=1), encoding="utf-8")
    return paths


def run(arguments):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT, check=False)


def compile_world(program, world, folder):
    """Compiles into folder/p.vpnpolicy; Refused with the findings where that fails."""
    paths = write_world(world, folder)
    policy = folder / "p.vpnpolicy"
    if policy.exists():
        policy.unlink()
    command = [program, "compile", *paths, "-o", policy, "--platform", world["platform"]]
    if world["app_map"]:
        command += ["--app-map", folder / "app-map.json"]
    done = run(command)
    if done.returncode != 0 or not policy.exists():
        raise Refused(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return policy


def explain(program, policy, state, flows, folder):
    """One parsed line for each flow; Refused when the program gives anything else."""
    (folder / "state.json").write_text(json.dumps(state, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / "flows.ndjson").write_text("".join(json.dumps(f, ensure_ascii=False) + "\n" for f in flows), encoding="utf-8")
    command = [program, "explain", policy, "--state", folder / "state.json", "--flows", folder / "flows.ndjson", "--format", "json"]
    done = run(command)
    lines = done.stdout.splitlines()
    if done.returncode not in (0, 1) or len(lines) != len(flows):
        raise Refused(f"{' '.join(map(str, command))}\nexit {done.returncode}, {len(lines)} lines\n{done.stdout[:2000]}{done.stderr[:2000]}")
    return [json.loads(line) for line in lines]


def shape(answer):
    """What is compared of the program's verdict."""
    if "verdict" not in answer:
        return answer
    shown = {"verdict": answer["verdict"], "rule": answer["rule"], "has_source": answer.get("source") is not None}
    if answer.get("tunnel"):
        shown["tunnel"] = answer["tunnel"].upper()
    return shown


def expected(verdict):
    """The oracle's verdict in the same shape."""
    shown = verdict.as_json()
    if "tunnel" in shown:
        shown["tunnel"] = shown["tunnel"].upper()
    return shown
