"""What belongs to a desktop machine, on a message bus of the test's own."""

import os
from pathlib import Path

from tests.lab import bus, kernel, process, undo
from tests.lab.strongswan import wait_for


class Desk:
    """A bus, our bridge on it, and those that tell it of the machine."""

    services = ()  # files with the rules of who else is on the bus

    def __init__(self, place):
        self.place = place
        self.bus = bus.Bus(place.folder, self.services)
        undo.later(self.bus.close)
        self._bridge = None

    def start_bridge(self, agent):
        self._bridge = self.start([self.place.build / "bin/vpnagent-dbus", "--bus", self.bus.address, "--control", agent.control], name="bridge")
        wait_for(lambda: self.bus.has("org.vpnprofile.Agent1"), "the bridge", 10)
        return self._bridge

    def start(self, command, enter=None, name=None, environment=None, **options):
        """A daemon on the bus, beside the guarded part."""
        def prepare():
            process.join(self.place.outside)
            kernel.private_mounts()
            kernel.mount("tmpfs", "/run", "tmpfs")
            if enter:
                enter()

        log = (self.place.folder / f"{name or Path(command[0]).name}.log").open("a")
        undo.later(log.close)
        return self.place.device.start([*map(str, command)], preexec_fn=prepare, **{"stdout": log, "stderr": log, **options},
                                       env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address, **(environment or {})})

    def kill_bridge(self):
        self._bridge.kill()
        self._bridge.wait()
