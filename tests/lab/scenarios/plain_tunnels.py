"""The tunnels themselves, without our agent: what carries the other scenarios is known to work."""

from tests.lab import certificates, strongswan, wireguard, world
from tests.lab.frames import UDP, Lockdown
from tests.lab.scenario import Tally, ask, expect, scenario


def _only_outer(place, port):
    """Nothing but the tunnel's outer packets was on the wires, and they were."""
    frames = place.take()
    outer = (world.GATEWAY, UDP, port)
    tally = Tally()
    tally.count(frames, Lockdown(endpoints=[outer, (world.GATEWAY, UDP, 500)], tunnel_addresses=[world.TUNNEL, world.TUNNEL6]))
    expect(any((frame.destination, frame.protocol, frame.port) == outer for frame in frames), "no outer packet was seen")
    return tally


def _carries(place, server, source):
    expect(ask(place.device, server) == b"hello", f"no echo from {server} through the tunnel")
    peers = {peer for _, address, peer, _ in place.served() if address == server}
    expect(peers == {source}, f"{server} saw {peers}, not {source}")


@scenario("IKEv2 by charon on both sides carries traffic", needs=strongswan.available, agent=False)
def ikev2(place):
    authority = certificates.Authority(place.folder / "ca")
    strongswan.gateway(place, authority)
    device = strongswan.plain_device(place, authority)
    place.take()
    device.initiate("all")
    _carries(place, world.SERVER, world.TUNNEL)
    expect("ESTABLISHED" in device.associations(), "the association is there")
    return _only_outer(place, 4500)


@scenario("WireGuard by wireguard-go on both sides carries traffic", needs=wireguard.available, agent=False)
def wireguard_go(place):
    near, _ = wireguard.pair(place)
    place.device.ip(f"rule add not fwmark {wireguard.MARK:#x} table 51820", f"route add default dev {near.link} table 51820")
    place.take()
    _carries(place, world.SERVER, world.TUNNEL)
    return _only_outer(place, wireguard.PORT)
