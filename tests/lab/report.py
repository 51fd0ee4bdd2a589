"""The table in docs/assurance.md, from build/lab.json."""

import json
import os
from collections import defaultdict

START = "## Results\n"


def update(document, results):
    """Writes the table anew, below the heading "Results"."""
    text = document.read_text()
    head = text[: text.index(START) + len(START)]
    document.write_text(head + "\n" + table(json.loads(results.read_text())))


def table(entries):
    """One row for each case: all its statuses together, and what was skipped with its reason."""
    rows = defaultdict(list)
    for entry in entries:
        rows[entry["case"], entry["status"].startswith("vm")].append(entry)
    lines = [f"Linux {os.uname().release.split('-')[0]}; {sum(entry['runs'] for entry in entries)} guarded runs.", "",
             "| case | where, tunnel status | runs | control leaked | guarded leaked |", "|---|---|---|---|---|"]
    skipped = []
    for (case, machine), group in rows.items():
        if all(entry["result"] == "skipped" for entry in group):
            skipped.append(f"- **{case}**: {group[0]['reason']}")
            continue
        where = "machine" if machine else ", ".join(dict.fromkeys(entry["status"] for entry in group))
        control = sum(entry["control_leaked"] for entry in group)
        failed = [entry for entry in group if entry["result"] == "failed"]
        leaked = sum(entry["guarded_leaked"] for entry in group)
        said = (failed or group)[0].get("reason", "")
        note = f" (**failed**: {said[:160]})" if failed else f"; {said}" if said else ""
        lines.append(f"| {case} | {where} | {sum(entry['runs'] for entry in group)} | {control or '–'} | {leaked}{note} |".replace("\n", " "))
    if skipped:
        lines += ["", "Skipped:", *skipped]
    return "\n".join(lines) + "\n"
