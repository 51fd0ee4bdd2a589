"""Credentials that somebody has to say: asked for in the status, answered by vpnagentctl, from a terminal and from standard input."""

import base64
import json
import os
import pty
import select
import socket
import subprocess

from tests.lab import life, openvpn, profiles, strongswan
from tests.lab.agent import Agent
from tests.lab.ike import OUTER
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.scenarios.openvpn import OpenvpnStage
from tests.lab.stage import REFUSED, Base
from tests.lab.strongswan import wait_for
from tests.lab.world import SERVER

WRONG, CODE = "wrong horse", "246810"


def _needs(stage):
    (tunnel,) = stage.agent.request("status")["tunnels"]
    return tunnel.get("needs"), tunnel["status"]


def asked(stage, kind, refused=False, seconds=15):
    """Waits for a question, which keeps the tunnel `connecting`."""
    wait_for(lambda: (_needs(stage)[0] or {}).get("kind") == kind and _needs(stage)[0]["refused"] == refused,
             lambda: f"a question for the {kind}, refused {refused}: {_needs(stage)}; {stage.agent.log()[-2500:]}", seconds)
    needs, status = _needs(stage)
    expect(status == "connecting", f"asked while {status}")
    return needs


def _command(stage):
    return [str(stage.place.build / "bin/vpnagentctl"), "answer", "--control", str(stage.agent.control)]


def answer(stage, *lines):
    """By standard input, a line for each question; what it prints in the end."""
    done = subprocess.run(_command(stage), input="".join(f"{line}\n" for line in lines), text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def _type(stage, text):
    """At a terminal: all that is seen there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(_command(stage)[0], _command(stage))
    seen = b""
    while b": " not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, text.encode() + b"\n")
    while select.select([terminal], [], [], 60)[0]:
        try:
            seen += os.read(terminal, 1000)
        except OSError:  # it has ended
            break
    os.waitpid(pid, 0)
    os.close(terminal)
    return seen.decode()


def _nowhere(stage, *secrets):
    """In no log, argument, environment or file of ours."""
    seen = stage.place.device.run(["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '"]) + stage.agent.log()
    for file in [path for path in (stage.agent.folder / "state").rglob("*") if path.is_file()]:
        seen += file.read_bytes().decode(errors="replace")
    for secret in secrets:
        expect(secret not in seen, f"'{secret}' is where others can see it")


class _EapStage(Base):
    """By EAP, with a password that the profile does not have."""

    def __init__(self, place, **options):
        super().__init__(place, profiles.DEVICE_WIDE)
        self.policy = self.compile(profiles.ikev2(self.authority))
        self.agent = Agent(place, place.build, self.policy, **options)

    def start_gateway(self):
        return strongswan.gateway(self.place, self.authority)


@scenario("IKEv2, EAP without a password in the profile: asked for, refused, asked for again; by a terminal", needs=strongswan.available)
def eap(place):
    tally = Tally(control_leaked=life.control(place), status="connecting, connected")
    stage = _EapStage(place)
    stage.start_gateway()
    stage.start()
    needs = asked(stage, "password")
    expect(strongswan.USER in needs["prompt"] and not needs["echo"], f"the question: {needs}")
    place.take()
    reply, took = stage.ask("browser", SERVER, protocol="udp")
    expect(reply in REFUSED and took < 0.5, f"while it is asked for: {reply}")
    expect("asks for: password of alice for Lab" in subprocess.run([_command(stage)[0], "status", *_command(stage)[2:]], capture_output=True, text=True).stdout,
           "the status does not say what is asked for")
    code, text = answer(stage, WRONG)
    expect(code == 1 and "refuses" in text, f"a wrong password: {code}, {text}; {stage.agent.log()[-2500:]}")
    asked(stage, "password", refused=True)
    seen = _type(stage, strongswan.PASSWORD)
    expect("That was refused" in seen and strongswan.PASSWORD not in seen and "connected" in seen, f"at the terminal: {seen}")
    stage.wait("connected")
    life.carries(stage, place, "connected")
    tally.count(place.take(), life.lockdown(OUTER))
    _nowhere(stage, WRONG, strongswan.PASSWORD)
    life.kill("charon-systemd")(stage, place)
    stage.wait("connected", 30)  # with the same answer: nobody is asked again
    stage.agent.request("disconnect", tunnel=profiles.DEVICE_WIDE)
    stage.wait("disconnected")
    stage.agent.request("connect", tunnel=profiles.DEVICE_WIDE)
    asked(stage, "password")
    return tally


class _LoginStage(OpenvpnStage):
    """By a password that the profile does not have; the gateway's own check decides."""

    def __init__(self, place, check, **directives):
        super().__init__(place, password="")
        self.policy = self.compile(profiles.openvpn(self.authority, None, "udp", "", **directives))
        self.agent = Agent(place, place.build, self.policy)
        self._check = check

    def start_gateway(self):
        self.gateway = openvpn.Gateway(self.place, self.authority, "udp", True, self._check).start()


def _base64(text):
    return base64.b64encode(text.encode()).decode()


@scenario("OpenVPN with a static challenge: password and one-time code are asked for", needs=openvpn.available)
def static_challenge(place):
    tally = Tally(control_leaked=life.control(place), status="connecting, connected")
    both = f"SCRV1:{_base64(strongswan.PASSWORD)}:{_base64(CODE)}"
    stage = _LoginStage(place, f'[ "$password" = "{both}" ]', **{"static-challenge": '"The code of your token" 1'})
    stage.start_gateway()
    stage.start()
    asked(stage, "password")
    place.take()
    code, text = answer(stage, strongswan.PASSWORD, CODE)
    expect(code == 0 and "connected" in text, f"{code}, {text}; {stage.agent.log()[-2500:]}")
    life.carries(stage, place, "connected")
    tally.count(place.take(), life.lockdown(OpenvpnStage.outer()))
    _nowhere(stage, strongswan.PASSWORD, CODE, both)
    return tally


@scenario("OpenVPN with a dynamic challenge: a wrong password, the right one, then the server's own question", needs=openvpn.available)
def dynamic_challenge(place):
    tally = Tally(control_leaked=life.control(place), status="connecting, connected")
    stage = _LoginStage(place, f"""case "$password" in
  "CRV1::state-1::{CODE}") exit 0 ;;
  "{strongswan.PASSWORD}") echo "CRV1:R,E:state-1:{_base64(strongswan.USER)}:Code from the letter" >"$auth_failed_reason_file" ;;
esac
exit 1""")
    stage.start_gateway()
    stage.start()
    asked(stage, "password")
    place.take()
    code, text = answer(stage, WRONG)
    expect(code == 1, f"a wrong password: {code}, {text}")
    asked(stage, "password", refused=True)
    code, text = answer(stage, strongswan.PASSWORD, CODE)
    expect(code == 0 and "connected" in text, f"{code}, {text}; {stage.agent.log()[-2500:]}")
    life.carries(stage, place, "connected")
    tally.count(place.take(), life.lockdown(OpenvpnStage.outer()))
    _nowhere(stage, WRONG, strongswan.PASSWORD, CODE)
    return tally


@scenario("who may answer a tunnel's question: root; the user before the screen where the configuration says so", needs=strongswan.available)
def who_may_answer(place):
    stage = _EapStage(place, configuration={"questions_answered_by": "active-session"})
    stage.start_gateway()
    stage.start()
    needs = asked(stage, "password")

    def try_as(uid):
        value = strongswan.PASSWORD.encode()
        request = {"command": "answer", "tunnel": profiles.DEVICE_WIDE, "question": needs["question"], "bytes": len(value)}
        return stage.app("asker", uid).call(_say, (str(stage.agent.control), request, value))

    seats = stage.agent.root / "run/systemd/seats"
    seats.mkdir(parents=True)
    (seats / "seat0").write_text("ACTIVE=1\nACTIVE_UID=1001\nSESSIONS=1\nUIDS=1001\n")
    expect(try_as(1002)["ok"] is False, "somebody who is not before the screen answered")
    done = try_as(1001)
    expect(done["ok"], f"the user before the screen may not answer: {done}")
    stage.wait("connected", 20)
    return Tally(status="connecting, connected")


def _say(how):
    path, request, value = how
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(json.dumps(request).encode() + b"\n" + value)
        return json.loads(s.makefile("rb").readline())
