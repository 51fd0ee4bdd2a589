"""The provider under test, in a process of its own (tests/ike/driver.cpp)."""

import json
import os
import selectors
import subprocess
import time


class Provider:
    def __init__(self, net, driver, policy, secrets, state, dead_peer_seconds=0, log=None):
        state.mkdir(mode=0o700, exist_ok=True)
        self._log = open(log or state / "log", "a")
        self.process = subprocess.Popen(
            [driver, policy, secrets, state, net.cgroup.parent, net.cgroup.name, str(dead_peer_seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, bufsize=1, preexec_fn=net.inside(net.device))
        os.set_blocking(self.process.stdout.fileno(), False)
        self.reports, self._text = [], ""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stdout, selectors.EVENT_READ)

    def tell(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def wait(self, wanted, seconds):
        """The next report that has this status (or is an error); those before it are kept in `reports`."""
        end = time.monotonic() + seconds
        while True:
            while "\n" in self._text:
                line, self._text = self._text.split("\n", 1)
                report = json.loads(line)
                self.reports.append(report)
                if report.get("status") == wanted or "error" in report:
                    return report
            if time.monotonic() > end:
                raise TimeoutError(f"no report '{wanted}' within {seconds} s; the last ones: {self.reports[-3:]}")
            if self._selector.select(0.1):
                self._text += os.read(self.process.stdout.fileno(), 65536).decode()

    def leave(self):
        """The agent ends, its charon stays."""
        self.process.stdin.close()
        self.kill(patience=5)

    def kill(self, patience=0):
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for file in (self._selector, self.process.stdin, self.process.stdout, self._log):
            file.close()
