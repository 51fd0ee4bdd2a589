"""A program on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, command, rows=24, columns=100):
        self._master, self._slave = pty.openpty()
        self.resize(rows, columns)
        self.seen, self._looked = b"", 0
        self.process = subprocess.Popen(list(map(str, command)), stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env={**os.environ, "TERM": "xterm"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._slave)
        os.close(self._master)

    def resize(self, rows, columns):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, keys):
        os.write(self._master, keys)

    def expect(self, pattern, seconds=8):
        """What matches in what is shown from the last match on."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen[self._looked:], re.DOTALL)
            if found:
                self._looked += found.end()
                return found[0]
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"{pattern} does not come; shown was {self.seen[self._looked:][-2000:]}")

    def wait(self, seconds=5):
        """The exit code, with all that was shown before it in `seen`."""
        code = self.process.wait(seconds)
        while self._read(0.1):
            pass
        return code

    def echoes(self):
        """Whether the terminal shows what is typed, line by line."""
        flags = termios.tcgetattr(self._slave)[3]
        return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)

    def _read(self, seconds):
        if seconds <= 0 or not select.select([self._master], [], [], seconds)[0]:
            return False
        self.seen += os.read(self._master, 65536)
        return True
