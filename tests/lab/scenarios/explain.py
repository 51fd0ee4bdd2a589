"""What explain says is what packets do."""

import secrets
import sys
import time

from tests.lab import agreement, profiles, world
from tests.lab.agent import Agent
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import Stage
from tests.lab.strongswan import wait_for
from tests.lab.tunnel import SECOND, Tunnel

FLOWS = 150  # of a policy in each of two states


@scenario("kernel against explain: random policies, states and flows with real sockets", rounds=6, full_rounds=200, batch=20, long=True)
def agree(place):
    seed = secrets.randbits(32)
    print(f"     seed {seed}", file=sys.stderr)
    return compare(place, seed, place.rounds)


def compare(place, seed, policies):
    rng = agreement.seeded(seed)
    tally = Tally(runs=0, status="random")
    stage = Stage(place)
    for app in profiles.APPS:  # as the desktop lays them out at login; one that is made later is a scenario of its own
        place.app_cgroup(app.rsplit(".", 1)[1])
    tunnels = {"tun0": place.tunnel, "tun1": Tunnel(place, "tun1", SECOND)}
    for access in (world.WIFI, world.CELLULAR):
        _neighbours(place, access)
    wrong = []
    for number in range(policies):
        kind, profile, included, excluded = agreement.random_profile(rng, stage.identity, stage.authority)
        wrong += _one_policy(place, stage, rng, tunnels, (kind, profile, included, excluded), tally, f"seed {seed} policy {number}")
        if len(wrong) > 20:
            break
    expect(not wrong, f"{len(wrong)} of {tally.runs} flows disagree: " + " | ".join(wrong[:6]))
    return tally


def _neighbours(place, access):
    """Hosts on the link that nobody is: the router's capture sees what is sent to them."""
    mac = ":".join(f"{byte:02x}" for byte in place.places[access.name].address("device0"))
    net = access.router.rsplit(".", 1)[0]
    place.device.ip(f"neigh replace {net}.77 lladdr {mac} dev {access.link}", f"neigh replace {net}.1 lladdr {mac} dev {access.link}",
                    f"neigh replace 169.254.7.7 lladdr {mac} dev {access.link}", f"neigh replace {access.router6[:-1]}77 lladdr {mac} dev {access.link}", f"neigh replace {access.router6} lladdr {mac} dev {access.link}")


def _one_policy(place, stage, rng, tunnels, chosen, tally, title):
    kind, profile, included, excluded = chosen
    name = {"always-on": profiles.ALWAYS_ON_TUNNEL, "per-app": profiles.PER_APP}.get(kind, profiles.DEVICE_WIDE)
    link = "tun1" if kind == "per-app" else "tun0"
    policy = stage.compile(profile, name="random")
    agent = Agent(place, place.build, policy, tunnels={name: {}})
    agent.start()
    wrong = []
    client = agent.client(name)
    try:
        for _ in range(2):
            status = rng.choice(("connected", "connected", "reasserting", "disconnected", "connecting"))
            settings = {"interface": link, "included": included, "excluded": excluded}
            client.report("connected", **settings)
            client.report(status, **settings)
            status = _settled(agent)  # a tunnel that is wanted does not stay disconnected
            flows = agreement.random_flows(rng, FLOWS)
            answers = agreement.explain(place.build / "bin/vpnprofile", place.folder, policy, _state(place, agent, name, status, link, included, excluded), flows)
            wrong += [f"{title} {kind} {status}: {text}" for text in _send_and_compare(place, stage, tunnels, flows, answers, name)]
            tally.runs += len(flows)
    finally:
        client.close()
        agent.remove()
    return wrong


def _settled(agent):
    """The tunnel's status, once it does not change any more."""
    seen = []
    wait_for(lambda: seen.append(agent.request("status")["tunnels"][0]["status"]) or (len(seen) > 10 and len(set(seen[-10:])) == 1), "a status that stays")
    time.sleep(0.1)
    return seen[-1]


def _state(place, agent, tunnel, status, link, included, excluded):
    """As the lab knows it, not as the agent thinks."""
    interfaces = [{"name": access.link, "type": access.kind, "addresses": [f"{access.device}/24", f"{access.device6}/64", *_link_local(place, access.link)]}
                  for access in (world.WIFI, world.CELLULAR)]
    routes = []
    for access in (world.WIFI, world.CELLULAR):
        routes += [{"destination": f"{access.router.rsplit('.', 1)[0]}.0/24", "interface": access.link},
                   {"destination": f"{access.router6.split('::')[0]}::/64", "interface": access.link}]
    return {"primary_interface": world.WIFI.link, "interfaces": interfaces, "system_routes": routes,
            "tunnels": {tunnel: {"status": status, "interface": link, "included_routes": included, "excluded_routes": excluded,
                                 "endpoints": [{"address": world.GATEWAY, "protocol": "udp", "port": 51820}]}}}


def _link_local(place, link):
    for line in place.device.run(["ip", "-6", "-br", "addr", "show", "dev", link]).split():
        if line.startswith("fe80"):
            yield line


def _send_and_compare(place, stage, tunnels, flows, answers, name):
    captures = {tunnel: place.device.capture(tunnel) for tunnel in tunnels}
    place.take()
    results = [None] * len(flows)
    for app in {flow.app for flow in flows}:
        cgroup = app.rsplit(".", 1)[1] if app != "other" else "nobody"
        mine = [i for i, flow in enumerate(flows) if flow.app == app]
        for i, result in zip(mine, stage.app(cgroup).call(agreement.emit, [flows[i] for i in mine])):
            results[i] = result
    time.sleep(0.05)
    seen = {access.link: place.captures[access.link].take() for access in (world.WIFI, world.CELLULAR)}
    seen |= {tunnel: capture.take_sent() for tunnel, capture in captures.items()}
    for capture in captures.values():
        capture.close()
    wrong = []
    for flow, answer, result in zip(flows, answers, results):
        if result == "unscoped" or (flow.scope and answer["rule"] == "S7") or _elsewhere(flow):
            continue
        left = {link for link, frames in seen.items() if agreement.where(frames, flow)}
        own = agreement.disagreement(flow, answer, left, _system(place, flow), world.WIFI.link, result)
        if own:
            wrong.append(f"{flow.app} {flow.protocol} {flow.remote}:{flow.port} scope {flow.scope or '-'}: explain {answer['verdict']} {answer['rule']}, {own}")
    return wrong


def _elsewhere(flow):
    """Bound to one link, for a host on the other: the kernel asks for it by ARP, and waits."""
    link = {"192.168.1.": world.WIFI.link, "2001:db8:1:": world.WIFI.link, "10.64.0.": world.CELLULAR.link, "2001:db8:2:": world.CELLULAR.link}
    return flow.scope and any(flow.remote.startswith(net) and own != flow.scope for net, own in link.items())


def _system(place, flow):
    """By which interface the main table sends a flow."""
    text = place.device.run(["ip", *(["-6"] if ":" in flow.remote else []), "route", "get", flow.remote, *(["oif", flow.scope] if flow.scope else [])], check=False)
    words = text.split()
    return words[words.index("dev") + 1] if "dev" in words else None
