"""Other people on the machine: forgers of an app's identity, administrators with nft and ip, other VPNs and containers."""

import os
import random
import shutil
import socket
import subprocess
import time

from tests.lab import profiles, world
from tests.lab.frames import UDP, Leak
from tests.lab.load import Flood
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import REFUSED, Stage, lockdown
from tests.lab.strongswan import wait_for

_ONE = "import socket, sys\ntry: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), ('%s', 9))\nexcept OSError as e: sys.exit(e.errno)\n"
_HELPER = "import subprocess, sys\nsys.exit(subprocess.run(['/usr/bin/python3', '-c', sys.argv[2], sys.argv[1]]).returncode)\n"


def _program(stage, path, title, code=_ONE % world.SERVER, name=None, more=(), environment=None):
    """Runs a program of the device that is in no app's cgroup; its exit code: 0, or the number of the error."""
    return stage.app("nobody").call(_execute, str(path), name or str(path), ["-I", "-S", "-c", code, title, *more], environment or {})


def _execute(path, name, arguments, environment):
    return subprocess.run([name, *arguments], executable=path, env={**os.environ, **environment}, check=False).returncode


@scenario("identity: what pretends to be an exempt app is not (name, copy, script, helper)")
def identity(place):
    own = place.folder / "exempt"
    shutil.copy2("/usr/bin/python3.11", own)
    apps = {**profiles.APPS, "com.example.exempt": {"paths": [str(own)]}}
    stage = Stage(place)
    profile = profiles.always_on(stage.identity, stage.authority, ApplicationExceptions=[{"BundleIdentifier": "com.example.exempt"}])
    stage.agent.policy = stage.compile(profile, apps=apps)
    stage.start()
    place.take()
    expect(_program(stage, own, "true") == 0, f"the exempt app itself is refused; {stage.agent.log()[-800:]}")
    copy, script = place.folder / "copy/exempt", place.folder / "script"
    copy.parent.mkdir()
    shutil.copy2(own, copy)
    script.write_text(f"#!/usr/bin/python3 -IS\n{_ONE % world.SERVER}")
    script.chmod(0o755)
    forgeries = {
        "argv[0]": _program(stage, "/usr/bin/python3.11", "argv0", name=str(own)),
        "copy": _program(stage, copy, "copy"),
        "script": stage.app("nobody").call(_execute, str(script), str(own), ["script"], {}),
        "helper": _program(stage, own, "helper", code=_HELPER, more=[_ONE % world.SERVER]),
        "preload of the name": _program(stage, "/usr/bin/python3.11", "environ", environment={"_": str(own)}),
    }
    expect(all(code in REFUSED for code in forgeries.values()), f"not refused: {forgeries}")
    time.sleep(0.05)
    frames = place.take()
    expect(any(b"true" in frame.data for frame in frames), "the exempt app's datagram was not on the wire")
    tally = Tally(runs=len(forgeries), control_leaked=1, status="disconnected")
    tally.count(frames, lockdown(direct=[Leak(token=b"true")]))
    return tally


@scenario("another administrator flushes nftables, rules and routes under load: nothing leaks, all is back within a second", rounds=5, full_rounds=100)
def flushed(place):
    tally = Tally(runs=place.rounds, status="connected")
    stage = Stage(place).start().connect()
    rules = place.device.run(["ip", "rule"])
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    tally.control_leaked = None
    for _ in range(place.rounds):
        place.device.run(["nft", "flush", "ruleset"])
        wait_for(lambda: "vpn_guard" in place.device.run(["nft", "list", "tables"]), "the gate is not back", 1)
        place.device.run(["ip", "rule", "flush"])
        place.device.ip("rule add pref 32766 lookup main", "rule add pref 32767 lookup default")
        wait_for(lambda: len(place.device.run(["ip", "rule"]).splitlines()) >= len(rules.splitlines()), "the rules are not back", 2)
    flood.stop()
    time.sleep(0.05)
    tally.count(place.take(), lockdown())
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"afterwards the tunnel does not carry: {answer}; {stage.agent.log()[-1500:]}")
    return tally


@scenario("beside Docker's and Tailscale's rules, strict rp_filter and others' nftables: the tunnel carries, nothing leaks")
def beside(place):
    tally = Tally(status="connected")
    place.device.run(["nft", "-f", "-"], text="""
table ip nat {
  chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; ip saddr 172.17.0.0/16 masquerade; }
}
table ip filter {
  chain FORWARD { type filter hook forward priority filter; policy drop; }
  chain ts-forward { meta mark set meta mark and 0xff00ffff or 0x40000; }
}
table inet firewalld {
  chain input { type filter hook input priority filter + 10; policy accept; ct state established,related accept; }
}
""")
    place.device.ip("rule add pref 5210 fwmark 0x80000/0xff0000 lookup main", "rule add pref 5250 fwmark 0x80000/0xff0000 unreachable",
                    "rule add pref 5270 lookup 52", "route add 100.100.0.0/16 dev wlan0 table 52")
    place.device.sysctl(net__ipv4__conf__all__rp_filter=1, net__ipv4__conf__default__rp_filter=1)
    for access in (world.WIFI, world.CELLULAR):
        place.device.sysctl(**{f"net__ipv4__conf__{access.link}__rp_filter": 1})
    stage = Stage(place).start()
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer in REFUSED, f"before the tunnel: {answer}")
    stage.connect()
    place.take()
    for protocol in ("tcp", "udp"):
        answer, _ = stage.ask("browser", world.SERVER, protocol=protocol)
        expect(answer == b"hello", f"{protocol} through the tunnel: {answer}; {stage.agent.log()[-1500:]}")
    tally.count(place.take(), lockdown())
    expect("5270" in place.device.run(["ip", "rule"]) and "firewalld" in place.device.run(["nft", "list", "tables"]), "others' rules were taken away")
    return tally


@scenario("a silent agent: after its heartbeat has aged, local networks are no longer believed")
def stale(place):
    tally = Tally(status="connected")
    profile = profiles.device_wide(IncludeAllNetworks=1, ExcludeLocalNetworks=1)
    stage = Stage(place, profile, profiles.DEVICE_WIDE).start().connect()
    before = stage.app("browser").call(_datagram, world.WIFI.router)
    stage.agent.kill()
    soon = stage.app("browser").call(_datagram, world.WIFI.router)
    stage.agent.age(16)
    place.take()
    late = stage.app("browser").call(_datagram, world.WIFI.router)
    expect((before, soon) == (0, 0), f"the local network with an agent: {before}, just after its end: {soon}")
    expect(late in REFUSED, f"the local network 16 s after the agent's last sign: {late}")
    time.sleep(0.05)
    tally.count([frame for frame in place.take() if frame.protocol == UDP], lockdown())
    answer, _ = stage.ask("browser", world.SERVER)
    expect(answer == b"hello", f"the tunnel does not carry without the agent: {answer}")
    return tally


def _datagram(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.sendto(b"local", (server, 9))
        except OSError as error:
            return error.errno
    return 0


@scenario("the agent is killed in the middle of what it does, at random moments, under load", rounds=8, full_rounds=1000, long=True)
def killed_at_work(place):
    rng = random.Random(place.folder.name)
    tally = Tally(runs=place.rounds, status="all")
    stage = Stage(place).start().connect()
    policies = [stage.compile(name="next") for _ in range(min(place.rounds, 20))]
    place.take()
    flood = Flood(place, "browser", world.SERVER, rate=2000)
    for number in range(place.rounds):
        command = [place.build / "bin/vpnagentctl", "apply", policies[number % len(policies)], "--control", stage.agent.control]
        with place.device.inside():
            apply = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.random() * 0.03)
        stage.agent.kill()
        apply.wait()
        stage.agent.start()
        stage.new_client()
        time.sleep(rng.random() * 0.1)
        tally.count(place.take(), lockdown())
    flood.stop()
    time.sleep(0.05)
    tally.count(place.take(), lockdown())
    return tally
