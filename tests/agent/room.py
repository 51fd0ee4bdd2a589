"""What the tests start from: one world for each class of them, an agent for each test."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.lab import certificates, profiles, strongswan, undo, world
from tests.lab.agent import Agent
from tests.lab.process import Helper, join
from tests.lab.stage import ask
from tests.lab.strongswan import wait_for
from tests.lab.tunnel import Tunnel

BUILD = Path("build/release")  # where the programs are; set by __main__


class Room(unittest.TestCase):
    """A world, and what one does in it. `self.agent` is made by install()."""

    external = True  # has the interface of some client, tun0

    @classmethod
    def setUpClass(cls):
        undo.next_world()
        cls.place = world.World()
        cls.authority = certificates.Authority(cls.place.folder / "ca")
        cls.identity = cls.authority.issue(strongswan.DEVICE_NAME)
        cls.place.tunnel = Tunnel(cls.place) if cls.external else None
        cls.apps, cls.made = {}, 0
        cls.agent = None

    @classmethod
    def tearDownClass(cls):
        undo.everything()

    def tearDown(self):
        if self.agent is not None:
            self.agent.remove()
            self.agent.forget()
            for file in (self.agent.folder / "config").glob("apps.d/*"):
                file.unlink()
            (self.agent.folder / "log").unlink(missing_ok=True)
            type(self).agent = None

    # Policies and the agent

    def compile(self, profile=None, *, serial=1, apps=None, **options):
        """A policy of a name of its own; `options` are those of the compiler: sign_key="k.pem"."""
        type(self).made += 1
        folder = self.place.folder / "policies"
        folder.mkdir(exist_ok=True)
        source, policy, app_map = (folder / f"{self.made}.{end}" for end in ("mobileconfig", "vpnpolicy", "apps.json"))
        source.write_bytes(profile or profiles.always_on(self.identity, self.authority))
        app_map.write_text(json.dumps(profiles.APPS if apps is None else apps))
        more = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
        command = [BUILD / "bin/vpnprofile", "compile", source, "-o", policy, "--app-map", app_map, "--platform", "linux", "--serial", serial, *more]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return policy

    def install(self, policy, tunnel=profiles.ALWAYS_ON_TUNNEL, **options):
        """The agent with this policy, not started."""
        tunnels = {tunnel: {}} if tunnel else None
        agent = type(self).agent = Agent(self.place, BUILD, policy, tunnels=tunnels, **options)
        return agent

    def log(self):
        return self.agent.log()[-3000:]

    # Asking it

    def status(self):
        return self.agent.request("status")

    def run_ctl(self, *arguments, uid=None):
        """vpnagentctl: (exit code, standard output, standard error)."""
        program = BUILD / "bin/vpnagentctl"
        if uid is not None:  # the tree may lie where only root may look
            folder = tempfile.mkdtemp(prefix="vpnlab-ctl-")
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
            os.chmod(folder, 0o755)
            program = shutil.copy(program, folder)
        command = [program, *arguments, "--control", self.agent.control, "--format", "json"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=30, user=uid)
        return done.returncode, done.stdout, done.stderr

    def ctl(self, *arguments):
        code, out, error = self.run_ctl(*arguments)
        self.assertEqual(code, 0, f"vpnagentctl {arguments}: {error}{out}\n{self.log()}")
        return json.loads(out)

    def refused(self, code, words, *arguments):
        """The command fails with this exit code and says so in these words."""
        got, out, error = self.run_ctl(*arguments)
        self.assertEqual(got, code, error + out)
        self.assertIn(words, error)
        self.assertEqual(out, "")

    def follow(self, command, **more):
        """A connection on which lines go on coming: read with lines.readline()."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(s.close)
        s.settimeout(5)
        s.connect(str(self.agent.control))
        s.sendall(json.dumps({"command": command, **more}).encode() + b"\n")
        lines = s.makefile("rb")
        self.addCleanup(lines.close)
        return lines

    def wait(self, condition, what, seconds=5):
        try:
            return wait_for(condition, what, seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    # Traffic

    def app(self, name, uid=None):
        if (name, uid) not in self.apps:
            self.apps[name, uid] = Helper(namespace=self.place.device, cgroup=self.place.app_cgroup(name), uid=uid)
        return self.apps[name, uid]

    def ask(self, app, server=world.SERVER, **how):
        """What an echo server answers an app, or the error's number."""
        return self.app(app).call(ask, server, how)[0]
