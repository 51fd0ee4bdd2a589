"""What the black-box tests share: calling the program in a folder of its own."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["VPNPROFILE"]
SOURCE = pathlib.Path(os.environ["VPN_SOURCE_DIR"])


def run(*arguments, folder=None, stdin=b"", env=None, timeout=60):
    """Runs vpnprofile; returns (exit code, output, errors) as text."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000", **(env or {})}
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=folder, input=stdin, env=environment, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


class Case(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vpnprofile-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, content, mode=None):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        if mode is not None:
            path.chmod(mode)
        return path

    def read(self, name):
        return (self.folder / name).read_bytes().decode("utf-8")

    def lint(self, *arguments, **more):
        return run("lint", *arguments, folder=self.folder, **more)
