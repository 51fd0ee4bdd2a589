"""Examples in documents: commands and what they print."""

import re


def steps(fence):
    """(command, expected output) of a fence."""
    result = []
    for line in fence.splitlines(keepends=True):
        if line.startswith("$ "):
            result.append([line[2:], ""])
        elif result and result[-1][0].endswith("\\\n"):
            result[-1][0] += line
        else:
            result[-1][1] += line
    return result


def matches(expected, actual):
    """Whether the output is what the README says; a line of an ellipsis stands for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line) for line in expected.splitlines(keepends=True))
    return re.fullmatch(pattern, actual) is not None
