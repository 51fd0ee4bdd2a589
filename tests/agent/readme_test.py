"""Runs the examples of README.md that are of a device: fences marked `console device`, with the agent that they speak to."""

import re
import subprocess
from pathlib import Path

from tests.agent import room
from tests.cli.fences import matches, steps
from tests.lab import world
from tests.lab.agent import Agent

SOURCE = Path(__file__).parents[2]
FENCE = re.compile(r"^```console device\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = "profiles/always-on-application-exceptions.mobileconfig"


class Readme(room.Room):
    maxDiff = None
    external = False

    def test_examples_of_a_device(self):
        (fence,) = FENCE.findall((SOURCE / "README.md").read_text())
        policy = self.place.folder / "device.vpnpolicy"
        subprocess.run([room.BUILD / "bin/vpnprofile", "compile", EXAMPLE, "--app-map", "profiles/app-map.yaml", "-o", policy], cwd=SOURCE, check=True,
                       stdout=subprocess.DEVNULL)
        type(self).agent = Agent(self.place, room.BUILD, policy, tunnels={"750F7FC5-71FF-503B-9D1C-1982345FF831#0": {}})
        self.agent.start()
        program = f"{room.BUILD}/bin/vpnagentctl"
        for command, expected in steps(fence):
            self.assertTrue(command.startswith("vpnagentctl "), command)
            command = command.replace("vpnagentctl", program, 1).rstrip("\n") + f" --control {self.agent.control} --color never"
            actual = subprocess.run(["bash", "-c", command], cwd=SOURCE, capture_output=True, text=True, timeout=20)
            if not matches(expected, actual.stdout + actual.stderr):
                self.assertEqual(actual.stdout + actual.stderr, expected, command)
        self.assertIn(world.WIFI.link, fence)
