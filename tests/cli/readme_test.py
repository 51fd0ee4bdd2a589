"""Runs the examples of README.md: in each fence marked `console`, `$ …` lines are commands, the lines behind them exactly what they
print (standard output and errors together); a line `…` stands for any number of lines. All fences run in one folder, in order.

`readme_test.py --update` writes into README.md what the commands print now."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from fences import matches, steps
from program import PROGRAM, SOURCE

README = SOURCE / "README.md"
FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Runner:
    """A folder with the examples in it, as the branch `main` of a git repository, where the commands run."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="vpnprofile-readme-")
        for name in ("profiles", "docs"):
            shutil.copytree(SOURCE / name, pathlib.Path(self.folder) / name)
        outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.environment = {**outside, "PATH": f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}", "NO_COLOR": "1",
                            "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1798000000", "GIT_CONFIG_GLOBAL": "/dev/null"}
        author = "-c user.name=a -c user.email=a@example.com"
        subprocess.run(f"git init -q -b main && git add -A && git {author} commit -qm x", shell=True, cwd=self.folder,
                       env=self.environment, check=True)

    def run(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.environment, check=False, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.decode("utf-8")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Readme(unittest.TestCase):
    maxDiff = None

    def test_examples(self):
        fences = FENCE.findall(README.read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(fences), 5)
        runner = Runner()
        self.addCleanup(runner.close)
        for fence in fences:
            for command, expected in steps(fence):
                actual = runner.run(command)
                if not matches(expected, actual):
                    self.assertEqual(actual, expected, command)

    def test_a_difference_is_noticed(self):
        self.assertTrue(matches("a\n…\nd\n", "a\nb\nc\nd\n"))
        self.assertFalse(matches("a\n…\nd\n", "a\nb\nc\n"))
        self.assertFalse(matches("a\n", "a\nb\n"))


def update():
    """README.md with the output of now; what an ellipsis stands for stays as it is."""
    runner = Runner()

    def renewed(fence):
        text = ""
        for command, expected in steps(fence[1]):
            actual = runner.run(command)
            text += "$ " + command + (expected if matches(expected, actual) else actual)
        return "```console\n" + text + "```"

    README.write_text(FENCE.sub(renewed, README.read_text(encoding="utf-8")), encoding="utf-8")
    runner.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
