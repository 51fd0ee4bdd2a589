"""Processes of the lab: forked children in a namespace, a cgroup and with a user id of their own, which run a function of
ours with a channel to their parent. The parent has one thread only, so that forking is sound."""

import contextlib
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Pipe

from tests.lab import kernel, undo


class Failed(Exception):
    """What went wrong in a child, with its trace."""


class Child:
    """function(channel, *arguments) in a process of its own. `channel` is a Connection: send() and recv()."""

    def __init__(self, function, *arguments, namespace=None, cgroup=None, uid=None):
        self.channel, far = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self.channel.close()
            _run(function, far, arguments, namespace, cgroup, uid)
        far.close()
        undo.later(self.stop)

    def receive(self, seconds=30):
        """The next message. An exception of the child is raised here."""
        if not self.channel.poll(seconds):
            raise Failed(f"process {self.pid} said nothing for {seconds} s")
        try:
            message = self.channel.recv()
        except EOFError:
            raise Failed(f"process {self.pid} has ended") from None
        if isinstance(message, _Trace):
            raise Failed(message.text)
        return message

    def send(self, message):
        self.channel.send(message)

    def signal(self, number):
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds):
        """Whether it has ended within so many seconds."""
        end = time.monotonic() + seconds
        while self.pid is not None and time.monotonic() < end:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(self.pid, os.WNOHANG)[0] == 0:
                    time.sleep(0.005)
                    continue
            self.pid = None
            self.channel.close()
        return self.pid is None

    def stop(self):
        if self.pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self.pid = None
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class _Trace:
    def __init__(self, text):
        self.text = text


def join(cgroup):
    """The calling process moves into a cgroup."""
    (cgroup / "cgroup.procs").write_text("0")


def _run(function, channel, arguments, namespace, cgroup, uid):
    code = 1
    try:
        kernel.set_parent_death_signal(signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if cgroup is not None:
            join(cgroup)
        if namespace is not None:
            with open(namespace.path, "rb") as target:
                kernel.setns(target.fileno())
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            kernel.set_parent_death_signal(signal.SIGKILL)  # changing the user takes it away
        function(channel, *arguments)
        code = 0
    except BaseException:  # noqa: BLE001: everything is told to the parent
        with contextlib.suppress(OSError):
            channel.send(_Trace(traceback.format_exc()))
    finally:
        os._exit(code)


def serve(channel):
    """A child that calls what it is sent: (function, arguments[, those with names]) → its result."""
    while True:
        try:
            function, arguments, *named = channel.recv()
        except EOFError:
            return
        try:
            channel.send(function(*arguments, **(named[0] if named else {})))
        except Exception:  # noqa: BLE001
            channel.send(_Trace(traceback.format_exc()))


class Helper(Child):
    """A child to which functions are handed."""

    def __init__(self, **where):
        super().__init__(serve, **where)

    def call(self, function, *arguments, seconds=30):
        self.send((function, arguments))
        return self.receive(seconds)
