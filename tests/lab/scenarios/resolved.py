"""Names that are asked over nss-resolve: attributed to the app that asks, and not to systemd-resolved."""

from tests.lab import dns, profiles, world
from tests.lab.resolved import Resolved, available
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.scenarios.names import EXCLUDED, INSIDE_NAME, LEDGER, Resolvers
from tests.lab.stage import Stage, lockdown
from tests.lab.strongswan import wait_for


@scenario("names by nss-resolve and systemd-resolved: the app's own, whatever asks for it", needs=available)
def by_resolved(place):
    tally = Tally(status="disconnected, connected")
    zone = {EXCLUDED: [(dns.A, world.SERVER, 600)], INSIDE_NAME: [(dns.A, world.EXTRA_SERVERS[1], 600)]}
    resolved = Resolved(place, world.WIFI.router)
    stage = Stage(place, profiles.per_app("com.example.ledger", ExcludedDomains=[EXCLUDED]), profiles.PER_APP, inside=True,
                  configuration={"resolvers": {"wlan0": {"servers": [world.WIFI.router]}}, "resolved_socket": str(resolved.socket)})
    resolvers = Resolvers(place, zone)
    asked = lambda which: {name for _, name, _ in resolvers.asked(which)}  # noqa: E731
    # The control: without an agent resolved asks for the app, as nobody in particular.
    resolved.start()
    expect(resolved.look_up(LEDGER, INSIDE_NAME) == world.EXTRA_SERVERS[1] and asked("network") == {INSIDE_NAME}, "the control: nss-resolve does not ask")
    tally.control_leaked = 1
    stage.start()
    expect(not resolved.socket.exists(), "the socket is still there")
    place.take()
    expect(resolved.look_up(LEDGER, INSIDE_NAME) is None, "a name without the tunnel")
    expect(not asked("network"), "the network's resolver was asked for what belongs to the tunnel")
    tally.count([frame for frame in place.take() if b"intranet" in frame.data], lockdown())
    stage.connect(dns={"servers": [world.INSIDE]})
    for again in (False, True):
        if again:
            resolved.kill()
            resolved.start()
            wait_for(lambda: not resolved.socket.exists(), "the new socket out of the way", 5)
        place.take()
        expect(resolved.look_up(LEDGER, INSIDE_NAME) == world.EXTRA_SERVERS[1], f"a name by the tunnel, again {again}: {stage.agent.request('drops')}")
        expect(asked("tunnel") == {INSIDE_NAME} and not asked("network"), f"the tunnel's resolver alone, again {again}")
        expect(resolved.look_up(LEDGER, EXCLUDED) == world.SERVER and asked("network") == {EXCLUDED}, f"an excluded name, again {again}")
        tally.count([frame for frame in place.take() if b"intranet" in frame.data], lockdown())
    told, network = resolved.look_up("browser", INSIDE_NAME), resolvers.asked("network")
    expect(told == world.EXTRA_SERVERS[1] and {name for _, name, _ in network} == {INSIDE_NAME}, f"another app, by resolved: {told}, {network}, {stage.agent.log()[-1500:]}")
    stage.agent.remove()
    expect(resolved.socket.exists(), "the socket is not put back")
    expect(resolved.look_up(LEDGER, INSIDE_NAME) == world.EXTRA_SERVERS[1], "without the guard")
    return tally
