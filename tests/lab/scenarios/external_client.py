"""The reference client of the external protocol (docs/examples/external_client.py), as a service of its own would be, with WireGuard."""

import sys
from pathlib import Path

from tests.lab import kernel, life, process, profiles, undo, wireguard, world
from tests.lab.agent import Agent
from tests.lab.frames import UDP
from tests.lab.netns import stop
from tests.lab.scenario import expect, scenario
from tests.lab.stage import Base

CLIENT = Path(__file__).parents[3] / "docs/examples/external_client.py"
OUTER = [(world.GATEWAY, UDP, wireguard.PORT)]


class ClientStage(Base):
    """An include-all VPN of somebody's own client."""

    on_demand = True

    def __init__(self, place):
        super().__init__(place, profiles.DEVICE_WIDE)
        self.near, self.gateway = wireguard.Keys(), wireguard.Peer(place.gateway, "wg0", place.outside)
        self.policy = self.compile(profiles.device_wide(IncludeAllNetworks=1))
        self.agent = Agent(place, place.build, self.policy, tunnels={self.tunnel_name: {}})
        self._configuration = place.folder / "office.conf"
        self._configuration.write_text(
            f"[Interface]\nPrivateKey = {self.near.private}\nAddress = {world.TUNNEL}/32, {world.TUNNEL6}/128\n\n[Peer]\n"
            f"PublicKey = {self.gateway.keys.public}\nEndpoint = vpn.example.com:{wireguard.PORT}\nAllowedIPs = 0.0.0.0/0, ::/0\n")
        self.client = None

    def start(self):
        super().start()
        self.start_client()
        return self

    def start_client(self):
        log = (self.place.folder / "client.log").open("a")
        undo.later(log.close)
        command = [sys.executable, "-I", "-B", CLIENT, "--tunnel", self.tunnel_name, "--config", self._configuration, "--socket", self.agent.clients]
        self.client = self.place.device.start([*map(str, command)], stdout=log, stderr=log, preexec_fn=self._enter)

    def _enter(self):
        kernel.private_mounts()
        kernel.mount("tmpfs", "/run", "tmpfs")  # wireguard-go's socket has a fixed place
        process.join(self.place.app_cgroup("vpn-client"))

    def start_gateway(self):
        wireguard.serve(self.gateway, self.near.public)


@scenario("external: the reference client brings a tunnel up, is taken down, killed, and outlives the agent", needs=wireguard.available)
def reference_client(place):
    tally, stage = life.connects(ClientStage, place, OUTER, "connecting, connected")
    stage.agent.kill()
    stage.agent.start()
    stage.wait("connected", 20)
    life.carries(stage, place, "after the agent was killed")
    tally.count(place.take(), life.lockdown(OUTER))
    stage.client.kill()
    stage.wait_not("connected")
    stage.start_client()
    stage.wait("connected", 20)
    life.carries(stage, place, "after the client was killed")
    stage.agent.request("disconnect", tunnel=stage.tunnel_name)
    stage.wait("disconnected")
    expect("wg-external" not in place.device.run(["ip", "-o", "link"]), "its interface is still there")
    tally.count(place.take(), life.lockdown(OUTER))
    stop(stage.client)
    return tally
