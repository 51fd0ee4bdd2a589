"""An identity of a SCEP payload: a program of the administrator's enrols it (agent.yaml, `enrolment`)."""

import json
from pathlib import Path

from tests.lab import life, profiles, strongswan, world
from tests.lab.agent import Agent
from tests.lab.ike import OUTER
from tests.lab.scenario import Tally, expect, scenario
from tests.lab.stage import Base

CHALLENGE = "open sesame"


class EnrolledStage(Base):
    def __init__(self, place):
        super().__init__(place, profiles.DEVICE_WIDE)
        scep = profiles.scep(CHALLENGE)
        self.policy = self.compile(profiles.ikev2(
            self.authority, scep, AuthenticationMethod="Certificate", ExtendedAuthEnabled=0, PayloadCertificateUUID=profiles.IDENTITY,
            CertificateType="ECDSA256", LocalIdentifier=strongswan.DEVICE_NAME))
        self.request, self.ready = place.folder / "request", place.folder / "ready"
        program = place.folder / "enrol"
        self.process = place.folder / "process"
        program.write_text(f"#!/bin/sh\ncat >{self.request}\necho $$ >{self.process}\nsleep 1\n[ -e {self.ready} ] || exit 1\ncat {self.identity.key} {self.identity.certificate}\n")
        program.chmod(0o755)
        self.agent = Agent(place, place.build, self.policy, service=True, configuration={
            "enrolment": {"program": str(program)}, "captive": {"url": "http://127.0.0.1:9/"}})  # or it looks for a portal elsewhere

    def role(self, process):
        """What the kernel takes a process for."""
        flow = {"remote": world.WIFI.router, "protocol": "udp", "remote_port": 53}
        return self.agent.request("why", pid=process, flow=json.dumps(flow))["flow"].get("role")

    def enrols(self):
        """The process of the program at work, or None."""
        try:
            process = int(self.process.read_text())
            return process if Path(f"/proc/{process}").exists() else None
        except (OSError, ValueError):
            return None

    def start_gateway(self):
        strongswan.gateway(self.place, self.authority)
        self.ready.touch()


@scenario("IKEv2 with an identity by SCEP: the administrator's program enrols it, at the second try", needs=strongswan.available)
def scep(place):
    tally = Tally(control_leaked=life.control(place), status="connecting, connected")
    stage = EnrolledStage(place)
    stage.start()
    expect(stage.role(stage.agent.pid) == "agent", "the agent is not known as such")
    strongswan.wait_for(stage.enrols, "the program at work")
    expect(stage.role(stage.enrols()) is None, "what enrols is taken for the agent, and so exempt")
    strongswan.wait_for(lambda: "the enrolment program" in stage.agent.log(), lambda: f"a failure: {stage.agent.log()[-2500:]}")
    place.take()
    stage.start_gateway()
    stage.wait("connected", 30)
    life.carries(stage, place, "connected")
    tally.count(place.take(), life.lockdown(OUTER))
    request = json.loads(stage.request.read_text())
    expect(request["kind"] == "scep" and request["uuid"] == profiles.IDENTITY, f"the request: {request}")
    expect(CHALLENGE in json.dumps(request["settings"]), f"the request has no challenge: {request}")
    expect(CHALLENGE not in stage.agent.log(), "the challenge is in the log")
    stage.agent.kill()
    stage.agent.start()
    stage.wait("connected", 20)  # adopted
    life.carries(stage, place, "after the agent was killed")
    return tally
