"""WireGuard in the kernel, as an interface that the agent watches: the kernel sends its outer packets by itself (S1.c)."""

from tests.lab import kernel, profiles, wireguard, world
from tests.lab.agent import Agent
from tests.lab.frames import UDP, Lockdown
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Base


def _missing():
    return None if kernel.has_link_kind("wireguard") else "this kernel has no WireGuard"


@scenario("always-on by the kernel's WireGuard: its outer packets and nothing else", needs=_missing, machine=True)
def kernel_wireguard(place):
    tally = Tally(status="disconnected, connected")
    stage = Base(place, profiles.ALWAYS_ON_TUNNEL)
    options = {"interface": "wg0", "settings": {"endpoints": [{"address": world.GATEWAY, "protocol": "udp", "port": wireguard.PORT}]},
               "process": {"mark": wireguard.MARK}}
    stage.agent = Agent(place, place.build, stage.compile(), tunnels={stage.tunnel_name: options})
    stage.start()
    place.take()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer in REFUSED, f"before the tunnel: {answer}")
    wireguard.pair(place, wireguard.KernelPeer)
    stage.wait("connected", 60)
    for server, own in ((world.SERVER, world.TUNNEL), (world.SERVER6, world.TUNNEL6)):
        place.served()
        answer, _ = stage.ask("browser", server, seconds=10)
        expect(answer == b"hello", f"{server} through the tunnel: {answer}; {stage.agent.log()[-1500:]}")
        expect({peer for _, address, peer, _ in place.served() if address == server} == {own}, f"{server} saw another source")
    outer = (world.GATEWAY, UDP, wireguard.PORT)
    frames = place.take()
    expect(any((frame.destination, frame.protocol, frame.port) == outer for frame in frames), "no outer packet was seen")
    tally.count(frames, Lockdown(endpoints=[outer], tunnel_addresses=[world.TUNNEL, world.TUNNEL6]))
    return tally
